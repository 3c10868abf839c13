"""Check the channels before anything is uploaded or paid for: one streaming pass, all problems at once.

report, problems = check_data({"train": Path("data/train.csv")}, hyperparameters={"objective": "reg:gamma"})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kickstand.content_types import kind_of
from kickstand.errors import Problem
from training.data.column_facts import ColumnFacts
from training.data.csv_findings import Findings
from training.data.data_warnings import data_warnings
from training.data.files import channel_files
from training.data.objectives import ColumnRule, column_rules, feature_problems, label_columns
from training.data.parquet_numbers import ParquetColumns, first_data_file
from training.data.parquet_scan import parquet_columns
from training.data.report import ChannelReport, DataReport, FileReport
from training.data.scan_file import scan_file
from training.data.scanned_file import ScannedFile
from training.data.shared_files import file_warnings, nested_channels, same_files


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read, and how messages name it."""

    channel: str
    shown: str
    report: FileReport
    found: ScannedFile
    faulty: bool


def check_data(
    channels: Mapping[str, Path],
    *,
    content_type: str = "text/csv",
    hyperparameters: Mapping[str, str] | None = None,
    target_transform: str = "none",
    columns: Sequence[str] = (),
    where: Callable[[str], str] = lambda setting: "",
    show: Callable[[Path], str] = str,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[DataReport, list[Problem]]:
    """Read every file of every channel once; what they hold, and everything that is wrong.

    channels:         a file or a folder by channel name. All need the same columns; sparse ones no more than train.
    content_type:     what the files are written as, in one of the container's words.
    hyperparameters:  objective, metrics and csv_weights say what a label and a weight must be.
    target_transform: `log1p` wants labels between 0 and 88.
    columns:          the names in file order, label first; their number must be the files'.
    where:            the place of a setting by dotted name (`data.train`, `data.columns`).
    show:             how a path is written in messages.
    progress:         called with the bytes read since the last call.
    """
    kind = kind_of(content_type)
    settings = dict(hyperparameters or {})
    if kind != "csv":
        settings.pop("csv_weights", None)  # of CSV alone, as in the container
    rules = column_rules(settings, target_transform)
    first_columns = label_columns(settings)
    problems: list[Problem] = []
    read: list[_Read] = []
    warnings: list[str] = []
    facts: dict[str, ColumnFacts] = {}
    nested = nested_channels(channels, where, show)
    for channel, path in channels.items():
        facts[channel] = ColumnFacts(log1p=target_transform == "log1p", weights=first_columns == 2)
        files, faults = channel_files(channel, path, where(f"data.{channel}"), show)
        problems += faults
        first = dict(files).get(first_data_file(name for name, _ in files)) if kind == "parquet" else None
        parquet = parquet_columns(first) if first else None
        for name, file in files:
            findings = Findings(show(file), columns)
            found = _read(kind, channel, name, file, rules, first_columns, parquet, facts[channel], findings, progress)
            read += found
            problems += findings.problems()
            warnings += findings.warnings
    own = {channel: [file.report for file in read if file.channel == channel] for channel in channels}
    problems = [*nested, *problems, *([] if nested else same_files(own, show))]
    problems += _empty_channels(read)
    problems += _weightless(facts.get("train"), first_columns, where("hyperparameters.csv_weights"))
    problems += _shape_problems(read, columns, first_columns, where("data.columns"))
    problems += _record_problems(read) if kind == "recordio-protobuf" else []
    if width := _width([file for file in read if file.channel == read[0].channel]):
        problems += feature_problems(settings, width, where("hyperparameters.monotone_constraints"))
    reports = {channel: _channel(channel, [file for file in read if file.channel == channel]) for channel in channels}
    named = (*columns, *(read[0].found.names if read else ()))
    for channel, reported in own.items():
        warnings += file_warnings(channel, reported, named, show)
    if not problems:
        warnings += data_warnings(facts, settings, _namer(kind, named), label_columns=first_columns)
    return DataReport(reports, tuple(warnings)), problems


def _namer(kind: str, columns: Sequence[str]) -> Callable[[int], str]:
    """How messages name a column: by its index where rows name their columns by it."""
    if kind in ("csv", "parquet"):
        return Findings("", columns).column

    def by_index(column: int) -> str:
        name = f" ({columns[column]})" if column < len(columns) else ""
        return f"the label{name}" if column == 0 else f"feature {column - 1}{name}"

    return by_index


def _weightless(train: ColumnFacts | None, first_columns: int, where: str) -> list[Problem]:
    """Rows that all have weight 0, from which xgboost makes a model of nan, or none."""
    if train is None or train.lost or not train.rows or train.no_weight != train.rows:
        return []
    message = f"all {train.rows:,} rows of train have weight 0: there is nothing to train on, and the job fails."
    fix = "Weigh rows by numbers above 0" + (", or remove csv_weights." if first_columns == 2 else ".")
    return [Problem(message, where, fix)]


def _read(
    kind: str,
    channel: str,
    name: str,
    path: Path,
    rules: Sequence[ColumnRule],
    first_columns: int,
    parquet: ParquetColumns | None,
    facts: ColumnFacts,
    findings: Findings,
    progress: Callable[[int], None],
) -> list[_Read]:
    try:
        modified = path.stat().st_mtime_ns
        found = scan_file(
            kind,
            path,
            findings,
            rules=rules,
            label_columns=first_columns,
            parquet=parquet,
            facts=facts,
            progress=progress,
        )
    except OSError as error:
        findings.add("unreadable files", f"The file cannot be read: {error.strerror}.")
        return []
    report = FileReport(name, path, found.sha256, found.size, found.rows, modified)
    return [_Read(channel, findings.shown, report, found, bool(findings.count))]


def _empty_channels(files: Sequence[_Read]) -> list[Problem]:
    """Channels whose files have no row at all; single files may have none, where the container passes them over."""
    problems = []
    for channel in dict.fromkeys(file.channel for file in files):
        own = [file for file in files if file.channel == channel]
        if not any(file.found.rows or file.faulty for file in own):
            message = f"No file of channel {channel} holds a row of data."
            if len(own) == 1:
                message = "The file holds no row of data." if own[0].found.size else "The file is empty."
            problems.append(Problem(message, own[0].shown, "Put rows in it, or remove it."))
    return problems


def _shape_problems(files: Sequence[_Read], columns: Sequence[str], first_columns: int, where: str) -> list[Problem]:
    """Files whose width is not the first file's; a width that is not the named columns'; no features at all."""
    shaped = [file for file in files if file.found.width]
    if not shaped:
        return []
    first = shaped[0]
    if first.found.names:
        return _name_problems(shaped, columns, where)
    if any(file.found.sparse for file in shaped):
        return _sparse_problems(shaped, columns, where)
    problems = []
    for file in shaped[1:]:
        if file.channel == first.channel and file.found.delimiter != first.found.delimiter:
            message = f"Cells are separated by {file.found.delimiter!r}, in {first.shown} by {first.found.delimiter!r}."
            problems.append(Problem(message, file.shown, "Use one delimiter in all files of a channel."))
        elif file.found.width != first.found.width:
            message = f"The file has {_columns(file.found.width)}; {first.shown} has {first.found.width}."
            problems.append(Problem(message, file.shown, "All channels need the same columns."))
    width = first.found.width
    if columns and len(columns) != width:
        message = f"columns names {len(columns)} columns; {first.shown} has {width}."
        problems.append(Problem(message, where, "Name the label first, then every feature in file order."))
    own = [file for file in shaped if file.channel == first.channel and file.found.delimiter]
    filled = max((file.found.filled for file in own), default=width)
    if first_columns < filled < width and not any(file.faulty for file in own):
        message = (
            f"The last {width - filled} of {width} columns are empty in every row of channel {first.channel}; the "
        )
        message += f"training container does not see them: the model would have {filled - first_columns} features."
        problems.append(Problem(message, first.shown, "Leave the columns out of all channels."))
    if width <= first_columns or filled <= first_columns:
        what = "a label" if first_columns == 1 else "a label, a weight"
        message = f"The file has {_columns(width)}; {what} and at least one feature are needed."
        problems.append(Problem(message, first.shown, "Separate cells with commas." if first.found.delimiter else ""))
    return problems


def _name_problems(files: Sequence[_Read], columns: Sequence[str], where: str) -> list[Problem]:
    """Names of Parquet columns that are not those of `columns`, or not the first channel's; no features at all."""
    first = files[0]
    names = first.found.names
    problems = []
    if columns and tuple(columns) != names:
        message = f"columns names {_listed(columns)}; the columns of {first.shown} are {_listed(names)}."
        fix = "Name the file's columns in its order, the label first, or write the file so. A column that pandas wrote "
        problems.append(Problem(message, where, f"{fix}as its index is none."))
    for file in {file.channel: file for file in reversed(files)}.values():
        if file.found.names != names:
            message = f"The columns are {_listed(file.found.names)}; those of {first.shown} are {_listed(names)}."
            fix = "The container reads each channel by position: all need the same columns in the same order."
            problems.append(Problem(message, file.shown, fix))
    if len(names) == 1:
        message = f"The file has the column {names[0]} alone; a label and at least one feature are needed."
        problems.append(Problem(message, first.shown, "A column that pandas wrote as its index is none."))
    return problems


def _record_problems(files: Sequence[_Read]) -> list[Problem]:
    """Sparse files whose records have not as many columns as those of the channel's first file."""
    problems = []
    for file in files:
        own = [other for other in files if other.channel == file.channel and other.found.width]
        first = own[0] if own else file
        if any(other.found.sparse for other in own) and file.found.width and file.found.width != first.found.width:
            message = f"The records have {_columns(file.found.width)}; those of {first.shown} have {first.found.width}."
            problems.append(Problem(message, file.shown, "Give every sparse record of a channel the same shape."))
    return problems


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")


def _sparse_problems(files: Sequence[_Read], columns: Sequence[str], where: str) -> list[Problem]:
    """Files with an index that the first channel's do not have, which xgboost refuses; one that `columns` has not."""
    own = [file for file in files if file.channel == files[0].channel]
    width, widest = _width(own), max(own, key=lambda file: file.found.width)
    problems = [
        Problem(
            f"The file has index {file.found.width - 2}; channel {own[0].channel} ends with index {width - 2}.",
            file.shown,
            f"A model has no other features than its training data: write {file.found.width - 2}:0 in a row of that "
            "channel, or take the index out here.",
        )
        for file in files
        if file.channel != own[0].channel and file.found.width > width
    ]
    if columns and len(columns) < width:
        message = f"columns names {len(columns)} columns; {widest.shown} has index {width - 2}."
        fix = "Name the label first, then the features of index 0, 1, 2 and so on."
        problems.append(Problem(message, where, fix))
    if width <= 1:
        problems.append(Problem("The rows have no features.", widest.shown))
    return problems


def _width(files: Sequence[_Read]) -> int:
    return max((file.found.width for file in files), default=0)


def _columns(width: int) -> str:
    return f"{width} column{'' if width == 1 else 's'}"


def _channel(name: str, files: Sequence[_Read]) -> ChannelReport:
    return ChannelReport(
        name=name,
        files=tuple(file.report for file in files),
        rows=sum(file.found.rows for file in files),
        columns=_width(files),
        delimiter=files[0].found.delimiter if files else ",",
        label_min=min((file.found.label_min for file in files), default=0.0),
        label_max=max((file.found.label_max for file in files), default=0.0),
        grouped=any(file.found.grouped for file in files),
    )
