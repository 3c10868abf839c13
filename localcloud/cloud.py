"""The local cloud seen from outside: start it, stop it, ask how it is, point a client at it.

    cloud = LocalCloud.default()
    cloud.start(project=project)
    os.environ.update(cloud.environment(account="111122223333", region="us-east-1"))

Imports nothing heavy: the emulator lives in another process.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kickstand.errors import KickstandError, Problem
from localcloud.clients.environment import CLEARED, client_environment
from localcloud.clock import Clock
from localcloud.root_keys import RootKeys, root_client
from localcloud.server.process import START_SECONDS, end, last_lines, spawn
from localcloud.server.running import holder, listens
from localcloud.state import StateFolder

if TYPE_CHECKING:
    from kickstand.config.model import Project


@dataclass(frozen=True, slots=True)
class Status:
    """How the local cloud is."""

    running: bool
    state: Path
    url: str = ""
    pid: int | None = None
    started: float | None = None
    """Seconds since the epoch."""
    accounts: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Accounts that hold something, each with its regions."""
    time_factor: float = 1.0
    """Seconds of AWS in a real second."""
    unsaved: str = ""
    """Why the last save failed; empty when it did not."""
    state_bytes: int = 0


class LocalCloud:
    """One local cloud: the server of one state folder."""

    def __init__(self, state: Path) -> None:
        self.folder = StateFolder(state.resolve())

    @classmethod
    def default(cls) -> LocalCloud:
        """The one of this user: see StateFolder.default."""
        return cls(StateFolder.default().root)

    @property
    def url(self) -> str:
        """`https://127.0.0.1:PORT`. Raises KickstandError where it does not run."""
        return str(self._server()["url"])

    @property
    def log(self) -> Path:
        return self.folder.log

    def releases_folder(self, project: str) -> Path:
        """Where the releases of a project live under `--local`."""
        return self.folder.releases(project)

    def start(
        self, port: int | None = None, *, project: Project | None = None, time_factor: float | None = None
    ) -> None:
        """Start the server and wait until it answers; nothing where it runs already.

        port:    None: that of the last start, else 4566, else the next free one, which stderr names. 0: a free one.
        project: its profiles are written, and the roles that its environments assume are made.
        time_factor: how much shorter AWS's waits and periods are, at least 1; None: that of the server that runs
                 already, else 1.

        Raises KickstandError where the port is taken (or it runs on another, or at another time factor), or the server
        does not come up.
        """
        if time_factor is not None:
            _check_factor(time_factor)
        if self._running() is None:
            spawn(self.folder, port, time_factor or 1.0)
        running = self._server()
        if port and running["port"] != port:
            raise KickstandError(
                Problem(
                    f"The local cloud runs already, on port {running['port']}.",
                    fix=f"To move it: kickstand local stop, then kickstand local start --port {port}",
                )
            )
        if time_factor is not None and _factor_of(running) != time_factor:
            raise KickstandError(
                Problem(
                    f"The local cloud runs already, with the time factor {_factor_of(running):g}.",
                    fix=f"To change it: kickstand local stop, then kickstand local start --time-factor {time_factor:g}",
                )
            )
        if project is not None:
            from localcloud.organisation import prepare

            prepare(running["url"], self.folder, project)

    def stop(self, *, discard: bool = False) -> bool:
        """Stop the server and wait until its state is saved and it is gone. False where it did not run.

        discard: stop it although something cannot be saved, which is lost then.

        The only process that is signalled is the one that holds this folder's lock.
        Raises KickstandError where something cannot be saved: the server goes on running, so that nothing is lost.
        """
        if not discard:
            self._require_saved()
        stopped = end(self.folder)
        failed = stopped and self.folder.server.exists()
        self.folder.server.unlink(missing_ok=True)
        if failed and not discard:
            raise KickstandError(
                Problem(
                    "The local cloud is stopped, but its last save failed: what changed in its last second is lost.",
                    str(self.folder.log),
                    "The log's last lines say why. Start it again: kickstand local start",
                )
            )
        return stopped

    def status(self) -> Status:
        """How it is; asks the server where one runs."""
        server = self._running()
        size = _size(self.folder.root)
        if server is None:
            return Status(running=False, state=self.folder.root, state_bytes=size)
        from localcloud.server.running import request_status

        try:
            answer = request_status(server["url"], self.folder.ca, server["token"])
        except (OSError, ValueError) as error:
            raise KickstandError(
                Problem(
                    f"The local cloud (process {server['pid']}) runs but does not answer: {error}",
                    str(self.folder.log),
                    "kickstand local stop, then kickstand local start",
                )
            ) from error
        return Status(
            running=True,
            state=self.folder.root,
            url=server["url"],
            pid=server["pid"],
            started=server["started"],
            accounts=tuple((account, tuple(regions)) for account, regions in answer["accounts"].items()),
            time_factor=_factor_of(server),
            unsaved=answer["unsaved"],
            state_bytes=size,
        )

    def reset(self) -> None:
        """Stop it and delete everything in its state folder, releases included."""
        self.stop(discard=True)
        if self.folder.root.exists():
            shutil.rmtree(self.folder.root)

    def root_key(self, account: str) -> dict[str, str]:
        """`AccessKeyId` and `SecretAccessKey` of an account's root. Raises KickstandError for a damaged secret."""
        return RootKeys(self.folder).key(account)

    def client(self, service: str, account: str, region: str) -> Any:
        """A boto3 client as the root of an account. Raises KickstandError where it does not run."""
        return root_client(self.folder, self.url, service, account, region)

    def environment(self, account: str, region: str) -> dict[str, str]:
        """The variables that point a client at it, as the root of an account in a region.

        Those of `client_environment.CLEARED` must not be set beside them; `enter` sees to both.
        Raises KickstandError where it does not run.
        """
        url, key = self.url, self.root_key(account)
        variables = client_environment(
            url,
            self.folder.ca,
            access_key_id=key["AccessKeyId"],
            secret_access_key=key["SecretAccessKey"],
            region=region,
            config=self.folder.aws_config,
            credentials=self.folder.aws_credentials,
        )
        for name in ("NO_PROXY", "no_proxy"):
            others = [each for each in os.environ.get(name, "").split(",") if each and each not in variables[name]]
            variables[name] = ",".join([variables[name], *others])
        return variables

    def enter(self, account: str, region: str) -> None:
        """Point this process, and those that it starts, at it. Raises KickstandError where it does not run."""
        variables = self.environment(account, region)
        for name in CLEARED:
            os.environ.pop(name, None)
        os.environ.update(variables)

    def _require_saved(self) -> None:
        """KickstandError where a server runs that cannot save what it holds."""
        from localcloud.server.running import SAVE, request_status

        try:
            record = json.loads(self.folder.server.read_bytes())
            if holder(self.folder.lock) != record["pid"]:
                return
            unsaved = request_status(record["url"], self.folder.ca, record["token"], path=SAVE)["unsaved"]
        except (OSError, ValueError, KeyError):
            return  # it does not answer: it is ended as it is
        if unsaved:
            raise KickstandError(
                Problem(
                    f"The local cloud cannot save: {unsaved}.",
                    str(self.folder.root),
                    "It goes on running. Make room on that disk, then stop it again; or lose what is not saved: "
                    "kickstand local stop --discard",
                )
            )

    def _server(self) -> dict[str, Any]:
        running = self._running()
        if running is None:
            raise KickstandError(
                Problem("The local cloud is not running.", str(self.folder.root), "Start it: kickstand local start")
            )
        return running

    def _running(self) -> dict[str, Any] | None:
        """What the server wrote when it was ready; waits for one that is on its way. None where none is."""
        deadline = time.monotonic() + START_SECONDS
        while (pid := holder(self.folder.lock)) is not None:
            try:
                record: dict[str, Any] = json.loads(self.folder.server.read_bytes())
                # A server that was killed a moment ago may still hold its lock, but its port is closed.
                if record["pid"] == pid and listens(record["port"]):
                    return record
            except (OSError, ValueError):
                pass
            if time.monotonic() > deadline:
                raise KickstandError(
                    Problem(f"The local cloud (process {pid}) does not become ready.", str(self.folder.log))
                )
            time.sleep(0.05)
        return None

    def last_log_lines(self, count: int) -> str:
        """The end of the server's log."""
        return last_lines(self.log, count)


def _check_factor(time_factor: float) -> None:
    try:
        Clock(time_factor)
    except ValueError as error:
        fix = "For example: kickstand local start --time-factor 60"
        raise KickstandError(Problem(str(error), "--time-factor", fix)) from error


def _factor_of(server: dict[str, Any]) -> float:
    """The time factor of a server; one of an earlier version has none."""
    return float(server.get("time_factor", 1.0))


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            if path.is_file():
                total += path.lstat().st_size
        except OSError:
            continue
    return total
