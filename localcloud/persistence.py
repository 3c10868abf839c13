"""The services' records on disk: all of one moment, or all of the moment before, whenever the process is killed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from kickstand.errors import KickstandError, Problem

_FORMAT = 1
_INDEX = "index.json"


@dataclass(frozen=True, slots=True)
class Moment:
    """The records of all services at one moment."""

    changed: Mapping[str, bytes]
    """Documents that are not as they were at the moment before, by name."""
    present: Set[str]
    """The names of all documents."""


class StateFiles:
    """One file a document (a service's, or a part of one's), and an index that names the files of one moment.

    A save writes the changed services under new names, then replaces the index: that one rename is the save. What is
    killed before it leaves the last moment whole, across all services.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._generation = 0
        self._files: dict[str, dict[str, str]] = {}
        """Service -> {"file", "sha256"}."""

    def load(self) -> dict[str, bytes]:
        """The documents of the last save, by service; empty for a new folder.

        Raises KickstandError where a file is missing or is not the one that was written.
        """
        try:
            index = json.loads((self._folder / _INDEX).read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise self._damaged(f"{_INDEX} is not JSON") from error
        if index.get("format") != _FORMAT:
            raise self._damaged(f"format {index.get('format')!r} is not the one that this version writes ({_FORMAT})")
        documents = {}
        for service, entry in index["services"].items():
            try:
                document = (self._folder / entry["file"]).read_bytes()
            except OSError as error:
                raise self._damaged(f"{entry['file']} cannot be read") from error
            if hashlib.sha256(document).hexdigest() != entry["sha256"]:
                raise self._damaged(f"{entry['file']} was changed after it was written")
            documents[service] = document
        self._generation, self._files = index["generation"], index["services"]
        self._sweep()
        return documents

    def save(self, documents: Mapping[str, bytes], present: Set[str] | None = None) -> list[str]:
        """Make `documents` part of the state; what is not in it stays. Returns what was written, by name.

        present: all that the state consists of now; what is not in it is dropped. None: nothing is dropped.

        Raises OSError (a full disk): the last save then still stands.
        """
        changed = {
            service: (document, digest)
            for service, document in documents.items()
            if (digest := hashlib.sha256(document).hexdigest()) != self._files.get(service, {}).get("sha256")
        }
        files = {service: entry for service, entry in self._files.items() if present is None or service in present}
        if not changed and len(files) == len(self._files):
            return []
        generation = self._generation + 1
        for service, (document, digest) in changed.items():
            name = f"{service}-{generation}.json"
            _write_through(self._folder / name, document)
            files[service] = {"file": name, "sha256": digest}
        index = {"format": _FORMAT, "generation": generation, "services": files}
        staging = self._folder / f"{_INDEX}.tmp"
        _write_through(staging, json.dumps(index, indent=2, sort_keys=True).encode())
        staging.replace(self._folder / _INDEX)
        _sync_folder(self._folder)
        replaced = {entry["file"] for entry in self._files.values()} - {entry["file"] for entry in files.values()}
        self._generation, self._files = generation, files
        for name in replaced:
            (self._folder / name).unlink(missing_ok=True)
        return sorted(changed)

    def _sweep(self) -> None:
        """Remove what a killed save left behind."""
        known = {entry["file"] for entry in self._files.values()} | {_INDEX}
        for path in self._folder.iterdir():
            if path.is_file() and path.name not in known:
                path.unlink()

    def _damaged(self, what: str) -> KickstandError:
        return KickstandError(
            Problem(
                f"The local cloud's saved state is damaged: {what}.",
                str(self._folder),
                "Start afresh with: kickstand local reset",
            )
        )


def _write_through(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
