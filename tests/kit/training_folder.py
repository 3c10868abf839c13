"""Makes the folder that a training container sees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from localcloud.container.contract import Layout

CSV = {"ContentType": "text/csv", "TrainingInputMode": "File", "S3DistributionType": "FullyReplicated"}


def numbers(rows: int = 60, *, classes: int = 0, short: bool = True) -> npt.NDArray[np.float64]:
    """Label and four features; labels are in (0, 1), or whole numbers below `classes`. Some features are missing.

    short: all are multiples of 1/4096, of which xgboost's reader of text and Python make the same float32.
    """
    generator = np.random.default_rng(7)
    features = generator.normal(size=(rows, 4))
    score = 1 / (1 + np.exp(-features[:, 0] - features[:, 1] ** 2 + 1))
    features[generator.random(features.shape) < 0.05] = np.nan
    label = np.minimum((score * classes).astype(int), classes - 1) if classes else score
    table = np.column_stack([label, features])
    return np.round(table * 4096) / 4096 if short else table


def text(table: npt.NDArray[np.float64], delimiter: str = ",") -> str:
    """The table as CSV; NaN is an empty cell."""
    rows = ["" if np.isnan(cell) else repr(float(cell)) for row in table for cell in row]
    width = table.shape[1]
    return "".join(delimiter.join(rows[start : start + width]) + "\n" for start in range(0, len(rows), width))


def training_folder(
    base: Path,
    hyperparameters: Mapping[str, str],
    files: Mapping[str, str],
    *,
    channels: Mapping[str, Mapping[str, Any]] | None = None,
    hosts: tuple[str, ...] = ("algo-1",),
) -> Layout:
    """A layout with `files` (path below input/data: content) and one CSV channel for each of their first parts."""
    layout = Layout(base)
    for path, content in files.items():
        file = base / "input/data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    layout.config.mkdir(parents=True, exist_ok=True)
    found = dict.fromkeys(path.split("/")[0] for path in files)
    contents: dict[str, Any] = {
        "hyperparameters": dict(hyperparameters),
        "inputdataconfig": channels if channels is not None else dict.fromkeys(found, CSV),
        "resourceconfig": {"current_host": hosts[0], "hosts": list(hosts), "network_interface_name": "eth0"},
    }
    for name, content in contents.items():
        (layout.config / f"{name}.json").write_text(json.dumps(content))
    return layout
