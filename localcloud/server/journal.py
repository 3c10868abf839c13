"""The entries of a journal, each whole or none, and the writing of files.

An entry is a line `SHA256 LENGTH`, LENGTH with 12 digits, of the bytes that follow: a line of JSON,

    {"dropped": [NAME, …], "documents": [[NAME, LENGTH], …]}

the documents, one behind the other, and a line feed. What is dropped goes before the documents are added. Of an entry
that a killed process began to write, or that a machine without power had in memory, length or digest are wrong.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from kickstand.errors import KickstandError, Problem

Span = tuple[int, int]
"""Where a document is in a journal: its first byte, and their number."""

CHUNK = 2**22
"""Bytes of documents in one entry of a journal that is begun; more where a document is longer."""

_LINE = re.compile(rb"([0-9a-f]{64}) ([0-9]{12})\n")


def encode_entry(documents: Mapping[str, bytes], dropped: Iterable[str], start: int) -> tuple[bytes, dict[str, Span]]:
    """An entry that begins at that byte of a journal, and where its documents are then."""
    lengths = [[name, len(document)] for name, document in documents.items()]
    head = json.dumps({"dropped": [*dropped], "documents": lengths}).encode()
    body = b"".join([head, b"\n", *documents.values(), b"\n"])
    line = b"%s %012d\n" % (hashlib.sha256(body).hexdigest().encode(), len(body))
    return line + body, _places(lengths, start + len(line) + len(head) + 1)


def entries(text: bytes) -> Iterator[tuple[int, list[str], dict[str, Span]]]:
    """The entries of a journal up to the first that is not whole: where each ends, what it drops, where its documents
    are."""
    start = 0
    while found := _LINE.match(text, start):
        first, end = found.end(), found.end() + int(found[2])
        body = memoryview(text)[first:end]
        if len(body) != int(found[2]) or hashlib.sha256(body).hexdigest().encode() != found[1]:
            return
        newline = text.index(b"\n", first)
        head = json.loads(text[first:newline])
        yield end, head["dropped"], _places(head["documents"], newline + 1)
        start = end


def chunks(documents: Iterable[tuple[str, bytes]]) -> Iterator[dict[str, bytes]]:
    """The documents in entries of a journal that is begun; at least one entry."""
    chunk: dict[str, bytes] = {}
    size = 0
    for name, document in documents:
        if chunk and size + len(document) > CHUNK:
            yield chunk
            chunk, size = {}, 0
        chunk[name] = document
        size += len(document)
    yield chunk


def write(descriptor: int, data: bytes) -> None:
    """Write all of it. Raises OSError, where a part of it may have been written."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def damaged(folder: Path, what: str) -> KickstandError:
    """The error of a folder whose files are not those that were written."""
    return KickstandError(
        Problem(
            f"The local cloud's saved state is damaged: {what}.",
            str(folder),
            "Start afresh with: kickstand local reset",
        )
    )


def _places(lengths: Iterable[list[object]], start: int) -> dict[str, Span]:
    found: dict[str, Span] = {}
    for name, length in lengths:
        assert isinstance(name, str)
        assert isinstance(length, int)
        found[name] = (start, length)
        start += length
    return found
