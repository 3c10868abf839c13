"""The SM_* variables that the training toolkit sets before an algorithm starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from localcloud.container.layout import Layout


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
