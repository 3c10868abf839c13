"""A load generator: so many connections, each with one request on its way at any time. A process of its own.

`python -m benchmarks.http_load PORT CONNECTIONS SECONDS PATH [BODY]` prints requests a second and latencies as JSON.
Plain sockets and one selector: it must cost less than what it measures, which shares the machine with it.
"""

from __future__ import annotations

import json
import selectors
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figure import BIN, REPOSITORY


@dataclass(frozen=True, slots=True)
class Load:
    """What came of it. rate: answers a second. p50, p99: milliseconds from request to whole answer."""

    rate: float
    p50: float
    p99: float


def load(port: int, connections: int, seconds: float, path: str, body: Path | None = None) -> Load:
    """Run the generator as a process and wait for it. body: POST this file's content as CSV; None: GET."""
    command = [
        BIN / "python",
        "-m",
        "benchmarks.http_load",
        port,
        connections,
        seconds,
        path,
        *([body] if body else []),
    ]
    done = subprocess.run([str(word) for word in command], cwd=REPOSITORY, check=True, capture_output=True)
    return Load(**json.loads(done.stdout))


class _Connection:
    """One connection and the answer that is coming in on it."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self.ask()

    def ask(self) -> None:
        self._received = b""
        self._began = time.perf_counter()
        self.socket.sendall(self._request)

    def read(self) -> float | None:
        """Seconds of the request where its answer is whole now. Ends the program for any answer but 200."""
        part = self.socket.recv(1 << 20)
        self._received += part
        head = self._received.find(b"\r\n\r\n")
        if not part or not self._received.startswith(b"HTTP/1.1 200"[: len(self._received)]):
            raise SystemExit(f"error: expected the status 200, found {self._received[:200]!r}")
        if head < 0:
            return None
        start = self._received.find(b"content-length: ") + len(b"content-length: ")
        if len(self._received) < head + 4 + int(self._received[start : self._received.find(b"\r", start)]):
            return None
        return time.perf_counter() - self._began


def main(port: int, connections: int, seconds: float, path: str, body: bytes | None) -> Load:
    """Ask for `seconds`, after a tenth of that to warm up."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
    if body is not None:
        lines = f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Content-Type: text/csv", f"Content-Length: {len(body)}"
        request = "\r\n".join((*lines, "", "")).encode() + body
    latencies: list[float] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(connections):
            connection = _Connection(port, request)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        began = time.perf_counter() + seconds / 10
        while (now := time.perf_counter()) < began + seconds:
            for key, _ in selector.select(1):
                took = key.data.read()
                if took is not None:
                    if now >= began:
                        latencies.append(took)
                    key.data.ask()
    latencies.sort()
    count = len(latencies)
    return Load(count / seconds, latencies[count // 2] * 1e3, latencies[count * 99 // 100] * 1e3)


if __name__ == "__main__":
    given = Path(sys.argv[5]).read_bytes() if len(sys.argv) > 5 else None
    found = main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4], given)
    sys.stdout.write(json.dumps({"rate": found.rate, "p50": found.p50, "p99": found.p99}))
