"""Read a Parquet file once: digest, rows, columns, and everything in it that would fail a job.

Places are row and column. The numbers are read as the training program reads them (`parquet_numbers`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.csv_cells import LARGEST, add_broken_rule
from training.data.csv_findings import Findings
from training.data.digest import file_digest
from training.data.objectives import ColumnRule
from training.data.parquet_numbers import ParquetError, column_doubles, is_no_data
from training.data.scanned_file import ScannedFile

_BATCH = 1 << 17


def scan_parquet(
    path: Path,
    findings: Findings,
    *,
    rules: Sequence[ColumnRule] = (),
    progress: Callable[[int], None] = lambda count: None,
) -> ScannedFile:
    """Read `path` once, noting what is wrong in `findings`; the first column is the label.

    rules: what labels must be. progress: called with the bytes read since the last call. Raises OSError.
    """
    digest, size = file_digest(path, progress)
    if is_no_data(path.name):
        return ScannedFile(digest, size, 0, 0, "", math.inf, -math.inf)
    rows = width = 0
    low, high = math.inf, -math.inf
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            names = table.schema_arrow.names
            width = len(names)
            findings.columns = findings.columns or names
            for batch in table.iter_batches(batch_size=_BATCH):
                for index, column in enumerate(batch.columns):
                    values = _column(index, names[index], column, rows, findings)
                    if index == 0 and values is not None and len(values):
                        low = min(low, np.nanmin(values, initial=math.inf))
                        high = max(high, np.nanmax(values, initial=-math.inf))
                        _labels(values, rows, rules, findings)
                rows += batch.num_rows
                if findings.too_many:
                    break
    except pa.ArrowException as error:
        message = f"The file is not Parquet, or is damaged: {str(error).splitlines()[0].rstrip('.')}."
        findings.add("foreign files", message, fix="Write it as Parquet, or say what it is: [data] content_type.")
    if rows == 0 and not findings.count:
        findings.add("empty files", "The file holds no row of data.", fix="Put rows in it, or remove it.")
    return ScannedFile(digest, size, rows, width, "", float(low), float(high))


def _column(index: int, name: str, column: Any, rows_before: int, findings: Findings) -> npt.NDArray[np.float64] | None:
    """The numbers of a column of a batch; None where it has others, which are noted."""
    import pyarrow as pa

    try:
        values = column_doubles(name, column)
    except ParquetError as error:
        if rows_before == 0:
            message = f"{str(error)[:1].upper()}{str(error)[1:]}."
            findings.add("columns of no numbers", message, fix="Turn it into numbers, or leave it out.")
        return None
    except pa.ArrowException:
        _tell_cells(index, column, rows_before, findings)
        return None
    for row in np.flatnonzero(np.abs(values) > LARGEST).tolist():
        if findings.too_many:
            break
        message = f"{_capital(findings.column(index))} holds {values[row]:g}, which is not finite as float32."
        fix = "Write a missing value as null." if index else "Remove the row."
        findings.add("numbers that are not finite", message, line=rows_before + row + 1, column=index, fix=fix)
    return values


def _labels(values: npt.NDArray[np.float64], rows_before: int, rules: Sequence[ColumnRule], findings: Findings) -> None:
    for row in np.flatnonzero(np.isnan(values)).tolist():
        if findings.too_many:
            return
        message = f"{_capital(findings.column(0))} is missing."
        fix = "Remove the row, or fill it in."
        findings.add("missing labels", message, line=rows_before + row + 1, column=0, fix=fix)
    for rule in rules:
        if rule.column == 0:
            for row in rule.broken(values).nonzero()[0].tolist():
                if findings.too_many:
                    return
                add_broken_rule(rule, float(values[row]), rows_before + row + 1, findings)


def _tell_cells(index: int, column: Any, rows_before: int, findings: Findings) -> None:
    """Note the texts of a column that spell no number."""
    import pyarrow as pa

    for row in range(len(column)):
        if findings.too_many:
            return
        try:
            column.slice(row, 1).cast(pa.float64())
        except pa.ArrowException:
            message = f"{_capital(findings.column(index))} holds {column[row].as_py()!r}; every cell must be a number."
            fix = "Turn words into numbers; write a missing value as null."
            findings.add("cells that are not numbers", message, line=rows_before + row + 1, column=index, fix=fix)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
