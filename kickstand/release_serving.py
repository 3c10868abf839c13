"""Whether a release's image serves its model rightly: asked before anything is deployed, from the release alone."""

from __future__ import annotations

from collections.abc import Mapping

from kickstand.content_types import CONTENT_TYPES
from kickstand.errors import InputError, Problem
from kickstand.known_fault import libsvm_serving
from kickstand.release import Release


def serving_problems(release: Release, accepted: Mapping[str, str]) -> list[Problem]:
    """The known faults of AWS's image that callers of the release's endpoint would meet; empty where there are none.

    accepted: those that the environment accepts, each with its reason (`[known_faults]`).
    """
    trained = next((channel for channel in release.channels if channel.name == "train"), None)
    if trained is None or CONTENT_TYPES.get(trained.content_type) != "libsvm":
        return []
    place = f"release of {release.environment}: channel train is {trained.content_type}"
    return libsvm_serving(release.algorithm.version, accepted, place)


def require_serving(release: Release, accepted: Mapping[str, str]) -> None:
    """Raise InputError with everything that `serving_problems` finds."""
    problems = serving_problems(release, accepted)
    if problems:
        raise InputError(*problems)
