"""The train and validation channels as xgboost takes them."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import xgboost

from localcloud.container.contract import Layout, UserError, data_files
from localcloud.container.training.channel_readers import READERS
from localcloud.container.training.channel_rows import NO_LABELS, ChannelRows, joined, refused_place

_log = logging.getLogger("container")


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The matrices of a job. Features are unnamed, as they are in the container."""

    train: xgboost.DMatrix
    validation: xgboost.DMatrix | None


def read_training_data(
    layout: Layout,
    channels: Collection[str],
    *,
    content_type: str = "csv",
    weights: bool,
    threads: int | None,
) -> TrainingData:
    """Read the channels that were declared; each must hold data.

    content_type: `csv`, `libsvm`, `parquet` or `recordio-protobuf`, the train channel's.
    weights:      whether the second column of CSV is the row's weight.
    threads:      threads for reading and building; None for all of the machine's.
    Raises UserError for no data, for what is not of the content type, and for what xgboost refuses to load.
    """
    files = channel_files(layout, channels)
    rows = {
        name: read_channel(layout.channel(name), found, content_type, weights, threads) for name, found in files.items()
    }
    _refuse_other_columns(rows)
    # popped, so that only one channel's rows are in memory beside xgboost's own form of them
    matrices = {name: _matrix(rows.pop(name), files[name], content_type, threads) for name in list(rows)}
    return TrainingData(matrices["train"], matrices.get("validation"))


def read_merged_rows(
    layout: Layout, channels: Collection[str], *, content_type: str, weights: bool, threads: int | None
) -> tuple[ChannelRows, TrainingData]:
    """The rows of train and validation as one, for cross-validation, and both channels as they came.

    Raises as `read_training_data` does.
    """
    files = channel_files(layout, channels)
    parts = {
        name: read_channel(layout.channel(name), found, content_type, weights, threads) for name, found in files.items()
    }
    _refuse_other_columns(parts)
    matrices = {name: _matrix(part, files[name], content_type, threads) for name, part in parts.items()}
    if len(parts) > 1:
        _log.info("Read both train and validation data into one DMatrix")
    try:
        merged = joined(list(parts.values()))
    except ValueError as error:
        raise _unreadable(content_type, error) from None
    return merged, TrainingData(matrices["train"], matrices.get("validation"))


def _refuse_other_columns(rows: dict[str, ChannelRows]) -> None:
    """Refuse channels whose files name other columns: the container compares no names, and would mix them up."""
    train, validation = rows["train"].names, rows["validation"].names if "validation" in rows else ()
    if train and validation and train != validation:
        raise UserError(
            f"The columns of channel validation are {', '.join(validation)}; those of channel train are "
            f"{', '.join(train)}. Each channel is read by position, so both need the same columns in the same order."
        )


def channel_files(layout: Layout, channels: Collection[str]) -> dict[str, list[Path]]:
    """The data files of each declared channel. Raises UserError for a channel without data."""
    folders = {name: layout.channel(name) for name in ("train", "validation") if name in channels}
    files = {name: data_files(folder) for name, folder in folders.items()}
    for name, found in files.items():
        if not found:
            channel = "training" if name == "train" else name
            raise UserError(f"No data in {channel} channel path {folders[name]}")
    _warn_of_copies(files)
    return files


def read_channel(folder: Path, files: list[Path], content_type: str, weights: bool, threads: int | None) -> ChannelRows:
    """The rows of one channel's files. Raises UserError, for rows without labels too."""
    _log.info("files path: %s", folder)
    try:
        rows = READERS[content_type](files, weights=weights, threads=threads or os.cpu_count() or 1)
    except (ValueError, MemoryError) as error:
        raise _unreadable(content_type, error) from None
    if rows.label is None or not rows.count:
        raise UserError(NO_LABELS)
    return rows


def _matrix(rows: ChannelRows, files: list[Path], content_type: str, threads: int | None) -> xgboost.DMatrix:
    try:
        return rows.matrix(threads)
    except (xgboost.core.XGBoostError, ValueError) as error:
        raise _unreadable(content_type, error, refused_place(rows, files, content_type)) from None


def _unreadable(content_type: str, error: Exception, place: str = "") -> UserError:
    """place: of the first row that is refused, where it is known."""
    first = f"\nThe first such row is in {place}." if place else ""
    return UserError(f"Failed to load {content_type} data with exception:\n{xgboost_message(error)}{first}")


def _warn_of_copies(files: dict[str, list[Path]]) -> None:
    """Say it where train and validation hold a file of the same name and size, as the container does."""
    sizes = {file.name: (file, file.stat().st_size) for file in files["train"]}
    for file in files.get("validation", ()):
        other, size = sizes.get(file.name, (file, -1))
        if size == file.stat().st_size:
            _log.warning(
                "Suspected identical files found. (%s and %s with same size %d bytes). Note: Duplicate data in the "
                "training set and validation set is usually not intentional and can impair the validity of the model "
                "evaluation by the validation score.",
                other,
                file,
                size,
            )


def xgboost_message(error: Exception) -> str:
    """An error's message without the stack trace that xgboost appends."""
    return str(error).split("\nStack trace:", 1)[0]
