"""A release whose model the chosen image cannot read is refused by name; one of an older image is not."""

from __future__ import annotations

import pytest
from samples import environment, release

from kickstand.config.model import Algorithm, Environment
from kickstand.errors import InputError
from kickstand.release.model import Release
from training.model.artifact import require_image


def chosen(version: str) -> Environment:
    return environment(algorithm=Algorithm(version=version), lines={"": "kickstand.toml", "algorithm.version": "t:17"})


def trained(version: str) -> Release:
    return release(algorithm=release().algorithm.model_copy(update={"version": version}))


def check(model: str, image: str) -> None:
    require_image(trained(model), chosen(image), training_command="deploy dev --training", fit_command="fit dev")


@pytest.mark.parametrize(
    ("model", "image"),
    [("3.2-0", "3.2-0"), ("1.7-1", "3.0-5"), ("1.7-1", "3.2-0"), ("3.0-5", "3.2-0"), ("1.7-1", "1.7-1")],
)
def test_a_model_of_the_chosen_image_or_an_older_one_is_served(model: str, image: str) -> None:
    check(model, image)


@pytest.mark.parametrize(("model", "image"), [("3.2-0", "3.0-5"), ("3.2-0", "1.7-1"), ("3.0-5", "1.7-1")])
def test_a_model_of_a_newer_image_is_refused(model: str, image: str) -> None:
    with pytest.raises(InputError, match=f"a model of xgboost .* .image {model}.; image {image} is chosen"):
        check(model, image)


def test_what_is_said() -> None:
    with pytest.raises(InputError) as error:
        check("3.2-0", "1.7-1")
    (problem,) = error.value.problems
    assert problem.message == (
        "The release of dev is a model of xgboost 3.2.0 (image 3.2-0); image 1.7-1 is chosen, and its xgboost 1.7.4 "
        "cannot read it. Nothing was deployed."
    )
    assert problem.fix == "Choose 3.2-0 again; or train with 1.7-1: deploy dev --training, then fit dev."
    assert problem.where == chosen("1.7-1").where("algorithm.version")
