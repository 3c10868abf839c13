"""Rows that wait are predicted in one call, and each request gets its own back."""

from __future__ import annotations

import asyncio
import struct
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from localcloud.container.hosting.booster import Scores
from localcloud.container.hosting.small_requests import MicroBatch


class Model:
    """Doubles each value; a row is one value. Tells what it was asked, and on which thread."""

    def __init__(self, seconds: float = 0.0, columns: int = 0) -> None:
        self.calls: list[int] = []
        self.threads: set[str] = set()
        self._seconds, self._columns = seconds, columns

    def __call__(self, rows: bytes, count: int) -> Scores:
        self.calls.append(count)
        self.threads.add(threading.current_thread().name)
        values = np.frombuffer(rows, dtype=np.float32)
        assert len(values) == count
        if 13.0 in values:
            raise ValueError("thirteen")
        time.sleep(self._seconds)
        return Scores((2 * values).repeat(max(1, self._columns)).tobytes(), self._columns)


def _packed(*values: float) -> tuple[bytes, int]:
    return struct.pack(f"{len(values)}f", *values), len(values)


def _run(model: Model, work: Callable[[MicroBatch], object]) -> object:
    async def main() -> object:
        with ThreadPoolExecutor(1, "slow") as pool:
            result = work(MicroBatch(model, pool))
            return await result if asyncio.iscoroutine(result) else result

    return asyncio.run(main())


def test_what_comes_in_one_round_is_one_call_and_each_gets_its_own() -> None:
    model = Model()

    async def ask(batch: MicroBatch) -> object:
        return await asyncio.gather(
            batch.predict(*_packed(1, 2)), batch.predict(*_packed(3)), batch.predict(*_packed(4))
        )

    assert _run(model, ask) == [([2.0, 4.0], 0), ([6.0], 0), ([8.0], 0)]
    assert model.calls == [4]


def test_what_comes_in_the_two_rounds_after_is_in_the_same_call() -> None:
    model = Model()

    async def ask(batch: MicroBatch) -> object:
        async def after(rounds: int) -> object:
            for _ in range(rounds):
                await asyncio.sleep(0)
            return await batch.predict(*_packed(rounds))

        return await asyncio.gather(*map(after, (0, 1, 2, 9)))

    assert _run(model, ask) == [([0.0], 0), ([2.0], 0), ([4.0], 0), ([18.0], 0)]
    assert model.calls == [3, 1]


def test_rows_of_several_columns_are_shared_out_by_rows() -> None:
    async def ask(batch: MicroBatch) -> object:
        return await asyncio.gather(batch.predict(*_packed(1, 2)), batch.predict(*_packed(3)))

    assert _run(Model(columns=3), ask) == [([2.0] * 3 + [4.0] * 3, 3), ([6.0] * 3, 3)]


def test_a_request_that_comes_alone_does_not_wait() -> None:
    model = Model()

    async def ask(batch: MicroBatch) -> object:
        return [await batch.predict(*_packed(value)) for value in (1, 2)]

    assert _run(model, ask) == [([2.0], 0), ([4.0], 0)]
    assert model.calls == [1, 1]


def test_what_comes_while_a_slow_prediction_runs_is_the_next_call() -> None:
    model = Model(seconds=0.05)

    async def ask(batch: MicroBatch) -> object:
        await batch.predict(*_packed(1))  # tells that this model is slow
        first = asyncio.create_task(batch.predict(*_packed(2)))
        await asyncio.sleep(0.02)
        later = [asyncio.create_task(batch.predict(*_packed(value))) for value in (3, 4, 5)]
        await asyncio.sleep(0)
        return await asyncio.gather(first, *later)

    assert _run(model, ask) == [([4.0], 0), ([6.0], 0), ([8.0], 0), ([10.0], 0)]
    assert model.calls == [1, 1, 3]
    assert model.threads == {"MainThread", "slow_0"}


def test_a_prediction_that_fails_fails_all_that_it_was_for_and_none_after() -> None:
    async def ask(batch: MicroBatch) -> object:
        failed = await asyncio.gather(batch.predict(*_packed(13)), batch.predict(*_packed(1)), return_exceptions=True)
        return [str(error) for error in failed if isinstance(error, BaseException)], await batch.predict(*_packed(1))

    assert _run(Model(), ask) == (["thirteen", "thirteen"], ([2.0], 0))


def test_a_request_that_is_given_up_harms_no_other() -> None:
    async def ask(batch: MicroBatch) -> object:
        given_up = asyncio.create_task(batch.predict(*_packed(1)))
        kept = asyncio.create_task(batch.predict(*_packed(2)))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        return await kept

    assert _run(Model(), ask) == ([4.0], 0)


def test_a_call_is_bounded_in_bytes() -> None:
    model = Model()
    large = (bytes(5 << 20), (5 << 20) // 4)

    async def ask(batch: MicroBatch) -> object:
        return await asyncio.gather(*(batch.predict(*large) for _ in range(3)))

    _run(model, ask)
    assert model.calls == [large[1]] * 3
