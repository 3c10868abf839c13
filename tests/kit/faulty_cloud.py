"""A local cloud whose containers can have faults that no model of XGBoost's has: those that models are marked with.

As a program it is the local cloud's server, and in the containers it is their serving program. Both are the real ones,
but that the answers of a model with the attribute `fault` are spoilt.
"""

from __future__ import annotations

import asyncio
import os
import re
import runpy
import subprocess
import sys
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from localcloud.cloud import LocalCloud
from localcloud.server import process as server_process

SLOW_SECONDS, LIFE = 6.0, 20
"""What `slow` is late by; the request at which `dies` does so. `errors`: 500 for one row in ten. `nan`: no number."""


_ROOT = Path(__file__).resolve().parents[2]


def fault_mark(fault: str) -> str:
    """The attribute's value for a fault."""
    return f"has the fault {fault}."


def start_faulty(cloud: LocalCloud, time_factor: float) -> None:
    """Start a cloud of this kind on a free port, as any other is started: in a test run it is forked."""
    start = vars(server_process)["subprocess"].Popen  # the real one, or that of warm_programs

    def start_this(line: Sequence[str], *, env: Mapping[str, str], **how: Any) -> Any:
        paths = [path for path in (env.get("PYTHONPATH"), str(_ROOT), str(Path(__file__).parent)) if path]
        words = [line[0], "-m", Path(__file__).stem, *line[1:]]
        return start(words, env={**env, "PYTHONPATH": os.pathsep.join(paths)}, **how)

    instead = SimpleNamespace(Popen=start_this, DEVNULL=subprocess.DEVNULL)
    with patch.object(server_process, "subprocess", instead):
        cloud.start(port=0, time_factor=time_factor)


def _server(arguments: list[str]) -> None:
    from localcloud.jobs.process.program import start_program

    def start_serving(module: str, *words: str, environment: Mapping[str, str], **how: Any) -> Any:
        paths = os.pathsep.join((environment["PYTHONPATH"], str(Path(__file__).parent)))
        return start_program(Path(__file__).stem, *words, environment={**environment, "PYTHONPATH": paths}, **how)

    sys.argv = arguments
    with patch("localcloud.jobs.hosting.model_process.start_program", start_serving):
        runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)


def _serving_program() -> int:
    from localcloud.container import serve
    from localcloud.container.contract import Layout
    from localcloud.container.hosting import application

    class FaultyApplication(application.ServingApplication):
        """The container's face over a model that may be marked."""

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments)
            content = b"".join(file.read_bytes() for file in Layout.from_environment(os.environ).model.iterdir())
            found = re.search(fault_mark("([a-z]+)").encode(), content)
            self.fault, self.requests = found[1].decode() if found else "", 0

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            if scope["path"] != "/invocations" or not self.fault:
                await super().__call__(scope, receive, send)
                return
            self.requests += 1
            message = await receive()
            if self.fault == "dies" and self.requests == LIFE:
                os._exit(137)
            if self.fault == "slow":
                await asyncio.sleep(SLOW_SECONDS)
            if self.fault == "errors" and zlib.crc32(message["body"]) % 10 == 0:
                await _answer(send, 500, b"Internal Server Error")
            elif self.fault == "nan":
                await _answer(send, 200, b"nan\n" * len(message["body"].splitlines()))
            else:
                await super().__call__(scope, _again(message, receive), send)

    with patch.object(application, "ServingApplication", FaultyApplication):
        return serve.main()


def _again(message: Any, receive: Any) -> Any:
    messages = [message]

    async def next_message() -> Any:
        return messages.pop() if messages else await receive()

    return next_message


async def _answer(send: Any, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"text/csv; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    if sys.argv[1:2] == ["-m"]:
        _server(sys.argv[2:])
    else:
        sys.exit(_serving_program())
