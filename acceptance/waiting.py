"""Waits that have an end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from kickstand.aws.errors import AWS_FAILURES, DENIED, error_code
from kickstand.errors import KickstandError, Problem

T = TypeVar("T")

IAM_SECONDS = 90.0
"""How long a change of IAM may take until every service knows it; AWS names no limit."""


class Deadline:
    """Waits with an end: hand its `sleep` to whatever polls."""

    def __init__(self, what: str, seconds: float) -> None:
        self._what, self._seconds, self._end = what, seconds, time.monotonic() + seconds

    def sleep(self, seconds: float) -> None:
        """Sleep; KickstandError where the limit would be over."""
        if time.monotonic() + seconds > self._end:
            message = f"{self._what} has not come to an end within {self._seconds / 60:.0f} minutes."
            raise KickstandError(Problem(message))
        time.sleep(seconds)


def retried_until_allowed(call: Callable[[], T], *, seconds: float = IAM_SECONDS, pause: float = 3.0) -> T:
    """The answer of a call by a role that was just made: refusals are repeated until IAM is known everywhere."""
    patience = Deadline("IAM", seconds)
    while True:
        try:
            return call()
        except (KickstandError, *AWS_FAILURES) as error:
            cause = error.__cause__ if isinstance(error, KickstandError) else error
            if cause is None or error_code(cause) not in DENIED:
                raise
            refusal = error
        try:
            patience.sleep(pause)
        except KickstandError:
            raise refusal from None
