"""Who holds a lock, as the lock itself says it."""

from __future__ import annotations

import hashlib
import os
import platform
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from kickstand.json_text import parse_json

UNKNOWN = "somebody"


@dataclass(frozen=True, slots=True)
class Owner:
    """A process that promotes."""

    by: str
    """ARN of whose credentials it has."""
    at: str
    """When it began, UTC, `YYYY-MM-DDTHH:MM:SSZ`."""
    doing: str
    """`promote dev staging, model 3f2a9c…`."""
    machine: str = ""
    """Tells one machine from another without saying which."""
    process: int = 0
    """Its number there."""

    @classmethod
    def here(cls, *, by: str, at: str, doing: str) -> Owner:
        """This process."""
        name = f"{platform.node()} {uuid.getnode()}".encode()
        return cls(by, at, doing, hashlib.sha256(name).hexdigest()[:16], os.getpid())

    @classmethod
    def parse(cls, body: bytes) -> Owner:
        """What a lock says; a lock of another hand is somebody's all the same."""
        try:
            told: Any = parse_json(body)
            by, at, doing = (str(told.get(name, UNKNOWN)) for name in ("by", "at", "doing"))
            return cls(by, at, doing, str(told.get("machine", "")), int(told.get("process", 0)))
        except (ValueError, TypeError, AttributeError):
            return cls(UNKNOWN, "a time that it does not tell", "something that it does not tell")

    def fields(self) -> dict[str, Any]:
        return asdict(self)

    def is_successor_of(self, other: Owner, *, runs: Callable[[int], bool] | None = None) -> bool:
        """Whether `other` was a run of the same person on this machine, and is no more: killed, its lock left.

        runs: whether a process of this machine is alive.
        """
        same = (self.by, self.machine) == (other.by, other.machine) and bool(self.machine) and other.process > 0
        return same and not (runs or _runs)(other.process)


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
