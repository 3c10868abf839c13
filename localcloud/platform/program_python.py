"""The interpreter that runs an image's programs."""

from __future__ import annotations

from pathlib import Path

from kickstand.errors import KickstandError
from localcloud.platform.failure import JobFailure, shortened
from training.image.environment import image_python
from training.image.versions import version_of


def program_python(image: str) -> Path:
    """The Python with the xgboost of an image, given by its URI; made now where it is not there yet.

    Raises JobFailure where it cannot be made.
    """
    try:
        return image_python(version_of(image))
    except KickstandError as error:
        raise JobFailure(shortened(f"InternalServerError: {error}")) from None
