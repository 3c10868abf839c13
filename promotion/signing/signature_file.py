"""The signature of a release, `releases/ENV.dsse.json`: where it is, and what it says of itself.

A DSSE envelope (https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md) in one canonical text. What is
read here is a claim: whether it is true is for `verify.py` to say.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kickstand.json_text import parse_json, read_bounded

SUFFIX = ".dsse.json"


def signature_path(release_file: Path) -> Path:
    """Where the signature of a release is: `releases/ENV.dsse.json` beside `releases/ENV.json`."""
    return release_file.with_name(release_file.name.removesuffix(".json") + SUFFIX)


@dataclass(frozen=True, slots=True)
class Claim:
    """What an envelope says of itself. Nothing of it is verified."""

    key_ids: tuple[str, ...]
    release_sha256: str
    """The `sha256` of the release that it is about; empty where its payload names none."""

    def sentence(self) -> str:
        """`by key 3f2a9c…`, every key."""
        return " and ".join(f"by key {key_id[:12]}" for key_id in self.key_ids)


def claim_of(text: str) -> Claim | None:
    """What an envelope's text claims; None where it is no envelope of a statement."""
    try:
        envelope = parse_json(text)
        statement = parse_json(base64.b64decode(envelope["payload"], validate=True))
        key_ids = tuple(str(one["keyid"]) for one in envelope["signatures"])
        return Claim(key_ids, release_of(statement))
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def read_claim(file: Path) -> Claim | None:
    """What a signature file claims; None where there is none, or it is no envelope of a statement."""
    try:
        return claim_of(read_bounded(file).decode("utf-8", "replace"))
    except OSError:
        return None


def release_of(statement: dict[str, Any]) -> str:
    """The `sha256` of the release that a statement is about; empty where none of its subjects names it."""
    found = (one.get("annotations", {}).get("releaseSha256") for one in statement["subject"])
    return next((str(digest) for digest in found if digest), "")
