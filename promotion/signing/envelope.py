"""The DSSE envelope in its file: one canonical text, so that a byte that changes is a byte that is noticed."""

from __future__ import annotations

import shlex
from pathlib import Path

from securesystemslib.dsse import Envelope
from securesystemslib.exceptions import Error as SecureSystemsError

from kickstand.atomic_file import atomic_file
from kickstand.errors import InputError, Problem
from kickstand.json_text import JsonError, parse_json, read_bounded
from kickstand.release_file import canonical
from promotion.signing.statement import PAYLOAD_TYPE


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
