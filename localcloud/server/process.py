"""The server's process as its user handles it: started apart from the one that starts it, ended, its log read."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from kickstand.errors import KickstandError, Problem
from kickstand.programs import registry_settings
from localcloud.server.running import holder, usual
from localcloud.state import StateFolder

START_SECONDS = 180.0
"""A start after a kill takes back stacks and hosts endpoints again before it is ready."""

_STOP_SECONDS = 30.0
_LOG_BYTES = 10_000_000
_INHERITED = frozenset(
    {
        *("PATH", "PYTHONPATH", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "HOME", "USER", "LOGNAME", "SHELL"),
        *("LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LOG_LEVEL"),
    }
)
_FAMILIES = ("LC_", "KICKSTAND_", "OMP_", "COVERAGE_", "COV_")


def spawn(folder: StateFolder, port: int | None, time_factor: float = 1.0) -> None:
    """Start the server of a state folder and wait until it is ready, or until it says that another one is.

    Where nobody named a port and another program has the usual one, stderr says which port it is instead.
    Raises KickstandError where the folder cannot be used, the port is taken, or the server does not come up.
    """
    _lay_out(folder)
    expected = usual(folder)
    reading, writing = os.pipe()
    command = [
        sys.executable,
        "-m",
        "localcloud.server",
        "--state",
        str(folder.root),
        "--report",
        str(writing),
    ]
    if time_factor != 1:
        command += ["--time-factor", repr(time_factor)]
    if port is not None:
        command += ["--port", str(port)]
    with folder.log.open("ab") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
            cwd=folder.root,
            env=_environment(),
            # Ctrl-C in the terminal that started it is not for it.
            start_new_session=True,
        )
    os.close(writing)
    with os.fdopen(reading, "rb") as report:
        message = _first_line(report.fileno(), START_SECONDS)
    if "url" in message:
        # It outlives this process on purpose; Popen would warn of that when it is collected.
        process.returncode = 0
        found = int(str(message["url"]).rpartition(":")[2])
        if port is None and found != expected:
            again = 'Shells that were pointed at it before: eval "$(kickstand local env)" again.'
            sys.stderr.write(f"Port {expected} is taken by another program: this is port {found}. {again}\n")
        return
    if not message:
        process.kill()
    process.wait()
    if "error" in message:
        raise KickstandError(Problem(*message["error"]))
    if not message:
        words = "Its last words:\n" + last_lines(folder.log, 15)
        raise KickstandError(Problem("The local cloud did not come up.", str(folder.log), words))


def end(folder: StateFolder) -> bool:
    """Stop the server and wait until its state is saved and it is gone. False where none runs.

    The only process that is signalled is the one that holds the folder's lock.
    """
    pid = holder(folder.lock)
    if pid is None:
        return False
    _signal(pid, signal.SIGTERM)
    if not _gone(folder, pid, _STOP_SECONDS):
        # Everything older than a second is saved; waiting longer would save nothing more.
        _signal(pid, signal.SIGKILL)
        if not _gone(folder, pid, 5):
            raise KickstandError(Problem(f"The local cloud (process {pid}) does not end.", str(folder.log)))
    return True


def last_lines(path: Path, count: int) -> str:
    """The end of a log file; empty where there is none."""
    try:
        lines = path.read_text("utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return ""
    return "\n".join(lines[-count:])


def _lay_out(folder: StateFolder) -> None:
    try:
        folder.create()
        for file in (folder.aws_config, folder.aws_credentials):
            # A missing file is an error to the AWS SDKs as soon as the environment names it.
            file.touch(mode=0o600)
        if folder.log.exists() and folder.log.stat().st_size > _LOG_BYTES:
            folder.log.replace(folder.log.with_name(folder.log.name + ".1"))
    except OSError as error:
        raise KickstandError(
            Problem(
                f"The local cloud cannot keep its state here: {error.strerror or error}.",
                str(folder.root),
                "Make room on that disk, or name another folder in KICKSTAND_LOCAL_STATE.",
            )
        ) from error


def _environment() -> dict[str, str]:
    """What the server needs of the environment: no credential of its owner's shell, and no setting of the emulator's.

    What says how packages are fetched stays: the server makes the Python environments of images.
    """
    kept = {name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith(_FAMILIES)}
    kept.update(registry_settings())
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *kept.get("PYTHONPATH", "").split(os.pathsep)]
    kept["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path for path in paths if path))
    kept["PYTHONUNBUFFERED"] = "1"
    return kept


def _first_line(descriptor: int, seconds: float) -> dict[str, Any]:
    """The JSON of the first line; empty where the writer ended or took too long."""
    text, deadline = b"", time.monotonic() + seconds
    while b"\n" not in text:
        ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        part = os.read(descriptor, 4096) if ready else b""
        if not part:
            return {}
        text += part
    message: dict[str, Any] = json.loads(text)
    return message


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _reap(pid: int) -> None:
    """Take leave of a child of ours, so that it does not stay as a zombie; others' are their parents'."""
    with suppress(ChildProcessError):
        os.waitpid(pid, 0)


def _gone(folder: StateFolder, pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while holder(folder.lock) == pid:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    _reap(pid)
    return True


def follow_log(path: Path, *, pause: float = 0.25) -> Iterator[str]:
    """What is appended to the file from now on, for ever; begins anew where the file was replaced or cut."""
    position = path.stat().st_size if path.exists() else 0
    while True:
        try:
            if path.stat().st_size < position:
                position = 0
            with path.open("rb") as file:
                file.seek(position)
                part = file.read()
        except FileNotFoundError:
            part = b""
        if part:
            position += len(part)
            yield part.decode(errors="replace")
        else:
            time.sleep(pause)
