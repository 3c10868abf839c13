"""Which of the project's own rows become golden rows: the test channel's, else validation's, else train's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kickstand.config.model import Environment
from kickstand.errors import InputError, Problem
from training.data.check import check_data
from training.data.files import DataReport, channel_files, channel_sha256
from training.job.jobs import ChannelSource
from training.model.adopt import CheckedData
from training.model.channel_evidence import claimed_digest
from training.upload.channels import upload_channels
from training.upload.upload import SentData, input_warnings


def golden_source(
    environment: Environment, s3: Any, known: SentData | None, sources: Sequence[ChannelSource] = ()
) -> CheckedData:
    """The channels that a release records besides the job's own, the files of the golden rows, and the warnings.

    known: what was just checked and uploaded. Without it the one channel that is needed is checked, and uploaded where
    it is the test channel; the job's own channels need not be on this machine.
    sources: the job's channels. Where they are the project's files, these are read once more for their warnings.
    Raises InputError with everything that is wrong with it.
    """
    paths = dict(environment.data.channels())
    name = next(channel for channel in ("test", "validation", "train") if channel in paths)
    if known is not None:
        files, _ = channel_files(name, paths[name])
        return CheckedData(known.channels, [file for _, file in files], name, known.warnings)
    report, problems = _check(environment, [name])
    if problems:
        raise InputError(*problems)
    uploaded = upload_channels(s3, environment, report) if name == "test" else ()
    files_of = [file.path for file in report.channels[name].files]
    return CheckedData(uploaded, files_of, name, _warnings(environment, sources))


def _check(environment: Environment, names: Sequence[str]) -> tuple[DataReport, list[Problem]]:
    return check_data(
        {name: path for name, path in environment.data.channels().items() if name in names},
        content_type=environment.data.content_type,
        hyperparameters=environment.hyperparameters,
        target_transform=environment.data.target_transform,
        columns=environment.data.columns,
        where=environment.where,
        show=_shown,
    )


def _warnings(environment: Environment, sources: Sequence[ChannelSource]) -> tuple[str, ...]:
    """Those of the job's own data, where the project's files have the digests of its channels; else none."""
    claimed = {source.name: claimed_digest(source.s3_uri) for source in sources}
    if not claimed or None in claimed.values() or any(name not in environment.data.channels() for name in claimed):
        return ()
    report, _ = _check(environment, [*environment.data.channels()])
    found = {name: channel_sha256((file.name, file.sha256) for file in report.channels[name].files) for name in claimed}
    return input_warnings(environment, report) if found == claimed else ()


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
