"""Which xgboost each supported image of SageMaker's built-in XGBoost has.

Source: the images' own dependency lists (aws/sagemaker-xgboost-container).
"""

from __future__ import annotations

from collections.abc import Mapping

OWN_IMAGE = "3.2-0"
"""The image whose xgboost is in the project's own environment."""
XGBOOST: Mapping[str, str] = {"1.7-1": "1.7.4", "3.0-5": "3.0.5", "3.2-0": "3.2.0"}
"""xgboost by image version, oldest first."""


def image_of(xgboost: str) -> str:
    """The image that has a version of xgboost. Raises KeyError where none of the supported ones has it."""
    return {version: image for image, version in XGBOOST.items()}[xgboost]


def version_of(image_uri: str) -> str:
    """The version in an image URI: what stands behind its colon; the project's own image where there is none."""
    tag = image_uri.rpartition("/")[2].partition(":")[2]
    return tag if tag in XGBOOST else OWN_IMAGE


def newer_than(model: tuple[int, ...], image: str) -> bool:
    """Whether a model was saved by an xgboost newer than an image's, by major and minor version."""
    major, minor = XGBOOST[image].split(".")[:2]
    return model[:2] > (int(major), int(minor))
