"""Files compared with each other: the columns of a channel's files, and files that two channels share.

A row that the model was trained on measures nothing, so a file of train in another channel is refused. Rows that
validation and test share are warned of (`warnings`): they are no rows of train.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kickstand.errors import Problem
from kickstand.release.model import Channel
from training.data.files import FileReport
from training.data.findings import ScannedFile, listed


@dataclass(frozen=True, slots=True)
class ReadFile:
    """A file that was read, and how messages name it. odd: whether its rows, not its first lines alone, are wrong."""

    channel: str
    shown: str
    report: FileReport
    found: ScannedFile
    faulty: bool
    odd: bool


def shape_problems(files: Sequence[ReadFile], columns: Sequence[str], first_columns: int, where: str) -> list[Problem]:
    """Files whose width is not the first file's; a width that is not the named columns'; no features at all."""
    shaped = [file for file in files if file.found.width]
    if not shaped:
        return []
    first = shaped[0]
    if first.found.names:
        return _name_problems(shaped, columns, where)
    if any(file.found.sparse for file in shaped):
        return _sparse_problems(shaped, columns, where)
    first = _usual(shaped)
    problems = _merged(_other_shapes(shaped, first))
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
        problems.append(
            Problem(
                message,
                first.shown,
                "Leave the columns out of all channels; a delimiter at the end of each line makes one.",
            )
        )
    if width <= first_columns or filled <= first_columns:
        what = "a label" if first_columns == 1 else "a label, a weight"
        message = f"The file has {_columns(width)}; {what} and at least one feature are needed."
        problems.append(Problem(message, first.shown, "Separate cells with commas." if first.found.delimiter else ""))
    return problems


def _usual(files: Sequence[ReadFile]) -> ReadFile:
    """The first of those files that most others are like, so that one odd file does not blame good ones."""
    good = [file for file in files if not file.odd] or files
    counts = Counter((file.found.delimiter, file.found.width) for file in good)
    return max(good, key=lambda file: counts[file.found.delimiter, file.found.width])


def _other_shapes(files: Sequence[ReadFile], usual: ReadFile) -> list[Problem]:
    problems = []
    for file in files:
        if file.channel == usual.channel and file.found.delimiter != usual.found.delimiter:
            message = f"Cells are separated by {file.found.delimiter!r}, in {usual.shown} by {usual.found.delimiter!r}."
            problems.append(Problem(message, file.shown, "Use one delimiter in all files of a channel."))
        elif file.found.width != usual.found.width:
            message = f"The file has {_columns(file.found.width)}; {usual.shown} has {usual.found.width}."
            problems.append(Problem(message, file.shown, "All channels need the same columns."))
    return problems


def _merged(problems: Sequence[Problem]) -> list[Problem]:
    """Problems that say the same once, with the other files."""
    places: dict[tuple[str, str], list[str]] = {}
    for problem in problems:
        places.setdefault((problem.message, problem.fix), []).append(problem.where)
    return [
        Problem(f"{message} The same in {listed(others)}." if others else message, first, fix)
        for (message, fix), (first, *others) in places.items()
    ]


def _name_problems(files: Sequence[ReadFile], columns: Sequence[str], where: str) -> list[Problem]:
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


def record_problems(files: Sequence[ReadFile]) -> list[Problem]:
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


def _sparse_problems(files: Sequence[ReadFile], columns: Sequence[str], where: str) -> list[Problem]:
    """Files with an index that the first channel's do not have, which xgboost refuses; one that `columns` has not."""
    own = [file for file in files if file.channel == files[0].channel]
    width, widest = most_columns(own), max(own, key=lambda file: file.found.width)
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


def most_columns(files: Sequence[ReadFile]) -> int:
    return max((file.found.width for file in files), default=0)


def _columns(width: int) -> str:
    return f"{width} column{'' if width == 1 else 's'}"


_PARTITION = re.compile(r"([^=/]+)=[^/]*")


def nested_channels(
    channels: Mapping[str, Path], where: Callable[[str], str], show: Callable[[Path], str]
) -> list[Problem]:
    """Channels that are train's file or folder, lie in it or hold it; links are followed to where they lead."""
    train, problems = channels.get("train"), []
    for other, path in channels.items():
        if other == "train" or train is None:
            continue
        here, there = train.resolve(), path.resolve()
        if here == there:
            message = f"The channels train and {other} are the same: each row of {other} would be trained on."
        elif here in there.parents:
            message = (
                f"The data of channel {other} lies in the folder of channel train ({show(train)}): its rows would "
            )
            message += "be trained on."
        elif there in here.parents:
            message = f"The data of channel train lies in the folder of channel {other} ({show(path)}): {other} would "
            message += "have rows that were trained on."
        else:
            continue
        fix = f"Give train and {other} a file or a folder each, none inside another."
        problems.append(Problem(message, where(f"data.{other}") or show(path), fix))
    return problems


def same_files(files: Mapping[str, Sequence[FileReport]], show: Callable[[Path], str]) -> list[Problem]:
    """Files of another channel that have the bytes of a file of train: copies, hard links, links."""
    known = {file.sha256: file for file in files.get("train", ()) if file.rows}
    problems = []
    for channel, own in files.items():
        for file in own:
            if channel != "train" and file.sha256 in known:
                message = f"The file has the very bytes of {show(known[file.sha256].path)}: all {file.rows:,} rows of "
                message += f"it are rows of train and of {channel}."
                fix = f"Rows of {channel} must be none of train: divide the data, or leave the channel out."
                problems.append(Problem(message, show(file.path), fix))
    return problems


def released_overlaps(channels: Sequence[Channel]) -> Iterator[str]:
    """Of a job that was started elsewhere, whose prefixes may hold one another: what of a channel is train's too."""
    known = {file.sha256 for channel in channels if channel.name == "train" for file in channel.files if file.rows}
    for channel in channels:
        shared = [file for file in channel.files if file.sha256 in known]
        if channel.name != "train" and shared:
            rows = f"{sum(file.rows for file in shared):,} of {channel.rows:,} rows of {channel.name}"
            yield (
                f"{rows} are in files of train too ({shared[0].name}): the model was trained on them, and figures of "
                f"{channel.name} are too good."
            )


def file_warnings(
    channel: str, files: Sequence[FileReport], columns: Collection[str], show: Callable[[Path], str]
) -> Iterator[str]:
    """Of one channel: files that are there twice, and folders named after a column that no file has; a line each.

    columns: the names that are known of the files' columns.
    """
    known: dict[str, FileReport] = {}
    for file in files:
        other = known.setdefault(file.sha256, file)
        if other is not file and file.rows:
            message = f"The file has the very bytes of {show(other.path)}: its {file.rows:,} rows count twice."
            yield f"{show(file.path)}: {message}"
    partitions: dict[str, set[str]] = {}
    for file in files:
        for match in map(_PARTITION.fullmatch, file.name.split("/")[:-1]):
            if match and match[1] not in columns:
                partitions.setdefault(match[1], set()).add(match[0])
    for column, folders in partitions.items():
        count = "a folder names" if len(folders) == 1 else f"{len(folders):,} folders name"
        named = ", ".join(sorted(folders)[:3]) + (", …" if len(folders) > 3 else "")
        yield (
            f"channel {channel}: {count} a column {column} ({named}); the container reads the files alone, so that it "
            "is no feature unless they hold it."
        )
