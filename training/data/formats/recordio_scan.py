"""Read a RecordIO-protobuf file once: digest, records, columns, and everything in it that would fail a job.

Places are records. Frames and messages are read as the training program reads them (`recordio`).
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from training.data.checks.column_facts import ColumnFacts
from training.data.checks.objectives import ColumnRule
from training.data.csv.cells import LARGEST, add_broken_rule
from training.data.findings import Findings, ScannedFile, file_digest
from training.data.formats.parquet_numbers import is_no_data
from training.data.formats.recordio import Record, RecordioError, Tensor, decode_record, frames

_LARGEST_KEY = 2**31 - 2
_TOGETHER = 4096
"""Records that are looked at as one table."""


def scan_recordio(
    path: Path,
    findings: Findings,
    *,
    rules: Sequence[ColumnRule] = (),
    facts: ColumnFacts | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> ScannedFile:
    """Read `path` once, noting what is wrong in `findings`; columns are the label and the features.

    rules: what labels must be. facts: of the channel, to be added to.
    progress: called with the bytes read since the last call. Raises OSError.
    """
    digest, size = file_digest(path, progress)
    scan = _Scan(findings, [rule for rule in rules if rule.column == 0], facts)
    if size and not is_no_data(path.name):  # the container's reader passes such a file over
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            scan.take(data)
    return ScannedFile(digest, size, scan.rows, scan.width, "", scan.low, scan.high, sparse=scan.sparse)


class _Scan:
    def __init__(self, findings: Findings, rules: Sequence[ColumnRule], facts: ColumnFacts | None) -> None:
        self.findings, self.rules = findings, rules
        self.rows = self.width = 0
        self.first: int | None = None
        self.sparse = False
        self.low, self.high = math.inf, -math.inf
        self.facts = facts
        self.waiting: list[Record] = []

    def take(self, data: mmap.mmap) -> None:
        """Look at every record. Where a frame is broken, those behind it cannot be found."""
        number = 0
        try:
            for number, (start, end) in enumerate(frames(data), 1):
                if self.findings.too_many:
                    return
                try:
                    record = decode_record(data[start:end], 0, end - start)
                except RecordioError as error:
                    # The offset is the record's own beginning here.
                    reason = str(error).partition(": ")[2] or str(error)
                    self._add("records that cannot be read", f"The record cannot be read: {reason}.", number)
                else:
                    self.rows += 1
                    self._look(record, number)
                    self._remember(record)
        except RecordioError as error:
            fix = "Write the file whole, or say what it is: [data] content_type."
            self._add("broken files", f"No record of RecordIO-protobuf is here. {error}.", number + 1, fix)
        self._gather()

    def _look(self, record: Record, number: int) -> None:
        features, label = record.features, record.label
        if features is None:
            self._add("records without features", "The record has no features of the name values.", number)
        else:
            self._features(features, number)
        if label is None or len(label.values) != 1:
            found = "none" if label is None else f"{len(label.values)} of them"
            self._add("records without one label", f"Expected one label of the name values, found {found}.", number)
            return
        value = float(label.values[0])
        if not abs(value) <= LARGEST:
            self._add("labels that are not finite", f"The label is {value:g}; it must be finite.", number)
            return
        self.low, self.high = min(self.low, value), max(self.high, value)
        for rule in self.rules:
            if rule.breaks(value):
                add_broken_rule(rule, value, number, self.findings)

    def _features(self, tensor: Tensor, number: int) -> None:
        if np.any(np.abs(tensor.values.astype(np.float64)) > LARGEST):
            self._add("numbers that are not finite", "The record holds a number that is not finite as float32.", number)
        width = len(tensor.values)
        if tensor.keys is not None:
            self.sparse = True
            width = int(tensor.keys.max()) + 1
            if tensor.shape and width > tensor.shape[0]:
                message = f"The record has the key {width - 1}, and the shape {tensor.shape[0]}."
                self._add("keys beyond the shape", message, number)
                return
            width = tensor.shape[0] if tensor.shape else width
            if width > _LARGEST_KEY + 1:
                self._add("keys that are too large", f"A key is 0 to {_LARGEST_KEY}, found {width - 1}.", number)
                return
        if self.first is not None and width != self.first:
            message = f"The record has {width} features; the first one has {self.first}."
            fix = "All records need the same features."
            if self.sparse:
                fix += " A sparse record has those of its shape, and needs a key: without one, the container sees none."
            self._add("records of another width", message, number, fix)
            return
        self.first = width
        self.width = max(self.width, width + 1)

    def _remember(self, record: Record) -> None:
        self.waiting.append(record)
        if len(self.waiting) == _TOGETHER:
            self._gather()

    def _gather(self) -> None:
        """Bring the records of the last while to the channel's facts; nothing is known of those that are faulty."""
        records, self.waiting = self.waiting, []
        if self.facts is None or not records:
            return
        pairs = [(one.features, one.label) for one in records if one.features is not None and one.label is not None]
        labels = [label.values for _, label in pairs if len(label.values) == 1]
        widths = {None if features.keys is not None else len(features.values) for features, _ in pairs}
        if len(labels) < len(records) or len(widths) != 1:
            self.facts.give_up()
            return
        label, features = np.concatenate(labels), [features for features, _ in pairs]
        if None not in widths:
            self.facts.take(
                [label.astype(np.float64), *np.stack([one.values for one in features], 1).astype(np.float64)]
            )
            return
        starts = np.cumsum([0, *(len(one.values) for one in features)])
        keys = np.concatenate([one.keys for one in features if one.keys is not None])
        values = np.concatenate([one.values for one in features])
        self.facts.take_sparse(label.astype(np.float32), starts, keys.astype(np.int32), values.astype(np.float32))

    def _add(self, kind: str, message: str, number: int, fix: str = "") -> None:
        self.findings.add(kind, message, line=number, fix=fix)
