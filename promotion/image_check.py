"""Whether the image that the configuration chooses can read the model of the release. Both are known without AWS."""

from __future__ import annotations

from kickstand.config.model import Environment
from kickstand.errors import InputError, Problem
from kickstand.release import Release
from training.image.versions import XGBOOST, newer_than


def require_image(release: Release, environment: Environment, *, training_command: str, fit_command: str) -> None:
    """Raise InputError where the release's model is of a newer xgboost than the configured image has.

    A model is served by the image that trained it, so a release of an older image is served as before. One of a newer
    image is refused: `[algorithm] version` says that the environment is to run an image which cannot read it.

    training_command, fit_command: what a user types to deploy the training stack alone, and to train.
    """
    trained, chosen = release.algorithm.version, environment.algorithm.version
    if trained not in XGBOOST or chosen not in XGBOOST:
        return  # refused elsewhere, by their names
    if not newer_than(tuple(map(int, XGBOOST[trained].split("."))), chosen):
        return
    raise InputError(
        Problem(
            f"The release of {release.environment} is a model of xgboost {XGBOOST[trained]} (image {trained}); image "
            f"{chosen} is chosen, and its xgboost {XGBOOST[chosen]} cannot read it. Nothing was deployed.",
            environment.where("algorithm.version"),
            f"Choose {trained} again; or train with {chosen}: {training_command}, then {fit_command}.",
        )
    )
