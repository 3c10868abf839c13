"""Load on servers in short turns: each is asked for some hundredths of a second, then the next, then the first again.

So a server and its peers see the same machine, however fast its speed changes. Plain sockets and one selector: the
generator must cost less than what it measures, which shares the machine with it.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from benchmarks.measure import tree_processor
from benchmarks.serving.servers import Server

TURN_SECONDS = 0.06
_TURNS = 6
_MOST_OPENS = 5
"""Of a connection, one after the other."""
_ANSWERS = 4
"""Answers of each connection in a turn at least: a slow server's turn is longer: its last answers weigh little."""


@dataclass(slots=True)
class Load:
    """What came of some turns: answers, the seconds that they took, and each one's from request to whole answer.

    processor: seconds of the server, or of client and server; 0 where the system does not tell.
    """

    answers: int = 0
    seconds: float = 0.0
    processor: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds

    @property
    def rate_of_a_core(self) -> float:
        """Answers in a second of a processor."""
        return self.answers / self.processor if self.processor else 0.0

    @property
    def processor_each(self) -> float:
        """Processor seconds of an answer."""
        return self.processor / self.answers

    @property
    def p50(self) -> float:
        """Milliseconds within which half of the answers came."""
        return self._latency(50)

    @property
    def p99(self) -> float:
        """Milliseconds within which all answers came but one in a hundred."""
        return self._latency(99)

    def _latency(self, percent: int) -> float:
        return sorted(self.latencies)[len(self.latencies) * percent // 100] * 1e3


class Target(Protocol):
    """What is under load for one turn at a time."""

    def turn(self, load: Load) -> None:
        """Work for one turn and add what came of it to `load`."""


def alternate(targets: Mapping[str, Target], *, turns: int = _TURNS) -> dict[str, Load]:
    """So many turns of each target, one after the other, after one that does not count."""
    for target in targets.values():
        target.turn(Load())
    loads = {name: Load() for name in targets}
    for turn in range(turns):
        for name in list(targets)[:: 1 if turn % 2 == 0 else -1]:
            targets[name].turn(loads[name])
    return loads


class HttpTarget:
    """A server, asked over so many connections with one request on its way on each; no body: GET.

    The processor time is the server's, with that of its children.
    """

    def __init__(self, server: Server, path: str, connections: int, body: bytes | None = None):
        self._pid, kind = server.pid, server.content_type
        lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", "Host: 127.0.0.1"]
        if body is not None:
            lines += [f"Content-Type: {kind}", f"Content-Length: {len(body)}"]
        request = "\r\n".join((*lines, "", "")).encode() + (body or b"")
        self._selector = selectors.DefaultSelector()
        self._connections = [_Connection(server.port, request) for _ in range(connections)]
        for connection in self._connections:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def turn(self, load: Load) -> None:
        self._reconnect()
        began, worked = time.perf_counter(), tree_processor(self._pid)
        wanted = load.answers + _ANSWERS * len(self._connections)
        for connection in self._connections:
            connection.ask()
        waiting = len(self._connections)
        while waiting:
            for key, _ in self._selector.select(10):
                if key.data.is_ended():
                    self._open_again(key.data)
                    key.data.ask()
                elif (took := key.data.read()) is not None:
                    load.answers += 1
                    load.latencies.append(took)
                    if load.answers < wanted or time.perf_counter() - began < TURN_SECONDS:
                        key.data.ask()
                    else:
                        waiting -= 1
        load.seconds += time.perf_counter() - began
        load.processor += tree_processor(self._pid) - worked

    def _reconnect(self) -> None:
        """In place of those that the server closed, because the others' turns took longer than it keeps idle ones."""
        for connection in self._connections:
            if connection.is_ended():
                self._open_again(connection)

    def _open_again(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.open()
        self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def close(self) -> None:
        """Close its connections."""
        for connection in self._connections:
            connection.socket.close()
        self._selector.close()


class _Connection:
    """One connection and the answer that is coming in on it."""

    def __init__(self, port: int, request: bytes) -> None:
        self._port, self._request, self._received, self._opens = port, request, b"", 0
        self.socket = self._opened()

    def _opened(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self._port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def open(self) -> None:
        """Once more. Raises SystemExit where the server closes it time after time, without an answer."""
        self._opens += 1
        if self._opens > _MOST_OPENS:
            raise SystemExit("error: the server closes its connections without an answer")
        self.socket.close()
        self.socket = self._opened()

    def is_ended(self) -> bool:
        """Whether the server closed it before it began to answer: it was idle for too long."""
        if self._received:
            return False
        try:
            return not self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def ask(self) -> None:
        self._received = b""
        self._began = time.perf_counter()
        self.socket.sendall(self._request)

    def read(self) -> float | None:
        """Seconds of the request where its answer is whole now. Raises SystemExit for any answer but 200."""
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
        self._received, self._opens = b"", 0
        return time.perf_counter() - self._began


_IN_PROCESS = """
import sys, time
import numpy, xgboost
booster = xgboost.Booster(model_file=sys.argv[1])
booster.set_param({"nthread": 1})
rows = numpy.loadtxt(sys.argv[2], delimiter=",", dtype=numpy.float32, ndmin=2)
print("ready", flush=True)
for line in sys.stdin:
    count, began = 0, time.perf_counter()
    while (spent := time.perf_counter() - began) < float(line):
        booster.inplace_predict(rows)
        count += 1
    print(count, spent, flush=True)
"""


class InProcess:
    """xgboost's inplace_predict in a loop with one thread, no CSV and no HTTP: the mean of a process on each core.

    On each core, so that beside other work it has no smaller share of the machine than a server with a thread a core.
    """

    def __init__(self, model: Path, rows: Path, processes: int) -> None:
        command: Sequence[str | Path] = [sys.executable, "-W", "ignore", "-c", _IN_PROCESS, model, rows]
        pipe = subprocess.PIPE
        self._processes = [
            subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, encoding="utf-8")
            for _ in range(processes)
        ]
        for process in self._processes:
            self._line(process)

    def turn(self, load: Load) -> None:
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{TURN_SECONDS}\n")
            process.stdin.flush()
        for process in self._processes:
            count, seconds = self._line(process).split()
            load.answers += int(count)
            load.seconds += float(seconds)

    def close(self) -> None:
        """End its processes."""
        for process in self._processes:
            process.communicate()

    def _line(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"error: prediction in a process ended with {process.wait()}")
        return line
