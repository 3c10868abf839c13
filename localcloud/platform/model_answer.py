"""What comes of asking a hosted model: its answer, or the reason why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


class HostingError(Exception):
    """A model server could not be started; the message is the reason that SageMaker would give."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model server answered: HTTP status, headers (names in lower case), body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
