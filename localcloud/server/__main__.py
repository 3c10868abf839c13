"""The local cloud's server: `python -m localcloud.server --state DIR [--port N] [--time-factor X]`.

One process: the emulator, our SageMaker in it, one TLS listener on 127.0.0.1. `localcloud.cloud` starts and stops it.
"""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import logging
import os
import resource
import secrets
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kickstand.errors import KickstandError
from localcloud import state
from localcloud.autoscaling import service as autoscaling
from localcloud.clock import Clock
from localcloud.cloudwatch import service as cloudwatch
from localcloud.ministack import corrections, door, persistence, registry, served
from localcloud.ministack.application import Application
from localcloud.ministack.iam import sts
from localcloud.ministack.kms.keys import stand_in
from localcloud.ministack.requests import authentication
from localcloud.ministack.s3 import objects
from localcloud.root_keys import RootKeys
from localcloud.sagemaker import service, service_quotas
from localcloud.server.certificates import Certificates, ensure_certificates
from localcloud.server.http import HttpServer, confine_to_loopback, ignore_disconnects
from localcloud.server.object_files import repair_objects
from localcloud.server.persistence import StateFiles
from localcloud.server.persistence_thread import PersistenceThread
from localcloud.server.running import KEYS, SAVE, STATUS, ServerContext, ServerLock, bind, healthy
from localcloud.state import StateFolder

_log = logging.getLogger("kickstand.server")

SERVICES = (cloudwatch, service, autoscaling, service_quotas)
"""Modules with `install(context)` before the start, `resume(context)` once the state is back and the loop runs
(on a worker thread), `shutdown()` at the stop (on a worker thread, before the last save)."""

_GRACE = 2.0
"""Seconds that requests in flight get at a stop."""


def main() -> None:
    """Run until SIGTERM. The first line on `--report FD` says `{"url": …}` or `{"error": [message, where, fix]}`."""
    parser = argparse.ArgumentParser(prog="python -m localcloud.server")
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument(
        "--port", type=int, help="default: the last start's, else 4566, else the next free one; 0: a free one"
    )
    parser.add_argument("--time-factor", type=float, default=1.0, help="seconds of AWS in a real second; default: 1")
    parser.add_argument("--report", type=int, metavar="FD", help="where to report readiness; default: standard output")
    arguments = parser.parse_args()
    # `kill -USR1 PID` writes to the log what every thread is doing: for a server that hangs.
    faulthandler.register(signal.SIGUSR1)
    _allow_many_connections()
    report = _reporter(arguments.report)
    state = StateFolder(arguments.state.resolve())
    state.create()
    with ServerLock(state.lock) as lock:
        if not lock.acquire():
            report({"running": True})
            return
        try:
            _Server(state, arguments.port, Clock(arguments.time_factor), report).run()
        except KickstandError as error:
            problem = error.problems[0]
            report({"error": [problem.message, problem.where, problem.fix]})
            sys.exit(1)
        except OSError as error:
            report(_not_started(error, state))
            sys.exit(1)
        finally:
            state.server.unlink(missing_ok=True)


class _Server:
    """One run of the server."""

    def __init__(
        self, state: StateFolder, port: int | None, clock: Clock, report: Callable[[dict[str, Any]], None]
    ) -> None:
        self._state, self._clock, self._report = state, clock, report
        self._keys = RootKeys(state)
        self._token = secrets.token_urlsafe(24)
        self._started = time.time()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener = bind(state, port)
        self._port: int = self._listener.getsockname()[1]
        self._url = f"https://127.0.0.1:{self._port}"

    def run(self) -> None:
        """Set up, serve, save. Raises KickstandError where it cannot start."""
        certificates = ensure_certificates(self._state.certificates)
        files = StateFiles(self._state.services)
        documents = files.load()
        for name in repair_objects(self._state.objects):
            _log.info("repaired the object %s, which was being written when the server was killed", name)
        confine_to_loopback()
        state.serve(self._state)
        # In this order: the emulator reads its settings, and S3 its files, while it is imported, which is now.
        served.configure(self._state, self._port)
        served.put_off_other_services()
        door.check()
        served.refuse_other_services()
        served.refuse_other_resource_types()
        served.refuse_other_routes()
        served.refuse_outgoing_requests()
        objects.install()
        context = ServerContext(self._state, self._url, self._port, certificates.ca, self._running_loop, self._clock)
        registry.install()
        authentication.install(self._keys)
        sts.trust(self._keys)
        persistence.keep_sessions()
        corrections.install(self._clock)
        for module in SERVICES:
            module.install(context)
        persistence.restore(documents)
        self._context = context
        self._saver = PersistenceThread(files, persistence.StateCapture())
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve(certificates))

    async def _serve(self, certificates: Certificates) -> None:
        self._loop = asyncio.get_running_loop()
        ignore_disconnects(self._loop)
        ended = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, ended.set)
        application = Application(on_start=self._saver.start, when_saved=self._saver.when_saved, own=self._answer)
        server = HttpServer(application, self._listener, certificate=certificates.server, key=certificates.server_key)
        serving = asyncio.create_task(server.answer())
        asking = asyncio.create_task(self._announce())
        stopping = asyncio.create_task(ended.wait())
        await asyncio.wait({serving, stopping, asking}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done() or asking.exception() is None:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        elif isinstance(failure := asking.exception(), OSError):
            # It could not write down that it is ready: a full disk.
            self._report(_not_started(failure, self._state))
            await asyncio.to_thread(self._end_programs)
            os._exit(1)
        asking.cancel()
        if serving.done():
            await serving
        await service.end_invocations(_GRACE)
        await application.drain(_GRACE)
        await self._stop()
        if not self._saver.failure:
            # A server.json that stays tells who stops it that the last save failed.
            self._state.server.unlink(missing_ok=True)
        logging.shutdown()
        # An orderly end of the loop would wait half a minute for idle clients to say goodbye over TLS.
        os._exit(0)

    async def _resume(self) -> None:
        """Take up what the last run's end cut short. What fails is told in the log: the rest is worth serving."""
        for module in SERVICES:
            try:
                await asyncio.to_thread(module.resume, self._context)
            except Exception:
                _log.exception("%s did not resume", module.__name__)
        try:
            await corrections.resume()
        except Exception:
            _log.exception("%s did not resume", corrections.__name__)
        self._saver.wake()

    def _end_programs(self) -> None:
        for module in SERVICES:
            try:
                module.shutdown()
            except Exception:
                _log.exception("%s did not shut down", module.__name__)

    async def _stop(self) -> None:
        await asyncio.to_thread(self._end_programs)
        await asyncio.to_thread(self._saver.stop)

    async def _announce(self) -> None:
        """Resume once the server answers (it asks itself), then tell that it is ready."""
        while not await asyncio.to_thread(healthy, self._url, self._state.ca, self._token):
            await asyncio.sleep(0.02)
        await self._resume()
        record = {
            "pid": os.getpid(),
            "port": self._port,
            "url": self._url,
            "started": self._started,
            "time_factor": self._clock.factor,
            "token": self._token,
        }
        self._write(self._state.port, str(self._port))
        self._write(self._state.server, json.dumps(record))
        self._report({"url": self._url})
        _log.info("ready at %s after %.1f s", self._url, time.time() - self._started)

    def _write(self, path: Path, text: str) -> None:
        staging = path.with_name(path.name + ".tmp")
        staging.touch(mode=0o600)
        staging.write_text(text, "utf-8")
        staging.replace(path)

    def _answer(self, path: str, headers: dict[str, str]) -> tuple[int, Any] | None:
        if path not in (STATUS, SAVE) and not path.startswith(KEYS):
            return None
        if not secrets.compare_digest(headers.get("authorization", "").encode(), f"Bearer {self._token}".encode()):
            return 403, {"message": "The token of server.json is needed."}
        if path.startswith(KEYS):
            made = stand_in(path.removeprefix(KEYS))
            self._saver.save_now()
            return 200, {"made": made}
        if path == SAVE:
            self._saver.save_now()
        return 200, {"pid": os.getpid(), "accounts": persistence.used_accounts(), "unsaved": self._saver.failure}

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise RuntimeError("the server's loop does not run yet")
        return self._loop


def _allow_many_connections() -> None:
    """Shells often allow 256 or 1,024 open files, which parallel clients and their models use up."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 8192 if hard == resource.RLIM_INFINITY else min(8192, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _not_started(error: OSError, state: StateFolder) -> dict[str, Any]:
    """The report of a server that the machine does not let start."""
    _log.error("the server cannot start", exc_info=error)
    fix = "Nothing is lost. Make room on that disk (or give the folder back to its user), then start it again."
    place = str(error.filename or state.root)
    return {"error": [f"The local cloud cannot start: {error.strerror or error}.", place, fix]}


def _reporter(descriptor: int | None) -> Callable[[dict[str, Any]], None]:
    """Writes one line and closes: the process that waits for it may be gone by then."""
    target = os.dup(1) if descriptor is None else descriptor

    def report(message: dict[str, Any]) -> None:
        try:
            os.write(target, json.dumps(message).encode() + b"\n")
        except BrokenPipeError:
            pass
        finally:
            os.close(target)

    return report


if __name__ == "__main__":
    main()
