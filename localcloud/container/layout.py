"""Where a container finds its input and leaves its output: SageMaker's `/opt/ml`, or a folder that stands for it.

The base folder is the environment variable SAGEMAKER_BASE_DIR, which the SageMaker training toolkit reads too;
default `/opt/ml`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.container.errors import PlatformError

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
