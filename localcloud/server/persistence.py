"""The services' records on disk: all of one moment, or all of the moment before, whenever the process is killed.

A folder has two files. `journal-N` (localcloud/server/journal.py) is only ever appended to, one entry a save: the
documents that are new or changed, and the names of those that are gone. `index.json` names the journal, and says how
many of its bytes are known to be on the disk. Where more than half of a journal is out of date, the rest is copied to
the next one.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import os
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from localcloud.server import first_format
from localcloud.server.journal import Span, chunks, damaged, encode_entry, entries, sync, write

FORMAT = 2
INDEX = "index.json"
SPARE = 2**20
"""Bytes of a journal that may be out of date besides as many as are not."""

_log = logging.getLogger("kickstand.persistence")

Name = TypeVar("Name", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Moment:
    """What changed until one moment: documents, which are records of a service or parts of them.

    The name of a document is its service, or begins with it and a slash. Documents whose names have the same first two
    parts are a group: `load` gives them in the order in which they were added.
    """

    changed: Mapping[str, bytes]
    """Documents that are new, or not as they were, by name."""
    removed: Collection[str] = ()
    """The names of those that are gone. One that is in `changed` too is added again, behind the others of its group."""
    whole: Set[str] = frozenset()
    """Services all of whose documents are in `changed`, in their order: what else there is of them is gone."""
    services: Set[str] | None = None
    """The services that have records: those of others are gone. None: nothing is said about it."""
    failures: Mapping[str, str] = field(default_factory=dict)
    """Why a service's records cannot be saved, by service: its last good documents stay."""


class StateFiles:
    """The folder of a server's records: `load` once, then `save` what changed, and `flush` now and then.

    A save appends one entry to the journal: a process that is killed before that leaves the last moment whole, across
    all services; one that is killed after it, the new one. `flush` does the same for a machine that loses power: it
    has the journal on the disk, then says so in the index.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journal = ""
        """The name of the journal; empty where there is none yet."""
        self._places: dict[str, dict[str, Span]] = {}
        """Of the documents of each group."""
        self._size = self._live = self._flushed = 0
        """Bytes of the journal; of documents in it that are not out of date; of it that are known to be on the disk."""
        self._spare = SPARE
        self._first: dict[str, bytes] = {}
        """The documents of a folder of the first format, until they are in a journal."""

    def load(self) -> dict[str, bytes]:
        """The documents of the last save, by name; empty for a new folder.

        Where the machine lost power, what was not flushed may be missing: then those of the last save before it.
        Raises KickstandError where a file is missing or is not the one that was written.
        """
        try:
            index = json.loads((self._folder / INDEX).read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            if not first_format.is_here(self._folder):
                raise damaged(self._folder, f"{INDEX} is not JSON") from error
            index = {"format": first_format.FORMAT}
        if index.get("format") == first_format.FORMAT:
            documents = first_format.load(self._folder)
            try:
                self._begin(documents.items())
            except OSError:  # a full disk: then the first save does it
                self._first = documents
        elif index.get("format") == FORMAT:
            documents = self._read(index["journal"], index["flushed"])
        else:
            what = f"format {index.get('format')!r} is not the one that this version writes ({FORMAT})"
            raise damaged(self._folder, what)
        with contextlib.suppress(OSError):
            self._sweep()
        return documents

    def save(self, moment: Moment) -> list[str]:
        """Make it the state; what it does not speak of stays. Returns the names of what was written.

        Raises OSError (a full disk): the last save then still stands, and nothing is left of this one.
        """
        services = {service_of(group) for group in self._places}
        gone = set() if moment.services is None else services - moment.services - set(moment.failures)
        if not (moment.changed or moment.removed or moment.whole or gone):
            return []
        if not self._journal:
            self._begin(self._first.items())
            self._first = {}
        # By its name at every save: a journal that was moved away or removed takes nothing more.
        descriptor = os.open(self._folder / self._journal, os.O_RDWR)
        try:
            dropped = self._dropped(moment, gone)
            changed = {
                name: document
                for name, document in moment.changed.items()
                if name in dropped or not self._holds(descriptor, name, document)
            }
            if not changed and not dropped:
                return []
            size = os.fstat(descriptor).st_size
            if size < self._size:
                raise OSError(errno.EIO, "its journal has lost what was saved", str(self._folder / self._journal))
            entry, places = encode_entry(changed, dropped, self._size)
            try:
                if size > self._size:  # the beginning of an entry that could not be written
                    os.ftruncate(descriptor, self._size)
                os.lseek(descriptor, self._size, os.SEEK_SET)
                write(descriptor, entry)
            except OSError:
                with contextlib.suppress(OSError):  # then the next save does it
                    os.ftruncate(descriptor, self._size)
                raise
        finally:
            os.close(descriptor)
        self._size += len(entry)
        self._apply(dropped, places)
        return sorted(changed)

    def flush(self) -> None:
        """Have what was saved on the disk, should the machine lose power. Raises OSError."""
        if self._flushed == self._size:
            return
        if self._size - self._live > self._live + self._spare:
            try:
                self._compact()
                return
            except OSError:  # no room for both: the journal goes on as it is
                self._spare *= 2
        sync(self._folder / self._journal)
        self._write_index(self._journal, self._size)
        self._flushed = self._size

    def _dropped(self, moment: Moment, gone: Set[str]) -> dict[str, None]:
        """The names of what is to be taken out before the changed documents are put in, each once, in order."""
        dropped = [name for name in moment.removed if name in self._places.get(group_of(name), ())]
        order: dict[str, list[str]] = {}
        for name in moment.changed if moment.whole else ():
            order.setdefault(group_of(name), []).append(name)
        for group, places in self._places.items() if gone or moment.whole else ():
            if service_of(group) in gone:
                dropped += places
            elif service_of(group) in moment.whole:
                dropped += [name for name in places if name not in moment.changed]
                dropped += misplaced([*places], order.get(group, ()))
        return dict.fromkeys(dropped)

    def _holds(self, descriptor: int, name: str, document: bytes) -> bool:
        """Whether the journal has a document as it is."""
        start, length = self._places.get(group_of(name), {}).get(name, (0, -1))
        return length == len(document) and os.pread(descriptor, length, start) == document

    def _apply(self, dropped: Iterable[str], places: Mapping[str, Span]) -> None:
        """Take note of an entry that was written or read."""
        for name in dropped:
            group = self._places[group_of(name)]
            self._live -= group.pop(name)[1]
            if not group:
                del self._places[group_of(name)]
        for name, place in places.items():
            group = self._places.setdefault(group_of(name), {})
            self._live += place[1] - group.get(name, (0, 0))[1]
            group[name] = place

    def _read(self, journal: str, flushed: int) -> dict[str, bytes]:
        """The documents of a journal, which is the one from now on; an entry at its end that is not whole is none."""
        try:
            text = (self._folder / journal).read_bytes()
        except OSError as error:
            raise damaged(self._folder, f"{journal} cannot be read") from error
        self._journal, self._flushed = journal, flushed
        for end, dropped, places in entries(text):
            self._apply(dropped, places)
            self._size = end
        if self._size < flushed:
            raise damaged(self._folder, f"{journal} was changed after it was written")
        if self._size < len(text):
            _log.warning("%d bytes at the end of %s are of no whole save", len(text) - self._size, journal)
            os.truncate(self._folder / journal, self._size)
        everything = (each for group in self._places.values() for each in group.items())
        return {name: text[start : start + length] for name, (start, length) in everything}

    def _compact(self) -> None:
        """Copy what is not out of date to the next journal."""
        descriptor = os.open(self._folder / self._journal, os.O_RDONLY)
        try:
            everything = [each for group in self._places.values() for each in group.items()]
            self._begin((name, os.pread(descriptor, length, start)) for name, (start, length) in everything)
        finally:
            os.close(descriptor)
        self._spare = SPARE

    def _begin(self, documents: Iterable[tuple[str, bytes]]) -> None:
        """Write the next journal with these documents, and let the index name it. Raises OSError."""
        before, number = self._journal, int(self._journal.rpartition("-")[2] or 0)
        journal, size, found = f"journal-{number + 1}", 0, list[dict[str, Span]]()
        path = self._folder / journal
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                for chunk in chunks(documents):
                    entry, places = encode_entry(chunk, (), size)
                    write(descriptor, entry)
                    size += len(entry)
                    found.append(places)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._write_index(journal, size)
        except OSError:
            path.unlink(missing_ok=True)
            raise
        self._journal, self._size, self._flushed, self._live, self._places = journal, size, size, 0, {}
        for places in found:
            self._apply((), places)
        sync(self._folder)
        if before:
            (self._folder / before).unlink(missing_ok=True)

    def _write_index(self, journal: str, flushed: int) -> None:
        staging = self._folder / f"{INDEX}.tmp"
        try:
            descriptor = os.open(staging, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                write(descriptor, json.dumps({"format": FORMAT, "journal": journal, "flushed": flushed}).encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            staging.replace(self._folder / INDEX)
        except OSError:
            staging.unlink(missing_ok=True)
            raise

    def _sweep(self) -> None:
        """Remove what a killed process left behind, and the files of the first format once they are in a journal."""
        for path in self._folder.iterdir():
            if self._journal and path.is_file() and path.name not in (self._journal, INDEX):
                path.unlink()


def service_of(name: str) -> str:
    """The service of a document, or of a group."""
    return name.partition("/")[0]


def group_of(name: str) -> str:
    """The first two parts of a document's name."""
    return "/".join(name.split("/", 2)[:2])


def misplaced(before: Sequence[Name], after: Sequence[Name]) -> list[Name]:
    """Those of `before` that have to be taken out and added again, behind the others, for the order to be `after`.

    What is in one of the two alone is removed, or new: it is not among them.
    """
    if before == after:
        return []
    there = frozenset(after)
    stay = [name for name in before if name in there]
    right = 0
    for name, wanted in zip(stay, after, strict=False):
        if name != wanted:
            break
        right += 1
    return stay[right:]
