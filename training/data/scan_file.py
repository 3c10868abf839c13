"""Read one file of a channel once, whatever it is written as."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from training.data.column_facts import ColumnFacts
from training.data.csv_findings import Findings
from training.data.csv_scan import scan_csv
from training.data.libsvm_scan import scan_libsvm
from training.data.objectives import ColumnRule
from training.data.parquet_numbers import ParquetColumns
from training.data.parquet_scan import scan_parquet
from training.data.recordio_scan import scan_recordio
from training.data.scanned_file import ScannedFile

_SCANS: Mapping[str, Callable[..., ScannedFile]] = {
    "libsvm": scan_libsvm,
    "recordio-protobuf": scan_recordio,
}


def scan_file(
    kind: str,
    path: Path,
    findings: Findings,
    *,
    rules: Sequence[ColumnRule] = (),
    label_columns: int = 1,
    parquet: ParquetColumns | None = None,
    facts: ColumnFacts | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> ScannedFile:
    """Read one file of a kind (`csv`, `libsvm`, …) once, noting what is wrong in `findings`. Raises OSError.

    parquet: the columns of the channel's first file, by whose names the others are read.
    facts: of the channel, to be added to.
    """
    if facts is not None:
        facts.begin_file()
    if kind == "parquet":
        return scan_parquet(path, findings, rules=rules, columns=parquet, facts=facts, progress=progress)
    if kind == "csv":
        return scan_csv(path, findings, rules=rules, label_columns=label_columns, facts=facts, progress=progress)
    return _SCANS[kind](path, findings, rules=rules, facts=facts, progress=progress)
