"""The Python that has an image's xgboost: the project's own, or one made on demand from a lock file."""

from __future__ import annotations

import sys
from pathlib import Path

from kickstand.locked_environment import CACHE, LockedEnvironment
from training.image.versions import OWN_IMAGE, XGBOOST

_LOCKS = Path(__file__).with_name("locks")


def image_python(version: str, *, cache: Path = CACHE / "images") -> Path:
    """The Python interpreter whose environment has the xgboost of an image.

    version: `1.7-1`, `3.0-5`, or `3.2-0`, which the project itself runs on. cache: where environments are kept.
    Raises KickstandError where the environment cannot be made; what is there is never half made.
    """
    if version == OWN_IMAGE:
        return Path(sys.executable)
    title = f"The environment of image {version} (xgboost {XGBOOST[version]})"
    lock = _LOCKS / f"{version}.lock"
    return LockedEnvironment(lock, cache, title, f"image {OWN_IMAGE} needs none").make()
