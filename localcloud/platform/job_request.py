"""What the training platform needs of a CreateTrainingJob request, and what the container is told of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.container.training.collective import LOOPBACK_INTERFACE
from localcloud.platform.checkpoints import local_path
from localcloud.platform.hosts import host_names


def container_configuration(request: Mapping[str, Any], host: str = "algo-1") -> dict[str, dict[str, Any]]:
    """The files of `input/config`, by name: hyperparameters, inputdataconfig, resourceconfig, checkpointconfig.

    host: whose files they are. Several hosts are told that they meet on the loopback interface.
    """
    mode = request.get("AlgorithmSpecification", {}).get("TrainingInputMode", "File")
    channels = {channel["ChannelName"]: _channel(channel, mode) for channel in request.get("InputDataConfig", [])}
    hosts = host_names(request)
    instance_type = request.get("ResourceConfig", {}).get("InstanceType", "")
    files: dict[str, dict[str, Any]] = {
        "hyperparameters": dict(request.get("HyperParameters", {})),
        "inputdataconfig": channels,
        "resourceconfig": {
            "current_host": host,
            "current_instance_type": instance_type,
            "current_group_name": "homogeneousCluster",
            "hosts": hosts,
            "instance_groups": [
                {"instance_group_name": "homogeneousCluster", "instance_type": instance_type, "hosts": hosts}
            ],
            "network_interface_name": "eth0" if len(hosts) == 1 else LOOPBACK_INTERFACE,
        },
    }
    if "CheckpointConfig" in request:
        settings = request["CheckpointConfig"]
        files["checkpointconfig"] = {**settings, "LocalPath": local_path(settings)}
    return files


def write_layout(base: Path, configuration: Mapping[str, Mapping[str, Any]]) -> None:
    """Make the folders below `/opt/ml` and write `input/config`."""
    for folder in ("input/config", "input/data", "model", "output/data"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    for name, content in configuration.items():
        (base / "input" / "config" / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")


def program_variables(request: Mapping[str, Any], region: str) -> dict[str, str]:
    """The environment that SageMaker gives a training container, besides the job's own Environment."""
    return {
        **{str(name): str(value) for name, value in request.get("Environment", {}).items()},
        "TRAINING_JOB_NAME": str(request["TrainingJobName"]),
        "AWS_REGION": region,
    }


def _channel(channel: Mapping[str, Any], mode: str) -> dict[str, Any]:
    source = channel.get("DataSource", {}).get("S3DataSource", {})
    settings = {
        "TrainingInputMode": channel.get("InputMode", mode),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        settings["ContentType"] = channel["ContentType"]
    return settings
