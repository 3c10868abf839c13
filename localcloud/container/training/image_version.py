"""Which image this program stands for, told by the xgboost that is installed beside it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from training.image.versions import OWN_IMAGE, image_of


def image_version() -> str:
    """`1.7-1`, `3.0-5`, `3.2-0`; the project's own for any other xgboost. Does not import xgboost."""
    for package in ("xgboost-cpu", "xgboost"):
        try:
            return image_of(version(package))
        except (PackageNotFoundError, KeyError):
            continue
    return OWN_IMAGE
