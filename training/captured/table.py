"""Captured requests as CSV: a line for each row that was sent, with named columns, written as they are read."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from training.captured.records import Captured

FIXED = ("inference_time", "model_sha256", "request_id", "request_row")
"""Before the features: when the request came, which model answered, the request's id, which of its rows this is."""
_PEEKED = 1_000
"""Requests that are looked at for the number of values in an answer."""


@dataclass(slots=True)
class Table:
    """What comes out, and what of the records does not.

    features: names of the features; empty: `f0`, `f1`, … of as many as the first row has.
    joined:   whether the answers are columns too.
    """

    features: Sequence[str]
    joined: bool
    rows: int = 0
    requests: int = 0
    unanswered: int = 0
    models: set[str] = field(default_factory=set)
    left_out: Counter[str] = field(default_factory=Counter)

    def lines(self, records: Iterable[tuple[str, Captured]]) -> Iterator[bytes]:
        """The header and the lines of records, each with the digest of the model that answered."""
        kept = self._readable(records)
        peeked, values = self._peek(kept)
        if peeked and not self.features:
            self.features = [f"f{number}" for number in range(len((peeked[0][1].rows or ((),))[0]))]
        yield self._header(values)
        for model, captured in peeked:
            yield from self._of(model, captured, values)
        for model, captured in kept:
            yield from self._of(model, captured, values)

    def _readable(self, records: Iterable[tuple[str, Captured]]) -> Iterator[tuple[str, Captured]]:
        for model, captured in records:
            if captured.rows is None:
                self.left_out[captured.fault] += 1
            else:
                yield model, captured

    def _peek(self, records: Iterator[tuple[str, Captured]]) -> tuple[list[tuple[str, Captured]], int]:
        """The first records, up to one with an answer where answers are wanted, and how many values that one has."""
        peeked = []
        for model, captured in records:
            peeked.append((model, captured))
            if not self.joined or len(peeked) == _PEEKED:
                break
            if captured.answers is not None:
                return peeked, len(captured.answers[0])
        return peeked, 1

    def _header(self, values: int) -> bytes:
        names = [*FIXED, *self.features]
        if self.joined:
            names += ["prediction"] if values == 1 else [f"prediction_{number}" for number in range(values)]
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(names)
        return line.getvalue().encode()

    def _of(self, model: str, captured: Captured, values: int) -> Iterator[bytes]:
        rows = captured.rows or ()
        width = len(self.features)
        if any(len(row) != width for row in rows):
            self.left_out[f"rows of another number of columns than {width}"] += 1
            return
        answers = captured.answers
        if answers is not None and any(len(answer) != values for answer in answers):
            answers = None
        self.requests += 1
        self.rows += len(rows)
        self.models.add(model)
        self.unanswered += answers is None
        begun = f"{captured.time},{model},{_quoted(captured.id)},"
        for number, row in enumerate(rows):
            line = f"{begun}{number + 1},{','.join(row)}"
            if self.joined:
                line += "," + ",".join(answers[number] if answers is not None else ("",) * values)
            yield f"{line}\n".encode()

    def sentences(self) -> Iterator[str]:
        """What was read, for people: first what came out, then what did not."""
        of = "1 model" if len(self.models) == 1 else f"{len(self.models)} models"
        yield f"{_counted(self.rows, 'row')} of {_counted(self.requests, 'request')}, answered by {of}."
        if self.joined and self.unanswered:
            yield f"{_counted(self.unanswered, 'request')} without predictions: their columns are empty."
        for fault, count in self.left_out.most_common():
            yield f"Left out: {_counted(count, 'request')} ({fault})."


def _quoted(text: str) -> str:
    """An id as a cell: it may be any text of the caller's."""
    return '"' + text.replace('"', '""') + '"' if any(one in text for one in ',"\r\n') else text


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
