"""Which image this program stands for, and which of the image's known faults its user accepts."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from localcloud.container.errors import UserError
from training.image.versions import OWN_IMAGE, image_of

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
