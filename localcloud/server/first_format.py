"""Reading a folder of records of the first format, whose documents are files of their own.

An index names one file a document, `NAME-GENERATION.json`, with its SHA-256; a second one, `index.flushed.json`, names
the files that are known to be on the disk. A document was a whole service, `SERVICE`, or a part of one,
`SERVICE-GROUP-REST`; the names are given as they are from the second format on, `SERVICE/GROUP/REST`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path

from kickstand.errors import KickstandError
from localcloud.server.journal import damaged

FORMAT = 1
_INDEX, _FLUSHED_INDEX = "index.json", "index.flushed.json"

_log = logging.getLogger("kickstand.persistence")


def is_here(folder: Path) -> bool:
    """Whether a folder has the second index of this format: one whose first index cannot be read is of it."""
    return (folder / _FLUSHED_INDEX).exists()


def load(folder: Path) -> dict[str, bytes]:
    """The documents of the last save, by name. Where the machine lost power and it is not whole: of the last flush.

    Raises KickstandError where a file is missing or is not the one that was written.
    """
    try:
        documents = _load(folder, _INDEX)
    except KickstandError as error:
        if not is_here(folder):
            raise
        try:
            documents = _load(folder, _FLUSHED_INDEX)
        except KickstandError:
            raise error from None
        _log.warning("%s; what was saved a moment earlier is whole and taken", error.problems[0].message)
    return {_name(name, documents): document for name, document in documents.items()}


def _load(folder: Path, name: str) -> dict[str, bytes]:
    try:
        index = json.loads((folder / name).read_bytes())
    except ValueError as error:
        raise damaged(folder, f"{name} is not JSON") from error
    documents = {}
    for service, entry in index["services"].items():
        try:
            document = (folder / entry["file"]).read_bytes()
        except OSError as error:
            raise damaged(folder, f"{entry['file']} cannot be read") from error
        if hashlib.sha256(document).hexdigest() != entry["sha256"]:
            raise damaged(folder, f"{entry['file']} was changed after it was written")
        documents[service] = document
    return documents


def _name(name: str, documents: dict[str, bytes]) -> str:
    """`SERVICE/GROUP/REST` for a part of a service, whose own document is there too."""
    service = next((each for each in documents if name.startswith(f"{each}-")), "")
    return f"{service}/{name.removeprefix(f'{service}-').replace('-', '/', 1)}" if service else name
