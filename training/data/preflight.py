"""Everything that can be known to be wrong before a byte is uploaded or a job is paid for, in one report."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from kickstand.config.model import Environment
from kickstand.errors import InputError, Problem
from kickstand.folds import MOST_MODELS, model_count
from kickstand.instance_types import takes_volume_key
from training.data.channel_labels import label_problems
from training.data.check import check_data
from training.data.report import DataReport
from training.hyperparameters.check import check_hyperparameters, unsupported


def hyperparameter_problems(environment: Environment) -> list[Problem]:
    """What is wrong with an environment's hyperparameters, and what it asks for that is not supported."""

    def where(name: str) -> str:
        return environment.where(f"hyperparameters.{name}")

    def where_any(name: str) -> str:
        setting = {"version": "algorithm.version", "content_type": "data.content_type"}.get(name)
        if name.startswith("known_faults."):
            setting = name
        return environment.where(setting) if setting else where(name)

    values, data = environment.hyperparameters, environment.data
    channels = [name for name in data.channels() if name != "test"]
    return [
        *check_hyperparameters(values, channels=channels, instances=environment.training.instance_count, where=where),
        *unsupported(
            values,
            environment.algorithm.version,
            content_type=data.content_type,
            where=where_any,
            accepted=environment.known_faults,
        ),
    ]


def check_inputs(
    environment: Environment,
    *,
    progress: Callable[[int], None] = lambda count: None,
    here: Path | None = None,
) -> DataReport:
    """Check hyperparameters and every channel's data; what the data holds.

    progress: called with the bytes read since the last call. here: the folder that paths in messages are
    relative to where they lie below it; None: absolute paths. Raises InputError with every problem.
    """
    data = environment.data
    report, problems = check_data(
        {str(name): path for name, path in data.channels().items()},
        content_type=data.content_type,
        hyperparameters=environment.hyperparameters,
        target_transform=data.target_transform,
        columns=data.columns,
        where=environment.where,
        show=lambda path: _shown(path, here),
        progress=progress,
    )
    of_labels = label_problems(
        environment.hyperparameters, report.channels, version=environment.algorithm.version, where=environment.where
    )
    found = [
        *hyperparameter_problems(environment),
        *_fold_problems(environment, report),
        *_space_problems(environment, report),
    ]
    problems = [*found, *problems, *([] if problems else of_labels)]
    if problems:
        raise InputError(*problems)
    return report


def _fold_problems(environment: Environment, report: DataReport) -> list[Problem]:
    """A cross-validation that the container ignores, or that has fewer rows than folds, for which it fails."""
    values = environment.hyperparameters
    if "_num_cv_round" in values and "_kfold" not in values:
        message = "_num_cv_round says how often a cross-validation is repeated; without _kfold there is none."
        return [Problem(message, environment.where("hyperparameters._num_cv_round"), "Set _kfold, or remove it.")]
    folds = values.get("_kfold", "")
    rows = sum(channel.rows for name, channel in report.channels.items() if name != "test")
    if folds.isdecimal() and 0 < rows < int(folds[:18]):
        message = f"_kfold is {folds}; train and validation have {rows} rows together, fewer than one a fold."
        return [Problem(message, environment.where("hyperparameters._kfold"), "Use fewer folds, or more rows.")]
    if (count := model_count(values)) >= MOST_MODELS:
        message = f"_kfold and _num_cv_round make {count:,} models or more, which no release holds."
        return [Problem(message, environment.where("hyperparameters._kfold"), "Use fewer folds, or fewer repetitions.")]
    return []


def _space_problems(environment: Environment, report: DataReport) -> list[Problem]:
    """Channels that do not fit on an instance's volume, of which a job fails while it downloads them.

    Where instances share the files out, each has at least its share; instances with local disks have no such volume.
    """
    training = environment.training
    if not takes_volume_key(training.instance_type):
        return []
    size = sum(channel.size for name, channel in report.channels.items() if name != "test") / training.instance_count
    if size <= training.volume_size_gb * 2**30:
        return []
    needed = math.ceil(size / 2**30) + 1
    message = (
        f"The channels of the job have {size / 2**30:,.1f} GiB an instance; its volume has {training.volume_size_gb}"
    )
    fix = f"Set training.volume_size_gb to {needed:,} or more, and deploy the training stack."
    return [Problem(f"{message} GiB.", environment.where("training.volume_size_gb"), fix)]


def data_size(environment: Environment) -> int:
    """Bytes of all channels, for a progress bar; files that cannot be looked at count as none."""
    return sum(_size(path) for path in environment.data.channels().values())


def _size(path: Path) -> int:
    try:
        if path.is_file():
            return path.stat().st_size
        return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    except OSError:
        return 0


def _shown(path: Path, here: Path | None) -> str:
    return str(path.relative_to(here)) if here and path.is_relative_to(here) else str(path)
