"""What a local cloud acknowledged before it was killed, and what it may have after."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

Place = tuple[str, str]
"""What kind of thing, and its name."""
GONE = "absent"


class Ledger:
    """What is known of each place: the value that was acknowledged last, and those that were sent since."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.known: dict[Place, str] = {}
        self.sent: dict[Place, set[str]] = {}
        self.acknowledged = self.refused = 0

    def write(self, place: Place, value: str, request: Callable[[], Any]) -> bool:
        """Send a request that gives a place a value. False where there is no answer: the server is gone."""
        with self._lock:
            self.sent.setdefault(place, set()).add(value)
        try:
            request()
        except ClientError as error:
            if error.response["Error"]["Code"] != "InsufficientStorage":
                raise
            with self._lock:
                self.refused += 1
            return True
        except BotoCoreError:
            return False
        self.acknowledge(place, value)
        return True

    def acknowledge(self, place: Place, value: str) -> None:
        """An answer said that a place has a value."""
        with self._lock:
            self.known[place] = value
            self.sent[place] = set()
            self.acknowledged += 1

    def fault(self, place: Place, found: str) -> str:
        """What is wrong with a place that has this value now; empty where nothing is."""
        allowed = {self.known.get(place, GONE), *self.sent.get(place, ())}
        if found not in allowed:
            return f"{' '.join(place)} is {found[:60]}, not {' or '.join(sorted(each[:60] for each in allowed))}"
        self.known[place], self.sent[place] = found, set()
        return ""
