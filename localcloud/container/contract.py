"""The container contract: folders, channels, variables, log, the image that a program stands for, and how it fails.

Folders: SageMaker's `/opt/ml`, or one that SAGEMAKER_BASE_DIR names. Channels: which may be declared, what may be said
of them, and the data files of each (`algorithm_mode/channel_validation.py` and
`algorithm_toolkit/channel_validation.py` of the container). Variables: the SM_* that the training toolkit sets before
an algorithm starts. Log: `[2026-07-01:12:00:00:INFO] message` on standard error. Failures: three kinds, by whose fault
they are. docs/contract-training.md and docs/contract-hosting.md hold the whole. Imports no xgboost: what is refused
here need not wait for it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from kickstand.xgboost_container import CONTENT_TYPES, OWN_IMAGE, image_of


class ContainerError(Exception):
    """A failure whose message is for the user. The class's name stands before the message."""

    def __str__(self) -> str:
        return f"{type(self).__name__}: {super().__str__()}"


class UserError(ContainerError):
    """What the user gave (hyperparameters, channels, data) is wrong."""


class AlgorithmError(ContainerError):
    """The algorithm failed for a reason of its own."""


class PlatformError(ContainerError):
    """What the platform owes the container is missing or broken."""


BASE_VARIABLE = "SAGEMAKER_BASE_DIR"
MODEL_FILE = "xgboost-model"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files below the base folder."""

    base: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Layout:
        """The layout at SAGEMAKER_BASE_DIR, or at /opt/ml."""
        return cls(Path(environment.get(BASE_VARIABLE) or "/opt/ml"))

    @property
    def input(self) -> Path:
        return self.base / "input"

    @property
    def config(self) -> Path:
        return self.input / "config"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def output(self) -> Path:
        return self.base / "output"

    @property
    def output_data(self) -> Path:
        return self.output / "data"

    @property
    def failure(self) -> Path:
        return self.output / "failure"

    def channel(self, name: str) -> Path:
        return self.input / "data" / name

    def read_config(self, name: str, *, required: bool = True) -> dict[str, Any]:
        """The object in `input/config/NAME.json`; {} for an absent file that is not required.

        Raises PlatformError where the platform did not write it, or not as a JSON object.
        """
        path = self.config / f"{name}.json"
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            if not required:
                return {}
            raise PlatformError(f"{path} does not exist") from None
        except ValueError as error:
            raise PlatformError(f"{path} is not JSON: {error}") from None
        if not isinstance(value, dict):
            raise PlatformError(f"{path} must hold a JSON object, found {type(value).__name__}")
        return value


def set_up_log() -> logging.Logger:
    """The container's logger, writing lines in the container's form from level INFO on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("[%(asctime)s:%(levelname)s] %(message)s", "%Y-%m-%d:%H:%M:%S"))
    logger = logging.getLogger("container")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.captureWarnings(True)
    warnings = logging.getLogger("py.warnings")
    warnings.handlers = [handler]
    warnings.propagate = False
    return logger


ACCEPTED_FAULTS = "KICKSTAND_KNOWN_FAULTS"
"""A variable of a job's or a model's Environment: faults of the image, as JSON, each with its reason."""

_log = logging.getLogger("container")


def image_version() -> str:
    """`1.7-1`, `3.0-5`, `3.2-0`; the project's own for any other xgboost. Does not import xgboost."""
    for package in ("xgboost-cpu", "xgboost"):
        try:
            return image_of(version(package))
        except (PackageNotFoundError, KeyError):
            continue
    return OWN_IMAGE


def accepted_faults(environment: Mapping[str, str]) -> dict[str, str]:
    """The faults that the Environment accepts, each with its reason; the log names them.

    Raises UserError for what is no JSON object of reasons.
    """
    try:
        accepted = json.loads(environment.get(ACCEPTED_FAULTS) or "{}")
        found = {str(name): str(reason) for name, reason in accepted.items()}
    except (ValueError, AttributeError):
        raise UserError(f'{ACCEPTED_FAULTS} must be a JSON object, {{"FAULT": "REASON"}}') from None
    for name, reason in found.items():
        _log.warning("The known fault %s of the image is accepted: %s", name, reason)
    return found


def training_environment(
    layout: Layout,
    *,
    hyperparameters: Mapping[str, str],
    channels: Mapping[str, Any],
    resources: Mapping[str, Any],
    cpus: int | None = None,
) -> dict[str, str]:
    """SM_* for one host of a training job; what is not text is compact JSON.

    hyperparameters: as in hyperparameters.json: text. SM_HPS has each value as the JSON that its text spells, or as
                     the text where it spells none, which is how the toolkit reads them.
    channels:        inputdataconfig.json.
    resources:       resourceconfig.json: `current_host`, `hosts`, `network_interface_name`.
    cpus:            default: the machine's.
    Source: `sagemaker_training/environment.py` of the toolkit.
    """
    read = {name: _spelt(value) for name, value in hyperparameters.items()}
    hosts = list(resources.get("hosts", []))
    current = str(resources.get("current_host", ""))
    values: dict[str, Any] = {
        "SM_HOSTS": hosts,
        "SM_CURRENT_HOST": current,
        "SM_MASTER_ADDR": hosts[0] if hosts else current,
        "SM_NETWORK_INTERFACE_NAME": str(resources.get("network_interface_name", "eth0")),
        "SM_HPS": read,
        "SM_USER_ARGS": [part for name in sorted(read) for part in (f"--{name}", _text(read[name]))],
        "SM_FRAMEWORK_PARAMS": {},
        "SM_RESOURCE_CONFIG": dict(resources),
        "SM_INPUT_DATA_CONFIG": dict(channels),
        "SM_OUTPUT_DATA_DIR": str(layout.output_data),
        "SM_OUTPUT_DIR": str(layout.output),
        "SM_OUTPUT_INTERMEDIATE_DIR": str(layout.output / "intermediate"),
        "SM_CHANNELS": sorted(channels),
        "SM_NUM_CPUS": cpus or os.cpu_count() or 1,
        "SM_NUM_GPUS": 0,
        "SM_MODEL_DIR": str(layout.model),
        "SM_INPUT_DIR": str(layout.input),
        "SM_INPUT_CONFIG_DIR": str(layout.config),
        "SM_LOG_LEVEL": 20,
    }
    values |= {f"SM_CHANNEL_{name.upper()}": str(layout.channel(name)) for name in channels}
    values |= {f"SM_HP_{name.upper()}": value for name, value in read.items()}
    return {name: _text(value) for name, value in values.items()}


def _spelt(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError):
        return text


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), sort_keys=True)


_DISTRIBUTIONS = ("FullyReplicated", "ShardedByS3Key")


def check_channels(channels: Mapping[str, Mapping[str, Any]]) -> str:
    """Refuse what the container refuses and what is not supported here; return the content type of all channels.

    channels: inputdataconfig.json: name to `ContentType`, `TrainingInputMode`, `S3DistributionType`.
    Raises UserError, in the container's words where they are the container's rules.
    """
    if "train" not in channels:
        raise UserError("Missing required channel: train")
    for name, settings in channels.items():
        if name not in ("train", "validation"):
            raise UserError(f"Extraneous channel found: {name}")
        described = {**settings, "ContentType": settings.get("ContentType", "text/libsvm")}
        supported = (
            described["ContentType"] in CONTENT_TYPES
            and described.get("TrainingInputMode", "File") == "File"
            and described.get("S3DistributionType", "FullyReplicated") in _DISTRIBUTIONS
        )
        if not supported:
            raise UserError(f"Channel configuration for '{name}' channel is not supported: {described}")
    # the container reads both channels as the train channel says
    return CONTENT_TYPES[channels["train"].get("ContentType", "text/libsvm")]


_DEEPEST = 2
"""Folders below the channel's own, which is the first of the container's three."""


def data_files(folder: Path) -> list[Path]:
    """All files of a channel, nested folders included, by their names: the container lays them all in one folder.

    None where they hold nothing at all. Raises UserError for a file whose name begins with "." and for folders nested
    more than 3 deep, the channel's own counted: the container leaves what lies deeper out of the training data with no
    more than a warning.
    """
    found: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        here = Path(root)
        depth = len(here.relative_to(folder).parts)
        if depth > _DEEPEST:
            raise UserError(
                f"Folder depth exceed the limit: {_DEEPEST + 1}. Found {here.relative_to(folder).as_posix()}."
            )
        for name in sorted(names):
            if name.startswith("."):
                raise UserError(f"Hidden file found in the data path! Remove that before training. ({name})")
            found.append(here / name)
    if not any(path.stat().st_size for path in found):
        return []
    return sorted(found, key=lambda path: (path.name, path))
