"""Channels held against one another: folders inside folders, the same file twice, folders that say what no file says.

A row that the model was trained on measures nothing. Rows that validation and test share are warned of
(`data_warnings`): they are no rows of train.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

from kickstand.errors import Problem
from kickstand.release import Channel
from training.data.report import FileReport

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
