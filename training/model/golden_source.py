"""Which of the project's own rows become golden rows: the test channel's, else validation's, else train's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kickstand.config.model import Environment
from kickstand.errors import InputError
from kickstand.release import Channel
from training.data.check import check_data
from training.data.files import channel_files
from training.model.adopt import CheckedData
from training.upload.channels import upload_channels


def golden_source(environment: Environment, s3: Any, known: Sequence[Channel]) -> CheckedData:
    """The channels that a release records besides the job's own, and the files of the golden rows.

    known: channels that were just checked and uploaded. Without them the one channel that is needed is checked,
    and uploaded where it is the test channel; the job's own channels need not be on this machine.
    Raises InputError with everything that is wrong with it.
    """
    paths = dict(environment.data.channels())
    name = next(channel for channel in ("test", "validation", "train") if channel in paths)
    if any(channel.name == name for channel in known):
        files, _ = channel_files(name, paths[name])
        return CheckedData(known, [file for _, file in files], name)
    report, problems = check_data(
        {name: paths[name]},
        content_type=environment.data.content_type,
        hyperparameters=environment.hyperparameters,
        target_transform=environment.data.target_transform,
        columns=environment.data.columns,
        where=environment.where,
        show=_shown,
    )
    if problems:
        raise InputError(*problems)
    uploaded = upload_channels(s3, environment, report) if name == "test" else ()
    return CheckedData(uploaded, [file.path for file in report.channels[name].files], name)


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
