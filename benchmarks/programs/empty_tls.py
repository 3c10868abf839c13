"""The least that a TLS server can answer: 200 and nothing, by the same server, loop and certificate as the local cloud.

`python -m benchmarks.programs.empty_tls FOLDER` makes certificates in FOLDER, writes its port to FOLDER/port, and
serves until it is ended.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import BIN, REPOSITORY


@dataclass(frozen=True, slots=True)
class EmptyServer:
    """The process, and what a client's environment needs to send requests to it."""

    pid: int
    environment: Mapping[str, str]


@contextlib.contextmanager
def empty_tls(folder: Path) -> Iterator[EmptyServer]:
    """The server as a process, until the block ends."""
    process = subprocess.Popen(
        [str(BIN / "python"), "-m", "benchmarks.programs.empty_tls", str(folder)], cwd=REPOSITORY
    )
    try:
        while not (folder / "port").exists():
            if process.poll() is not None:
                raise SystemExit(f"error: the empty TLS server ended with {process.returncode}.")
            time.sleep(0.05)
        port = (folder / "port").read_text("utf-8")
        environment = {"AWS_ENDPOINT_URL": f"https://127.0.0.1:{port}", "AWS_CA_BUNDLE": str(folder / "ca")}
        yield EmptyServer(process.pid, environment)
    finally:
        process.terminate()
        process.wait()


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    headers = [(b"content-type", b"text/csv"), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


def main(folder: Path) -> None:
    import uvicorn

    from localcloud.server.certificates import ensure_certificates

    certificates = ensure_certificates(folder / "certificates")
    (folder / "ca").symlink_to(certificates.ca)
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    (folder / "port.new").write_text(str(listener.getsockname()[1]), "utf-8")
    (folder / "port.new").rename(folder / "port")
    configuration = uvicorn.Config(
        _nothing,
        lifespan="off",
        access_log=False,
        log_level="critical",
        proxy_headers=False,
        ssl_certfile=certificates.server,
        ssl_keyfile=certificates.server_key,
    )
    uvicorn.Server(configuration).run([listener])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
