"""Whether a release's image serves its model rightly: asked before anything is deployed, from the release alone."""

from __future__ import annotations

from collections.abc import Mapping

from kickstand.errors import InputError, Problem
from kickstand.release import Release
from training.hyperparameters.content_types import CONTENT_TYPES
from training.hyperparameters.known_faults import LIBSVM_SERVING, known_faults


def serving_problems(release: Release, accepted: Mapping[str, str]) -> list[Problem]:
    """The known faults of AWS's image that callers of the release's endpoint would meet; empty where there are none.

    accepted: those that the environment accepts, each with its reason (`[known_faults]`).
    """
    trained = next((channel for channel in release.channels if channel.name == "train"), None)
    place = f"release of {release.environment}"
    if trained is not None:
        place += f": channel train is {trained.content_type}"
    return known_faults(
        {},
        release.algorithm.version,
        serves_libsvm=trained is not None and CONTENT_TYPES.get(trained.content_type) == "libsvm",
        where=lambda name: place,
        accepted={name: reason for name, reason in accepted.items() if name == LIBSVM_SERVING},
    )


def require_serving(release: Release, accepted: Mapping[str, str]) -> None:
    """Raise InputError with everything that `serving_problems` finds."""
    problems = serving_problems(release, accepted)
    if problems:
        raise InputError(*problems)
