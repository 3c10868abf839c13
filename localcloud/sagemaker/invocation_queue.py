"""Invocations at once: some at work, some waiting, and no more than that.

On AWS too an endpoint that is asked for more than it can take answers ThrottlingException, which SDKs try again.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from localcloud.emulator.registry import Response
from localcloud.sagemaker.errors import ServiceError
from localcloud.sagemaker.wire import off_loop

AT_WORK = 64
"""Each waits on a thread for its model."""
WAITING = 448
"""Each holds its body, 6 MB at most."""


class InvocationQueue:
    """Does what asks models on threads of its own. Use it from one event loop."""

    def __init__(self, at_work: int = AT_WORK, waiting: int = WAITING) -> None:
        self._pool = ThreadPoolExecutor(at_work, thread_name_prefix="sagemaker-runtime")
        self._most = at_work + waiting
        self._count = 0

    async def answer(self, ask: Callable[[], Response], refuse: Callable[[ServiceError], Response]) -> Response:
        """The answer of `ask`, or, where too many are waiting, what `refuse` makes of a ThrottlingException."""
        if self._count >= self._most:
            return refuse(ServiceError("ThrottlingException", "Rate exceeded"))
        self._count += 1
        try:
            return await off_loop(self._pool, ask)
        finally:
            self._count -= 1
