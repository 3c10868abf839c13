"""What Kickstand refuses by name although the container's own check lets it pass."""

from __future__ import annotations

import pytest

from kickstand.errors import Problem
from kickstand.xgboost_container import CONTENT_TYPES
from training.hyperparameters.check import unsupported

TUTORIAL = {"num_round": "150", "objective": "reg:squarederror"}


def test_the_default_is_supported() -> None:
    assert unsupported(TUTORIAL, "3.2-0") == []
    assert unsupported({**TUTORIAL, "use_dask_gpu_training": "false"}, "3.2-0", content_type="csv") == []


@pytest.mark.contract("V02", "V03")
@pytest.mark.parametrize(
    ("version", "message"),
    [
        ("1.5-1", "image version 1.5-1 of SageMaker's XGBoost is not supported yet."),
        ("latest", "image version 'latest' is a moving name for a legacy image; a version must be pinned."),
    ],
)
def test_other_image_versions_are_refused_by_name(version: str, message: str) -> None:
    assert unsupported(TUTORIAL, version, where=lambda name: f"toml:{name}") == [
        Problem(message, "toml:version", "Use 1.7-1 or 3.0-5 or 3.2-0.")
    ]


def test_an_unknown_version_is_told_the_known_ones() -> None:
    (problem,) = unsupported(TUTORIAL, "9.9-9")
    assert "is not known" in problem.message
    assert "3.0-5, 3.2-0" in problem.message


@pytest.mark.parametrize(
    ("content_type", "message"),
    [
        (
            "text/xml",
            "content type 'text/xml' is not one of the container's: csv, libsvm, parquet, recordio-protobuf, text/csv, "
            "text/libsvm, text/x-libsvm, application/x-parquet, application/x-recordio-protobuf.",
        ),
        (
            "text/csv;label_size=1",
            "content type 'text/csv;label_size=1' carries a parameter; the training container fails on those.",
        ),
    ],
)
def test_other_content_types_are_refused_by_name(content_type: str, message: str) -> None:
    assert [p.message for p in unsupported(TUTORIAL, "3.2-0", content_type=content_type)] == [message]


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_every_content_type_of_the_container_is_taken(content_type: str) -> None:
    assert unsupported(TUTORIAL, "3.2-0", content_type=content_type) == []


@pytest.mark.contract("T28")
def test_what_is_not_there_yet_is_refused_by_name() -> None:
    (fault,) = unsupported({**TUTORIAL, "use_dask_gpu_training": "true", "_kfold": "5", "eval_metric": "mse"}, "3.2-0")
    assert fault.message == "use_dask_gpu_training (training on several GPUs) is not supported yet."


GRADIENT = {**TUTORIAL, "tree_method": "hist", "sampling_method": "gradient_based", "subsample": "0.5"}
OLDER = {
    "sampling_method": ({"1.7-1", "3.0-5"}, GRADIENT),
    "predictor": ({"1.7-1"}, {**TUTORIAL, "predictor": "gpu_predictor"}),
    "max_depth": ({"1.7-1"}, {**TUTORIAL, "max_depth": "0"}),
    "updater": ({"1.7-1"}, {**TUTORIAL, "updater": "grow_histmaker, sync"}),
}


@pytest.mark.parametrize("name", OLDER)
@pytest.mark.parametrize("version", ["1.7-1", "3.0-5", "3.2-0"])
def test_what_an_older_image_cannot_train_is_refused_for_it_alone(name: str, version: str) -> None:
    refusing, values = OLDER[name]
    found = unsupported(values, version, where=lambda name: f"toml:{name}")
    assert [problem.where for problem in found] == ([f"toml:{name}"] if version in refusing else [])


def test_what_is_said_of_an_older_image() -> None:
    assert unsupported(GRADIENT, "3.0-5", where=lambda name: f"toml:{name}") == [
        Problem(
            "sampling_method gradient_based needs a GPU in image 3.0-5 (xgboost 3.0.5).",
            "toml:sampling_method",
            "Use uniform, or image 3.2-0.",
        )
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"max_depth": "0", "tree_method": "hist"},
        {"max_depth": "0", "booster": "gblinear"},
        {"max_depth": "6"},
        {"sampling_method": "uniform", "subsample": "0.5"},
        {"predictor": "cpu_predictor"},
        {"updater": "grow_histmaker,prune"},
    ],
    ids=str,
)
def test_what_an_older_image_trains_as_well(values: dict[str, str]) -> None:
    assert unsupported({**TUTORIAL, **values}, "1.7-1") == []
