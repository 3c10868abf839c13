"""The services' records on disk: all of one moment, or all of the moment before, whenever the process is killed."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
from collections.abc import Collection, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from kickstand.errors import KickstandError, Problem

_FORMAT = 1
_INDEX = "index.json"
_FLUSHED_INDEX = "index.flushed.json"

Files = dict[str, dict[str, str]]
"""Service -> {"file", "sha256"}."""

_log = logging.getLogger("kickstand.persistence")


@dataclass(frozen=True, slots=True)
class Moment:
    """The records of all services at one moment."""

    changed: Mapping[str, bytes]
    """Documents that are not as they were at the moment before, by name."""
    present: Set[str]
    """The names of all documents."""
    failures: Mapping[str, str]
    """Why a service's records cannot be saved, by service: its last good documents stay."""


class StateFiles:
    """One file a document (a service's, or a part of one's), and an index that names the files of one moment.

    A save writes the changed services under new names, then replaces the index: that one rename is the save. A process
    that is killed before it leaves the last moment whole, across all services; one that is killed after it, the new
    one. `flush` does the same for a machine that loses power: it has the files on the disk, then a second index that
    names them, and only then removes what neither index names.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._generation = 0
        self._files: Files = {}
        self._flushed: Files | None = None
        """What the second index names; None where that is not known to be on the disk."""

    def load(self) -> dict[str, bytes]:
        """The documents of the last save, by service; empty for a new folder.

        Where the machine lost power and that save is not whole: those of the last flush.
        Raises KickstandError where a file is missing or is not the one that was written.
        """
        try:
            documents = self._load(_INDEX)
        except KickstandError as error:
            if not (self._folder / _FLUSHED_INDEX).exists():
                raise
            try:
                documents = self._load(_FLUSHED_INDEX)
            except KickstandError:
                raise error from None
            _log.warning("%s; what was saved a moment earlier is whole and taken", error.problems[0].message)
            self._flushed = self._files
            self._sweep()
            return documents
        with contextlib.suppress(OSError):  # a full disk: then the files of the last flush stay beside these
            self.flush()
            self._sweep()
        return documents

    def save(
        self, documents: Mapping[str, bytes], present: Set[str] | None = None, failed: Collection[str] = ()
    ) -> list[str]:
        """Make `documents` part of the state; what is not in it stays. Returns what was written, by name.

        present: all that the state consists of now; what is not in it is dropped. None: nothing is dropped.
        failed:  services whose documents stay as they are, present or not.

        Raises OSError (a full disk): the last save then still stands, and nothing is left of this one.
        """
        changed = {
            service: (document, digest)
            for service, document in documents.items()
            if (digest := hashlib.sha256(document).hexdigest()) != self._files.get(service, {}).get("sha256")
        }
        files = {
            name: entry
            for name, entry in self._files.items()
            if present is None or name in present or any(f"{name}-".startswith(f"{service}-") for service in failed)
        }
        if not changed and len(files) == len(self._files):
            return []
        generation = self._generation + 1
        written = []
        try:
            for service, (document, digest) in changed.items():
                name = f"{service}-{generation}.json"
                written.append(self._folder / name)
                _write(written[-1], document)
                files[service] = {"file": name, "sha256": digest}
            self._write_index(_INDEX, generation, files, sync=False)
        except OSError:
            # On a full disk the rest of a save that failed would take the room that the next one needs.
            for path in written:
                path.unlink(missing_ok=True)
            raise
        before, self._generation, self._files = self._files, generation, files
        self._remove(before)
        return sorted(changed)

    def flush(self) -> None:
        """Have what was saved on the disk, should the machine lose power. Raises OSError."""
        if (self._flushed or {}) == self._files:
            return
        known = {entry["file"] for entry in (self._flushed or {}).values()}
        for name in {entry["file"] for entry in self._files.values()} - known:
            _sync(self._folder / name)
        self._write_index(_FLUSHED_INDEX, self._generation, self._files, sync=True)
        _sync(self._folder)
        before, self._flushed = self._flushed or {}, self._files
        self._remove(before)

    def _load(self, name: str) -> dict[str, bytes]:
        try:
            index = json.loads((self._folder / name).read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise self._damaged(f"{name} is not JSON") from error
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
        return documents

    def _write_index(self, name: str, generation: int, files: Files, *, sync: bool) -> None:
        text = json.dumps({"format": _FORMAT, "generation": generation, "services": files}, indent=2, sort_keys=True)
        staging = self._folder / f"{name}.tmp"
        try:
            _write(staging, text.encode())
            if sync:
                _sync(staging)
            staging.replace(self._folder / name)
        except OSError:
            staging.unlink(missing_ok=True)
            raise

    def _remove(self, before: Files) -> None:
        """Remove the files of an index that was replaced, but for those that one of the two names."""
        named = {entry["file"] for files in (self._files, self._flushed or {}) for entry in files.values()}
        for name in {entry["file"] for entry in before.values()} - named:
            (self._folder / name).unlink(missing_ok=True)

    def _sweep(self) -> None:
        """Remove what a killed save left behind."""
        known = {entry["file"] for entry in self._files.values()} | {_INDEX, _FLUSHED_INDEX}
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


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _sync(path: Path) -> None:
    """Have a file, or the names in a folder, on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
