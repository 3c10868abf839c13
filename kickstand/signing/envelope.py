"""The signature of a release, `releases/ENV.dsse.json`: a DSSE envelope in one canonical text, what it claims, and the
claims of earlier ones from git.

A byte that changes is a byte that is noticed. A claim is what the file says of itself; `verify` proves it.
"""

from __future__ import annotations

import base64
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SecureSystemsError

from kickstand.atomic_file import atomic_file
from kickstand.errors import InputError, Problem
from kickstand.git import GitFile
from kickstand.json_text import JsonError, parse_json, read_bounded
from kickstand.release.file import canonical
from kickstand.signing.statement import PAYLOAD_TYPE


def write_envelope(path: Path, envelope: Envelope) -> None:
    """Writes a signature file whole or not at all. Raises KickstandError where the disk refuses."""
    with atomic_file(path) as stream:
        stream.write(canonical(envelope.to_dict()).encode("utf-8"))


def read_envelope(path: Path, fix: str) -> Envelope:
    """Reads a signature file. fix: what to do where it is of no use.

    InputError: it cannot be read, is not JSON, is no DSSE envelope of an in-toto statement, holds no signature, or
    is not in the text that Kickstand writes.
    """
    try:
        text = read_bounded(path).decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        raise InputError(Problem("There is no signature.", str(path), fix)) from None
    except UnicodeDecodeError:
        raise InputError(Problem("The signature file is not UTF-8 text.", str(path), fix)) from None
    except OSError as error:
        raise InputError(Problem(f"The signature cannot be read: {error.strerror or error}.", str(path))) from None
    try:
        raw = parse_json(text)
    except JsonError as error:
        raise InputError(error.problem(path, fix, what="The signature file is not JSON")) from None
    return _envelope(raw, text, path, fix)


def _envelope(raw: object, text: str, path: Path, fix: str) -> Envelope:
    try:
        envelope = Envelope.from_dict(raw)  # type: ignore[arg-type]  # whatever the file holds; it raises
        again = canonical(envelope.to_dict())
    except (SecureSystemsError, LookupError, TypeError, ValueError, AttributeError) as error:
        message = f"The signature file is broken: it is no DSSE envelope ({type(error).__name__}: {error})."
        raise InputError(Problem(message, str(path), fix)) from None
    if envelope.payload_type != PAYLOAD_TYPE:
        message = f"The signature is over a payload of the type {envelope.payload_type!r}, not {PAYLOAD_TYPE}."
        raise InputError(Problem(message, str(path), fix))
    if not envelope.signatures:
        raise InputError(Problem("The envelope holds no signature.", str(path), fix))
    if again != text:
        message = "The signature file was changed after it was written; its text must be as Kickstand wrote it."
        raise InputError(Problem(message, str(path), f"Take it back: git checkout -- {shlex.quote(str(path))}. {fix}"))
    return envelope


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


def signatures_in_git(release_file: Path) -> dict[str, str]:
    """What the signature file claimed of each release when it first was committed, by the release's sha256.

    `by key 3f2a9c…, in commit 0123…`. Claims: `kickstand release verify` says whether the last one is true.
    """
    file = GitFile.of(signature_path(release_file))
    commits = file.commits()
    texts = file.texts([(commit.id, commit.path) for commit in commits])
    claims = [(commit, claim_of(text)) for commit, text in zip(commits, texts, strict=True) if text is not None]
    # Newest first: the oldest claim about a release is the one that stays.
    return {
        claim.release_sha256: f"{claim.sentence()}, in commit {commit.id[:12]}" for commit, claim in claims if claim
    }
