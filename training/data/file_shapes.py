"""The columns of a channel's files held against one another, and against the names that the project file gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from kickstand.errors import Problem
from training.data.csv_findings import listed
from training.data.report import FileReport
from training.data.scanned_file import ScannedFile


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
