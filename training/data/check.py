"""Check the channels before anything is uploaded or paid for: one streaming pass, all problems at once.

    report, problems = check_data({"train": Path("data/train.csv")}, hyperparameters={"objective": "reg:gamma"})

Each file is read once, whatever its content type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from kickstand.errors import Problem
from kickstand.xgboost_container import kind_of
from training.data.checks.column_facts import ColumnFacts, weight_problems
from training.data.checks.files import (
    ReadFile,
    file_warnings,
    most_columns,
    nested_channels,
    record_problems,
    same_files,
    shape_problems,
)
from training.data.checks.objectives import ColumnRule, column_rules, feature_problems, label_columns
from training.data.checks.warnings import data_warnings
from training.data.csv.scan import scan_csv
from training.data.files import ChannelReport, DataReport, FileReport, channel_files
from training.data.findings import BEFORE_ROWS, Findings, ScannedFile, first_of, problems_of
from training.data.formats.libsvm_scan import scan_libsvm
from training.data.formats.other_files import stray_problem
from training.data.formats.parquet_numbers import ParquetColumns, first_data_file
from training.data.formats.parquet_scan import parquet_columns, scan_parquet
from training.data.formats.recordio_scan import scan_recordio

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
    read: list[ReadFile] = []
    every: list[Findings] = []
    warnings: list[str] = []
    facts: dict[str, ColumnFacts] = {}
    nested = nested_channels(channels, where, show)
    for channel, path in channels.items():
        facts[channel] = ColumnFacts(log1p=target_transform == "log1p", weights=first_columns == 2)
        files, faults = channel_files(channel, path, where(f"data.{channel}"), show)
        problems += faults
        faulty = {fault.where for fault in faults}
        first = dict(files).get(first_data_file(name for name, _ in files)) if kind == "parquet" else None
        parquet = parquet_columns(first) if first else None
        for name, file in files:
            if show(file) in faulty:
                continue  # what is wrong with its name says what it is
            findings = Findings(show(file), columns)
            found = _read(kind, channel, name, file, rules, first_columns, parquet, facts[channel], findings, progress)
            read += found
            every.append(findings)
            warnings += findings.warnings
    own = {channel: [file.report for file in read if file.channel == channel] for channel in channels}
    problems = [*nested, *problems, *problems_of(every), *([] if nested else same_files(own, show))]
    problems += _empty_channels(read)
    problems += weight_problems(facts, settings, where("hyperparameters.csv_weights"), in_column=first_columns == 2)
    problems += shape_problems(read, columns, first_columns, where("data.columns"))
    problems += record_problems(read) if kind == "recordio-protobuf" else []
    if width := most_columns([file for file in read if file.channel == read[0].channel]):
        problems += feature_problems(settings, width, where("hyperparameters.monotone_constraints"))
    reports = {channel: _channel(channel, [file for file in read if file.channel == channel]) for channel in channels}
    named = (*columns, *(read[0].found.names if read else ()))
    for channel, reported in own.items():
        warnings += file_warnings(channel, reported, named, show)
    if not problems:
        warnings += data_warnings(facts, settings, _namer(kind, named), label_columns=first_columns)
    return DataReport(reports, tuple(warnings)), first_of(problems)


def _namer(kind: str, columns: Sequence[str]) -> Callable[[int], str]:
    """How messages name a column: by its index where rows name their columns by it."""
    if kind in ("csv", "parquet"):
        return Findings("", columns).column

    def by_index(column: int) -> str:
        name = f" ({columns[column]})" if column < len(columns) else ""
        return f"the label{name}" if column == 0 else f"feature {column - 1}{name}"

    return by_index


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
) -> list[ReadFile]:
    try:
        if stray := stray_problem(kind, name, path, findings.shown):
            findings.add("files that are no data", stray.message, fix=stray.fix)
            return []
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
    report = FileReport(name, path, found.sha256, found.size, found.rows)
    odd = not findings.kinds <= BEFORE_ROWS
    return [ReadFile(channel, findings.shown, report, found, bool(findings.count), odd)]


def _empty_channels(files: Sequence[ReadFile]) -> list[Problem]:
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


def _channel(name: str, files: Sequence[ReadFile]) -> ChannelReport:
    return ChannelReport(
        name=name,
        files=tuple(file.report for file in files),
        rows=sum(file.found.rows for file in files),
        columns=most_columns(files),
        delimiter=files[0].found.delimiter if files else ",",
        label_min=min((file.found.label_min for file in files), default=0.0),
        label_max=max((file.found.label_max for file in files), default=0.0),
        grouped=any(file.found.grouped for file in files),
    )
