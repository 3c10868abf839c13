"""Rows of features and their answers: the files, standard input and output of `predict`, `transform` and `evaluate`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from kickstand.atomic_file import atomic_file
from kickstand.errors import InputError, KickstandError, Problem
from training.data.checks.objectives import label_columns

if TYPE_CHECKING:
    from kickstand.workspace import Workspace
    from training.prediction.batches import Expected


def expected_features(workspace: Workspace) -> Expected | None:
    """How many features the released model takes; None without a readable release (`deploy` says why)."""
    from training.prediction.batches import Expected

    try:
        release = workspace.release()
    except InputError:
        return None
    trained = next((channel for channel in release.channels if channel.name == "train"), release.channels[0])
    features = trained.columns - label_columns(release.hyperparameters, trained.content_type)
    return Expected(features, f"as the model of {workspace.release_file} takes")


def rows_file_problems(source: str | None, output: str | None) -> Iterator[Problem]:
    """What is wrong with input and output as files, said before anything is opened.

    source: a file, `-` for stdin, `s3://…`, or None. output: a file, `-` for stdout, or None.
    """
    local = source is not None and source != "-" and not source.startswith("s3://")
    file = Path(source or "")
    # A pipe with a name (`<(cut …)`) is as good as a file.
    if local and (not file.exists() or file.is_dir()):
        yield Problem("Expected a CSV file of rows, found none.", str(source))
    if output is None or output == "-":
        return
    if Path(output).is_dir():
        yield Problem("Expected the name of a file for the answers, found a folder.", output, "Name a file in it.")
    elif local and Path(output).exists() and file.exists() and Path(output).samefile(file):
        yield Problem("The answers would take the place of the rows.", output, "Name another file.")


def accept_problems(accept: str, *, csv_only: Mapping[str, bool]) -> Iterator[Problem]:
    """What is wrong with --accept: an unknown form, or an option that works on csv alone.

    csv_only: those options, and whether each was given.
    """
    if accept not in ("csv", "json"):
        yield Problem(f"Expected csv or json, found {accept!r}.", "--accept")
        return
    for option in (name for name, given in csv_only.items() if given and accept != "csv"):
        yield Problem(f"{option} works on the csv form.", "--accept", "Leave --accept away.")


@contextmanager
def reading(source: str) -> Iterator[BinaryIO]:
    """The rows of a file, or of standard input for `-`."""
    if source != "-":
        with Path(source).open("rb") as stream:
            yield stream
    elif sys.stdin is None:
        raise InputError(Problem("Expected rows, found standard input closed.", "stdin"))
    else:
        yield sys.stdin.buffer


@contextmanager
def writing(output: str) -> Iterator[Any]:
    """Where answers go: a file, whole or not at all, or standard output for `-`."""
    if output != "-":
        with atomic_file(Path(output)) as stream:
            yield stream
    elif sys.stdout is None:
        raise InputError(Problem("The answers have nowhere to go: standard output is closed.", "stdout", "Give -o."))
    else:
        yield _StandardOutput(sys.stdout.buffer)


@dataclass(frozen=True, slots=True)
class _StandardOutput:
    """Standard output, each batch of answers sent on at once; it may be a pipe whose reader has enough."""

    stream: BinaryIO

    def write(self, answers: bytes) -> None:
        try:
            self.stream.write(answers)
            self.stream.flush()
        except OSError as error:
            # What is left in the buffer would fail again when Python ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())
            if isinstance(error, BrokenPipeError):
                raise
            raise KickstandError(
                Problem(f"The answers could not be written: {error.strerror}.", "stdout", "Make room, or give -o.")
            ) from error
