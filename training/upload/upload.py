"""`upload`, and the first step of `fit`: check everything that can be known to be wrong, in one report, then upload.

Nothing is uploaded where anything is wrong. What went where is printed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.aws.instance_types import takes_volume_key
from kickstand.config.model import Environment
from kickstand.errors import InputError, Problem
from kickstand.release.model import Channel
from kickstand.xgboost_container import MOST_MODELS, kind_of, libsvm_serving, model_count
from training.data.check import check_data
from training.data.checks.labels import label_problems, label_warnings
from training.data.files import DataReport, FileReport
from training.hyperparameters.check import check_hyperparameters, unsupported
from training.upload.channels import publish_latest, s3_client, upload_channels
from training.upload.objects import bytes_progress

if TYPE_CHECKING:
    from rich.console import Console

    from kickstand.workspace import Workspace


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


@dataclass(frozen=True, slots=True)
class SentData:
    """channels: as they are in S3. warnings: what was accepted with one, a line each; for the release."""

    channels: tuple[Channel, ...]
    warnings: tuple[str, ...]


def send_data(workspace: Workspace, console: Console) -> SentData:
    """Check hyperparameters and data, upload what is not in S3 yet, list it back; the channels and the warnings.

    From then on they are what the schedule trains on.
    Raises InputError with everything that is wrong with the input, KickstandError for a failed upload.
    """
    environment = workspace.environment
    with bytes_progress(console, "checking", data_size(environment)) as progress:
        report = check_inputs(environment, progress=progress, here=Path.cwd())
    sent: dict[str, int] = dict.fromkeys(report.channels, 0)

    def on_file(channel: Channel, file: FileReport, was_sent: bool) -> None:
        sent[channel.name] += file.size if was_sent else 0

    with bytes_progress(console, "uploading", report.size) as progress:
        s3 = s3_client(workspace.session)
        channels = upload_channels(s3, environment, report, progress=progress, on_file=on_file, typed=workspace.typed)
    publish_latest(s3, environment, channels)
    for channel in channels:
        console.print(_line(channel, report, sent[channel.name]))
    warnings = input_warnings(environment, report)
    for warning in warnings:
        console.print(f"Warning: {warning}", style="yellow", soft_wrap=True)
    return SentData(channels, warnings)


def input_warnings(environment: Environment, report: DataReport) -> tuple[str, ...]:
    """What is accepted with a warning, a line each: of the data, of the hyperparameters, of what comes of them."""
    labels = label_warnings(environment.hyperparameters, report.channels, environment.data.content_type)
    return (*report.warnings, *labels, *fold_warnings(environment), *serving_warnings(environment))


def fold_warnings(environment: Environment) -> list[str]:
    """What the figures of a cross-validation are not."""
    if "_kfold" not in environment.hyperparameters:
        return []
    message = (
        "_kfold divides the rows of train and validation anew, and the container goes on to measure on both as they "
        "were: the job's validation figures are of rows that its models were trained on."
    )
    fix = "predictions.csv in its output.tar.gz has each row's prediction from the models that did not see it."
    return [f"{message} ({environment.where('hyperparameters._kfold')}) {fix}"]


def serving_warnings(environment: Environment) -> list[str]:
    """What a model of this environment's data will be refused for when it is to be deployed."""
    if kind_of(environment.data.content_type) != "libsvm":
        return []
    problems = libsvm_serving(
        environment.algorithm.version, environment.known_faults, environment.where("data.content_type")
    )
    return [f"deploy will refuse the model. {problem.message} ({problem.where}) {problem.fix}" for problem in problems]


def _line(channel: Channel, report: DataReport, sent: int) -> str:
    size = report.channels[channel.name].size
    what = "already there" if sent == 0 else f"{_bytes(sent)} uploaded"
    if 0 < sent < size:
        what += f", {_bytes(size - sent)} already there"
    return f"{channel.name:<10} {channel.rows:>11,} rows x {channel.columns} columns  {what}  {channel.s3_uri}"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if size < 1000:
            return f"{count} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"
