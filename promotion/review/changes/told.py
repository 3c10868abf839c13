"""One thing to tell of permissions or network, before it is known of which stack."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """A sentence, and how grave it is."""

    logical_id: str
    widened: bool
    """More is allowed, or reachable, than before."""
    sentence: str
    public: bool = False
    """It opens something to everyone on the internet, or lets it be opened."""
