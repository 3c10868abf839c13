"""Check the channels before anything is uploaded or paid for: one streaming pass, all problems at once.

report, problems = check_data({"train": Path("data/train.csv")}, hyperparameters={"objective": "reg:gamma"})
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kickstand.errors import Problem
from training.data.csv_findings import Findings
from training.data.csv_scan import CsvFile, scan_csv
from training.data.files import channel_files
from training.data.objectives import ColumnRule, column_rules, feature_problems, label_columns
from training.data.report import ChannelReport, DataReport, FileReport


@dataclass(frozen=True, slots=True)
class _Read:
    """A file that was read, and how messages name it."""

    channel: str
    shown: str
    report: FileReport
    csv: CsvFile


def check_data(
    channels: Mapping[str, Path],
    *,
    hyperparameters: Mapping[str, str] | None = None,
    target_transform: str = "none",
    columns: Sequence[str] = (),
    where: Callable[[str], str] = lambda setting: "",
    show: Callable[[Path], str] = str,
    progress: Callable[[int], None] = lambda count: None,
) -> tuple[DataReport, list[Problem]]:
    """Read every file of every channel once; what they hold, and everything that is wrong.

    channels:         a file or a folder by channel name. All need the same columns.
    hyperparameters:  objective, metrics and csv_weights say what a label and a weight must be.
    target_transform: `log1p` wants labels between 0 and 88.
    columns:          the names in file order, label first; their number must be the files'.
    where:            the place of a setting by dotted name (`data.train`, `data.columns`).
    show:             how a path is written in messages.
    progress:         called with the bytes read since the last call.
    """
    settings = hyperparameters or {}
    rules = column_rules(settings, target_transform)
    first_columns = label_columns(settings)
    problems: list[Problem] = []
    read: list[_Read] = []
    for channel, path in channels.items():
        files, faults = channel_files(channel, path, where(f"data.{channel}"), show)
        problems += faults
        for name, file in files:
            found, faults = _read(channel, name, file, columns, rules, first_columns, show(file), progress)
            read += found
            problems += faults
    problems += _shape_problems(read, columns, first_columns, where("data.columns"))
    widths = [file.csv.width for file in read if file.csv.width]
    if widths:
        problems += feature_problems(settings, widths[0], where("hyperparameters.monotone_constraints"))
    reports = {channel: _channel(channel, [file for file in read if file.channel == channel]) for channel in channels}
    return DataReport(reports), problems


def _read(
    channel: str,
    name: str,
    path: Path,
    columns: Sequence[str],
    rules: Sequence[ColumnRule],
    first_columns: int,
    shown: str,
    progress: Callable[[int], None],
) -> tuple[list[_Read], list[Problem]]:
    findings = Findings(shown, columns)
    try:
        modified = path.stat().st_mtime_ns
        csv = scan_csv(path, findings, rules=rules, label_columns=first_columns, progress=progress)
    except OSError as error:
        return [], [Problem(f"The file cannot be read: {error.strerror}.", shown)]
    report = FileReport(name, path, csv.sha256, csv.size, csv.rows, modified)
    return [_Read(channel, shown, report, csv)], findings.problems()


def _shape_problems(files: Sequence[_Read], columns: Sequence[str], first_columns: int, where: str) -> list[Problem]:
    """Files whose width is not the first file's; a width that is not the named columns'; no features at all."""
    shaped = [file for file in files if file.csv.width]
    if not shaped:
        return []
    first = shaped[0]
    problems = []
    for file in shaped[1:]:
        if file.channel == first.channel and file.csv.delimiter != first.csv.delimiter:
            message = f"Cells are separated by {file.csv.delimiter!r}, in {first.shown} by {first.csv.delimiter!r}."
            problems.append(Problem(message, file.shown, "Use one delimiter in all files of a channel."))
        elif file.csv.width != first.csv.width:
            message = f"The file has {_columns(file.csv.width)}; {first.shown} has {first.csv.width}."
            problems.append(Problem(message, file.shown, "All channels need the same columns."))
    width = first.csv.width
    if columns and len(columns) != width:
        message = f"columns names {len(columns)} columns; {first.shown} has {width}."
        problems.append(Problem(message, where, "Name the label first, then every feature in file order."))
    if width <= first_columns:
        what = "a label" if first_columns == 1 else "a label, a weight"
        message = f"The file has {_columns(width)}; {what} and at least one feature are needed."
        problems.append(Problem(message, first.shown, "Separate cells with commas."))
    return problems


def _columns(width: int) -> str:
    return f"{width} column{'' if width == 1 else 's'}"


def _channel(name: str, files: Sequence[_Read]) -> ChannelReport:
    return ChannelReport(
        name=name,
        files=tuple(file.report for file in files),
        rows=sum(file.csv.rows for file in files),
        columns=files[0].csv.width if files else 0,
        delimiter=files[0].csv.delimiter if files else ",",
        label_min=min((file.csv.label_min for file in files), default=0.0),
        label_max=max((file.csv.label_max for file in files), default=0.0),
    )
