"""Read a Parquet file once: digest, rows, columns, and everything in it that would fail a job.

Places are row and column, the label being column 1. The numbers are read as the training program reads them
(`parquet_numbers`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from training.data.checks.column_facts import ColumnFacts
from training.data.checks.objectives import ColumnRule
from training.data.csv.cells import LARGEST, add_broken_rule
from training.data.findings import Findings, ScannedFile, file_digest
from training.data.formats.parquet_numbers import (
    NOT_A_NUMBER,
    NullableError,
    ParquetColumns,
    ParquetError,
    batch_doubles,
    column_doubles,
    is_index,
    is_no_data,
)

_BATCH = 1 << 17


def scan_parquet(
    path: Path,
    findings: Findings,
    *,
    rules: Sequence[ColumnRule] = (),
    columns: ParquetColumns | None = None,
    facts: ColumnFacts | None = None,
    progress: Callable[[int], None] = lambda count: None,
) -> ScannedFile:
    """Read `path` once, noting what is wrong in `findings`; the first column is the label.

    rules: what labels must be. columns: of the folder's first file, by whose names this one is read; None: its own.
    facts: of the channel, to be added to.
    progress: called with the bytes read since the last call. Raises OSError.
    """
    digest, size = file_digest(path, progress)
    if is_no_data(path.name):
        return ScannedFile(digest, size, 0, 0, "", math.inf, -math.inf)
    rows, names = 0, tuple[str, ...]()
    low, high = math.inf, -math.inf
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as table:
            columns = columns or ParquetColumns.of(table.schema_arrow)
            names = columns.names
            findings.columns = names
            _names(table.schema_arrow, columns, findings)
            for batch in table.iter_batches(batch_size=_BATCH):
                cells = []
                for index, name in enumerate(names):
                    values = _column(index, name, batch, columns, rows, findings)
                    cells += [values] if values is not None else []
                    if index == 0 and values is not None and len(values):
                        low = min(low, np.nanmin(values, initial=math.inf))
                        high = max(high, np.nanmax(values, initial=-math.inf))
                        _labels(values, rows, rules, findings)
                if facts is not None:
                    facts.take(cells) if len(cells) == len(names) else facts.give_up()
                rows += batch.num_rows
                if findings.too_many:
                    break
    except ParquetError as error:
        findings.add("columns of one name", f"{_capital(str(error))}.", fix="Give each column a name of its own.")
    except (pa.ArrowException, OSError) as error:
        if _of_system(error):
            raise
        said = next(iter(str(error).splitlines()), "").rstrip(". ") or type(error).__name__
        message = f"The file is not Parquet, or is damaged: {said}."
        findings.add("foreign files", message, fix="Write it as Parquet, or say what it is: [data] content_type.")
    return ScannedFile(digest, size, rows, len(names), "", float(low), float(high), names=names)


def parquet_columns(path: Path) -> ParquetColumns | None:
    """The columns that a file gives its folder; None where it is no Parquet file, which its scan then says."""
    import pyarrow as pa
    import pyarrow.parquet

    try:
        return ParquetColumns.of(pyarrow.parquet.read_schema(path))
    except (pa.ArrowException, ParquetError, OSError) as error:
        if _of_system(error):
            raise
        return None


def _of_system(error: Exception) -> bool:
    """Whether the system refuses the file: what Arrow finds wrong in it are OSErrors too, without a number."""
    return isinstance(error, OSError) and error.errno is not None


def _names(schema: Any, columns: ParquetColumns, findings: Findings) -> None:
    """Note what the container does without a word: it leaves columns out, fills them with nulls, trains on an index."""
    own, present, known = ParquetColumns.of(schema), set(schema.names), set(columns.schema.names)
    for name in columns.names:
        if is_index(name):
            message = (
                f"Column {name!r} is an index of pandas or Dask, and nothing in the file says so: it is a feature."
            )
            findings.add("such columns", message, fix="Leave it out: to_parquet(…, index=False).")
    if other := [name for name in own.names if name not in known]:
        message = f"The file has columns that the channel's first file has not: {_listed(other)}."
        fix = "The container leaves them out. Write all files with the same columns."
        findings.add("such columns", message, fix=fix)
    if missing := [name for name in columns.names if name not in present]:
        findings.warn(
            f"The file lacks columns of the channel's first file: {_listed(missing)}. All values are missing."
        )


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:10])
    return shown if len(names) <= 10 else f"{shown} and {len(names) - 10} more"


def _column(
    index: int, name: str, batch: Any, columns: ParquetColumns, rows_before: int, findings: Findings
) -> npt.NDArray[np.float64] | None:
    """The numbers of a column of a batch; None where it has others, which are noted."""
    import pyarrow as pa

    try:
        values = batch_doubles(batch, columns, name)
    except NullableError:
        message = (
            f"{_capital(findings.column(index))} has nulls, and pandas reads it as a type whose null is no number."
        )
        fix = f"The training container ends with {NOT_A_NUMBER!r}. Turn it into float64: astype('float64')."
        findings.add("columns of nullable types", message, fix=fix)
        return None
    except ParquetError as error:
        if rows_before == 0:
            fix = "Turn it into numbers, or leave it out."
            findings.add("columns of no numbers", f"{_capital(str(error))}.", fix=fix)
        return None
    except pa.ArrowException as error:
        _cells(index, batch.column(name), error, rows_before, findings)
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


def _cells(index: int, column: Any, error: Exception, rows_before: int, findings: Findings) -> None:
    """Note the texts of a column that spell no number; of another column, why it has not the first file's type."""
    import pyarrow as pa

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    before = findings.count
    for row in range(len(column) if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) else 0):
        if findings.too_many:
            return
        try:
            column_doubles("", column.slice(row, 1))
        except pa.ArrowException:
            message = f"{_capital(findings.column(index))} holds {column[row].as_py()!r}; every cell must be a number."
            fix = "Turn words into numbers; write a missing value as null."
            findings.add("cells that are not numbers", message, line=rows_before + row + 1, column=index, fix=fix)
    if findings.count == before:
        reason = str(error).splitlines()[0].rstrip(".")
        message = f"{_capital(findings.column(index))} cannot be read as the channel's first file has it: {reason}."
        fix = "Write all files with the same types."
        findings.add("columns of another type", message, column=index, fix=fix)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
