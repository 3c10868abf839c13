"""Check the data, upload it and say on the console what went where: the first step of `upload` and of `fit`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.config.model import Environment
from kickstand.content_types import kind_of
from kickstand.known_fault import libsvm_serving
from kickstand.release import Channel
from training.data.channel_labels import label_warnings
from training.data.preflight import check_inputs, data_size
from training.data.report import DataReport, FileReport
from training.upload.bytes_progress import bytes_progress
from training.upload.channels import s3_client, upload_channels
from training.upload.manifest import publish_latest

if TYPE_CHECKING:
    import boto3
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class SentData:
    """channels: as they are in S3. warnings: what was accepted with one, a line each; for the release."""

    channels: tuple[Channel, ...]
    warnings: tuple[str, ...]


def send_data(
    environment: Environment,
    session: boto3.Session,
    console: Console,
    *,
    typed: Callable[[str], str] = "kickstand {}".format,
) -> SentData:
    """Check hyperparameters and data, upload what is not in S3 yet, list it back; the channels and the warnings.

    From then on they are what the schedule trains on.

    typed: a Kickstand command as the user would type it, for messages.
    Raises InputError with everything that is wrong with the input, KickstandError for a failed upload.
    """
    with bytes_progress(console, "checking", data_size(environment)) as progress:
        report = check_inputs(environment, progress=progress, here=Path.cwd())
    sent: dict[str, int] = dict.fromkeys(report.channels, 0)

    def told(channel: Channel, file: FileReport, was_sent: bool) -> None:
        sent[channel.name] += file.size if was_sent else 0

    with bytes_progress(console, "uploading", report.size) as progress:
        s3 = s3_client(session)
        channels = upload_channels(s3, environment, report, progress=progress, told=told, typed=typed)
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
