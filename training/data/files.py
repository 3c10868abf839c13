"""The files of a channel on this machine, and what about them would fail a job before a row is read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kickstand.errors import Problem

DEEPEST = 3
"""Folders that the container follows below a channel."""


def channel_files(
    channel: str, path: Path, where: str = "", show: Callable[[Path], str] = str
) -> tuple[list[tuple[str, Path]], list[Problem]]:
    """The (name, path) of every file of a channel, sorted by name, and the problems. Marks such as _SUCCESS are none.

    path:  a file, whose name is kept, or a folder, whose files are named by their path below it.
    where: the setting that names the path.
    show:  how a path is written in messages.
    """
    if path.is_file():
        problems = [_hidden(show(path))] if path.name.startswith(".") else []
        return [(path.name, path)], [*problems, *_odd_name(path.name, show(path))]
    if not path.is_dir():
        return [], [_missing(channel, path, where, show)]
    found: list[tuple[str, Path]] = []
    problems = []
    for folder, folders, names in os.walk(path):
        here = Path(folder)
        below = here.relative_to(path)
        if len(below.parts) > DEEPEST:
            message = f"Folders are nested more than {DEEPEST} deep; the training container refuses that."
            problems.append(Problem(message, show(here), "Move the files up."))
            folders.clear()
            continue
        problems += [_link(show(here / name)) for name in folders if (here / name).is_symlink()]
        for name in names:
            file = here / name
            if name.startswith("_") and file.is_file() and not file.stat().st_size:
                continue  # Spark's _SUCCESS: no data, and AWS's container may take it for the first file of a CSV
            if name.startswith("."):
                problems.append(_hidden(show(file)))
            elif not file.is_file():
                problems.append(Problem("This is neither a file nor a folder.", show(file), "Remove it."))
            else:
                problems += _odd_name(name, show(file))
                found.append(((below / name).as_posix(), file))
    if not found:
        message = f"The {channel} channel's folder holds no data file."
        problems.append(Problem(message, show(path), "Put the channel's files there."))
    return sorted(found), sorted(problems, key=lambda problem: problem.where)


def _missing(channel: str, path: Path, where: str, show: Callable[[Path], str]) -> Problem:
    setting = f" (data.{channel} in {where})" if where else ""
    maker = path.parent / "prepare.py"
    fix = (
        f"Make it with: python {show(maker)}" if maker.is_file() else f"Put the data there, or correct data.{channel}."
    )
    return Problem(f"The {channel} data does not exist{setting}.", show(path), fix)


def _hidden(shown: str) -> Problem:
    message = 'A file whose name begins with "." fails the training job.'
    return Problem(message, shown, "Remove it, or move it out of the channel's folder.")


def _odd_name(name: str, shown: str) -> list[Problem]:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return [Problem("The file's name is not UTF-8, as S3 wants it.", repr(shown), "Rename it.")]
    if name.isprintable() and "\\" not in name:
        return []
    return [Problem("The file's name holds control characters or a backslash.", repr(shown), "Rename it.")]


def _link(shown: str) -> Problem:
    message = "A link to a folder is not followed, so its files would be missing."
    return Problem(message, shown, "Move the files themselves there, or name that folder in the project file.")
