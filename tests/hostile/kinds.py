"""Every kind of input, by name."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence

from hostile import archives, data_files, models, project_files, releases, rows, signed_documents
from hostile.case import Case
from hostile.damage import ESCAPES

KINDS: Mapping[str, Callable[[int, int], Iterator[Case]]] = {
    "archive": archives.cases,
    "model": models.cases,
    "data": data_files.cases,
    "rows": rows.cases,
    "toml": project_files.cases,
    "release": releases.cases,
    "signature": signed_documents.signature_cases,
    "review": signed_documents.review_cases,
    "approval": signed_documents.approval_cases,
}


LONG = (
    "bomb of one member",
    "bomb of zeros",
    "bomb behind the end",
    "pax header of 300 megabytes",
    "num_class a billion",
    "ubj array of 900 million",
    "tables many",
    "keys many",
    "ten rows of 300,000",
    "header of a million names",
    "a million columns",
    "fifty megabytes",
    "20,000 columns",
    "million times one",
    "quotes everywhere",
    "a list of a million",
    "mutant",
    "a million members",
    "a million folders",
    "a million links",
    "promote dev staging:",
    "gate staging:",
    "deploy dev --yes:",
)
"""Of the names of inputs that take seconds: the suite leaves them out, a run by hand does not."""
ENOUGH = ("escape", "bidi", "newlines", "megabyte", "rich markup")
"""Of the texts that terminals obey, those that the suite puts everywhere."""

SHARE = {
    "archive": 2,
    "model": 3,
    "data": 3,
    "rows": 4,
    "toml": 2,
    "release": 3,
    "signature": 2,
    "review": 2,
}
"""One of so many is in the suite, by a checksum of its name."""


def in_suite(case: Case) -> bool:
    """Whether the suite runs it too: no case of seconds, and of the many alike a few."""
    if any(name in case.name for name in LONG):
        return False
    if zlib.crc32(case.name.encode()) % SHARE.get(case.kind, 1):
        return False
    alike = [text for text in ESCAPES if case.name.endswith(f" {text}")]
    return not alike or any(text in ENOUGH for text in alike)


def cases(kinds: Sequence[str], *, seed: int, mutants: int, suite: bool = False) -> Iterator[Case]:
    """The cases of some kinds. mutants: damaged copies of a good input, for each kind. suite: see `in_suite`."""
    for kind in kinds:
        for case in KINDS[kind](seed, mutants):
            if not suite or in_suite(case):
                yield case
