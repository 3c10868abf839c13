"""Small CSV requests, the form of nearly all: their rows packed at once, and all that wait predicted in one call."""

from __future__ import annotations

import asyncio
import math
import struct
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import lru_cache

from localcloud.container.hosting.booster import Scores

_SLOW_SECONDS = 0.002
"""From a last call of this length on the next one runs on another thread, so that the loop goes on answering."""
_ROUNDS = 2
"""Rounds of the event loop in which more rows may come before a call. One was 20 % slower over 8 connections, and
four no faster than two."""
_MOST_BYTES = 8 << 20

_Waiting = tuple[bytes, int, "asyncio.Future[tuple[list[float], int]]"]


class MicroBatch:
    """Rows of many requests, one prediction.

    predict: rows packed one after the other and their number, to their scores; safe to call from another thread.
    pool:    where a slow prediction runs.
    Use it from one event loop.
    """

    def __init__(self, predict: Callable[[bytes, int], Scores], pool: Executor) -> None:
        self._predict, self._pool = predict, pool
        self._waiting: list[_Waiting] = []
        self._running = False
        self._last = 0.0

    async def predict(self, rows: bytes, count: int) -> tuple[list[float], int]:
        """The values of `count` rows, row after row, and the columns of each (0: one value a row)."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[tuple[list[float], int]] = loop.create_future()
        self._waiting.append((rows, count, answer))
        if not self._running:
            self._running = True
            loop.call_soon(self._start, _ROUNDS)
        return await answer

    def _start(self, rounds: int) -> None:
        """After so many more rounds of the loop, predict what is waiting, here or on another thread."""
        if rounds:
            asyncio.get_running_loop().call_soon(self._start, rounds - 1)
            return
        taken = self._taken()
        if self._last > _SLOW_SECONDS:
            running = asyncio.get_running_loop().run_in_executor(self._pool, self._call, taken)
            running.add_done_callback(lambda done: self._finish(taken, done.result()))
        else:
            self._finish(taken, self._call(taken))

    def _taken(self) -> Sequence[_Waiting]:
        size = count = 0
        for rows, _, _ in self._waiting:
            size += len(rows)
            if count and size > _MOST_BYTES:
                break
            count += 1
        taken, self._waiting = self._waiting[:count], self._waiting[count:]
        return taken

    def _call(self, taken: Sequence[_Waiting]) -> Scores | Exception:
        began = time.perf_counter()
        try:
            if len(taken) == 1:
                return self._predict(taken[0][0], taken[0][1])
            return self._predict(b"".join([rows for rows, _, _ in taken]), sum([count for _, count, _ in taken]))
        except Exception as error:
            return error
        finally:
            self._last = time.perf_counter() - began

    def _finish(self, taken: Sequence[_Waiting], scores: Scores | Exception) -> None:
        if isinstance(scores, Exception):
            for _, _, answer in taken:
                if not answer.done():
                    answer.set_exception(scores)
        else:
            values, columns = scores.values(), scores.columns
            width, start = max(1, columns), 0
            for _, count, answer in taken:
                end = start + count * width
                if not answer.done():  # its request may have been given up
                    answer.set_result((values[start:end], columns))
                start = end
        self._running = bool(self._waiting)
        if self._running:
            asyncio.get_running_loop().call_soon(self._start, _ROUNDS)


SMALL = 4096
"""Bytes up to which a body is small."""
SNIFFED = 512
"""Bytes of the first line in which the container looks for a delimiter; a comma there is it, whatever else stands."""
_MOST_VALUES = 1 << 16
"""Values up to which rows are packed here: a model may have a million features."""


def packed_csv(body: bytes, features: int) -> tuple[bytes, int] | None:
    """`features` float32 for each row, NaN where nothing is given, and the number of rows; None where not sure."""
    if b"_" in body:
        return None
    lines = body.strip().split(b"\n")
    if b"," not in lines[0][:SNIFFED]:
        return None  # its delimiter has to be found
    width = lines[0].count(b",") + 1
    if width > features or features * len(lines) > _MOST_VALUES or not lines[0]:
        return None
    pack = _packer(features)
    missing = [math.nan] * (features - width)
    packed = []
    try:
        for line in lines:
            cells = line.split(b",")
            if len(cells) != width:
                return None
            try:
                values = list(map(float, cells))
            except ValueError:
                values = [float(cell) if cell else math.nan for cell in cells]
            total = sum(values)
            if total - total and any(map(math.isinf, values)):
                return None
            packed.append(pack(*values, *missing))
    except (ValueError, OverflowError):
        return None
    return b"".join(packed), len(lines)


@lru_cache(maxsize=4)
def _packer(features: int) -> Callable[..., bytes]:
    # "<": the standard size refuses what is beyond float32, where the native one would make it infinite
    return struct.Struct(f"<{features}f").pack
