"""The train and validation channels as xgboost takes them."""

from __future__ import annotations

import logging
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import xgboost

from localcloud.container.csv_numbers import CsvError, delimiter_of, first_line, read_matrix
from localcloud.container.data_files import data_files
from localcloud.container.errors import UserError
from localcloud.container.layout import Layout

_log = logging.getLogger("container")


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The matrices of a job. Features are unnamed, as they are when the container reads CSV."""

    train: xgboost.DMatrix
    validation: xgboost.DMatrix | None


def read_training_data(
    layout: Layout, channels: Collection[str], *, weights: bool, threads: int | None
) -> TrainingData:
    """Read the CSV channels: label first, then, where `weights` is true, the row's weight, then the features.

    channels: the declared channels; one that is declared must hold data.
    threads:  threads for reading and building; None for all of the machine's.
    Raises UserError for no data, for text where numbers belong, and for what xgboost refuses to load.
    """
    folders = {name: layout.channel(name) for name in ("train", "validation") if name in channels}
    files = {name: data_files(folder) for name, folder in folders.items()}
    for name, found in files.items():
        if not found:
            channel = "training" if name == "train" else name
            raise UserError(f"No data in {channel} channel path {folders[name]}")
    matrices = {name: _matrix(files[name], folders[name], weights=weights, threads=threads) for name in folders}
    return TrainingData(matrices["train"], matrices.get("validation"))


def _matrix(files: list[Path], folder: Path, *, weights: bool, threads: int | None) -> xgboost.DMatrix:
    line = next(filter(None, map(first_line, files)), b"").decode(errors="replace")
    delimiter = delimiter_of(line)
    _log.info("files path: %s", folder)
    _log.info("Determined delimiter of CSV input is '%s'", delimiter)
    features_from = 2 if weights else 1
    try:
        cells = read_matrix(files, delimiter, threads or os.cpu_count() or 1)
        if cells.shape[1] <= features_from:
            what = "label, weight and features" if weights else "label and features"
            raise CsvError(f"{folder.name}: {what} were expected, found {cells.shape[1]} columns")
        return xgboost.DMatrix(
            cells[:, features_from:],
            label=cells[:, 0],
            weight=cells[:, 1] if weights else None,
            nthread=threads,
        )
    except (CsvError, xgboost.core.XGBoostError, ValueError) as error:
        raise UserError(f"Failed to load csv data with exception:\n{xgboost_message(error)}") from None


def xgboost_message(error: Exception) -> str:
    """An error's message without the stack trace that xgboost appends."""
    return str(error).split("\nStack trace:", 1)[0]
