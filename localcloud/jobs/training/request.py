"""What a CreateTrainingJob request says to the container, and the metrics that its log is searched for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from localcloud.container.training.collective import LOOPBACK_INTERFACE
from localcloud.jobs.training.artifacts import local_path
from localcloud.jobs.training.hosts import host_names


def container_configuration(request: Mapping[str, Any], host: str = "algo-1") -> dict[str, dict[str, Any]]:
    """The files of `input/config`, by name: hyperparameters, inputdataconfig, resourceconfig, checkpointconfig.

    host: whose files they are. Several hosts are told that they meet on the loopback interface.
    """
    mode = request.get("AlgorithmSpecification", {}).get("TrainingInputMode", "File")
    channels = {
        channel["ChannelName"]: _channel_configuration(channel, mode) for channel in request.get("InputDataConfig", [])
    }
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


def _channel_configuration(channel: Mapping[str, Any], mode: str) -> dict[str, Any]:
    source = channel.get("DataSource", {}).get("S3DataSource", {})
    settings = {
        "TrainingInputMode": channel.get("InputMode", mode),
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    if "ContentType" in channel:
        settings["ContentType"] = channel["ContentType"]
    return settings


_NUMBER = r"([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)"
_METRICS = """
    accuracy auc aucpr balanced_accuracy error f1 f1_binary f1_macro logloss mae map mape merror mlogloss mse ndcg
    poisson-nloglik gamma-nloglik gamma-deviance tweedie-nloglik aft-nloglik cox-nloglik mphe precision
    precision_macro precision_micro r2 recall recall_macro recall_micro rmse rmsle
""".split()  # noqa: SIM905  a word list


def built_in_metric_definitions() -> list[dict[str, str]]:
    """`[{"Name": "train:rmse", "Regex": …}, …]`, as DescribeTrainingJob shows them for the built-in XGBoost."""
    return [
        {"Name": f"{channel}:{metric}", "Regex": rf".*\[[0-9]+\].*#011{channel}-{metric}:{_NUMBER}.*"}
        for channel in ("train", "validation")
        for metric in _METRICS
    ]


class MetricReader:
    """Applies metric definitions to log lines.

    definitions: the job's own MetricDefinitions, besides the built-in ones. Raises ValueError for a broken Regex.
    """

    def __init__(self, definitions: Sequence[Mapping[str, str]] = ()) -> None:
        own = {definition["Name"]: definition["Regex"] for definition in definitions}
        try:
            self._own = {name: re.compile(regex) for name, regex in own.items()}
        except re.error as error:
            raise ValueError(f"A metric definition has a broken Regex: {error}") from None
        self._built_in = {
            definition["Name"].replace(":", "-", 1): (definition["Name"], re.compile(definition["Regex"]))
            for definition in built_in_metric_definitions()
            if definition["Name"] not in own
        }

    def read(self, line: str) -> list[tuple[str, float]]:
        """Names and values that the definitions find in one line, which shows a tab as `#011`."""
        found: list[tuple[str, float]] = []
        # Every definition begins with a "#011" and a name: only those whose name stands there are worth a search.
        for field in line.split("#011")[1:]:
            name, pattern = self._built_in.get(field.partition(":")[0], (None, None))
            if name and pattern and (match := pattern.search(line)):
                found.append((name, float(match[1])))
        for name, pattern in self._own.items():
            if (match := pattern.search(line)) and match.groups():
                try:
                    found.append((name, float(match[1])))
                except (TypeError, ValueError):
                    continue  # a group that is no number is no metric
        return found
