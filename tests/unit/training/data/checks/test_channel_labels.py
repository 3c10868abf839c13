"""What the labels of a channel, taken together, cannot give: refused or warned of before the job.

The oracle is xgboost itself, trained on such labels; what its older versions do stands in `ON_ALL_ALIKE`, as they
ended: 1.7.4 and 3.0.5 are no part of this environment.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from samples import environment

from kickstand.config.model import Algorithm, Data, Environment
from kickstand.errors import InputError
from training.upload.upload import check_inputs, input_warnings

RANDOM = np.random.default_rng(7)
FEATURES = RANDOM.random((60, 3)).round(4)
OTHERS = FEATURES[::-1] + 1
"""Of validation, which has no row of train."""
CLASSES = (FEATURES[:, 0] > 0.5).astype(int)
NUMBERS = (4 * FEATURES[:, 0] + RANDOM.normal(0, 0.3, 60)).round(4)
DEGREES = (3 * FEATURES[:, 0]).astype(int)

Labels = np.ndarray


def csv(file: Path, labels: Labels) -> Path:
    rows = zip(labels, FEATURES if file.stem == "train" else OTHERS, strict=False)
    file.write_text("".join(f"{y},{a:.4f},{b:.4f},{c:.4f}\n" for y, (a, b, c) in rows))
    return file


def libsvm(file: Path, labels: Labels, *, queries: bool) -> Path:
    lines = [
        f"{y} {f'qid:{number // 10} ' if queries else ''}0:{a} 1:{b} 2:{c}\n"
        for number, (y, (a, b, c)) in enumerate(zip(labels, FEATURES if file.stem == "train" else OTHERS, strict=False))
    ]
    file.write_text("".join(lines))
    return file


def project(
    folder: Path, train: Labels, validation: Labels, values: dict[str, str], *, version: str = "3.2-0"
) -> Environment:
    data = Data(train=csv(folder / "train.csv", train), validation=csv(folder / "validation.csv", validation))
    lines = {"hyperparameters.objective": "k.toml:3", "hyperparameters.early_stopping_rounds": "k.toml:4"}
    given = {"num_round": "10", **values}
    return environment(data=data, hyperparameters=given, lines=lines, algorithm=Algorithm(version=version))


def refused(given: Environment) -> list[str]:
    with pytest.raises(InputError) as caught:
        check_inputs(given)
    return [str(problem.message) for problem in caught.value.problems]


def warnings(given: Environment) -> tuple[str, ...]:
    return input_warnings(given, check_inputs(given))


def logged(values: dict[str, Any], train: Labels, validation: Labels) -> dict[str, list[float]]:
    """The validation channel's metrics of every round."""
    found: dict[str, dict[str, list[float]]] = {}
    watched = [(xgboost.DMatrix(OTHERS[: len(validation)], validation), "validation")]
    xgboost.train(
        {"verbosity": 0, "max_depth": 3, **values},
        xgboost.DMatrix(FEATURES, train),
        4,
        evals=watched,
        evals_result=found,
        verbose_eval=False,
    )
    return found["validation"]


def test_one_class_in_validation_is_warned_of_with_auc(tmp_path: Path) -> None:
    ones = np.ones(20, int)
    values = {"objective": "binary:logistic", "eval_metric": "auc"}
    assert warnings(project(tmp_path, CLASSES, ones, values)) == (
        "metric auc is nan where all 20 labels of validation are 1: the figure says nothing of the model.",
    )
    assert np.isnan(logged(values, CLASSES, ones)["auc"]).all()
    assert warnings(project(tmp_path, CLASSES, CLASSES[:20], values)) == ()


@pytest.mark.parametrize(
    ("objective", "metric", "train", "label", "why"),
    [
        ("binary:logistic", "auc", CLASSES, 1, "is nan where all 20 labels of validation are 1"),
        ("binary:logistic", "logloss,aucpr", CLASSES, 0, "is nan where all 20 labels of validation are 0"),
        ("rank:pairwise", "auc", CLASSES, 1, "is nan where all 20 labels of validation are 1"),
        ("rank:map", "map", CLASSES, 0, "is 1 in every round where all 20 labels of validation are 0"),
        ("rank:ndcg", "ndcg", DEGREES, 2, "is 1 in every round where all 20 labels of validation are 2"),
        (
            "survival:cox",
            "cox-nloglik",
            NUMBERS,
            -3,
            "is nan on validation, where none of 20 rows has an event (a label above 0)",
        ),
    ],
)
def test_early_stopping_that_can_compare_nothing_is_refused(
    tmp_path: Path, objective: str, metric: str, train: Labels, label: int, why: str
) -> None:
    labels, last = np.full(20, label), metric.rpartition(",")[2]
    values = {"objective": objective, "eval_metric": metric}
    stopping = {**values, "early_stopping_rounds": "3"}
    assert refused(project(tmp_path, train, labels, stopping)) == [
        f"Early stopping watches {last}, which {why}: no round is better than the first, which it keeps."
    ]
    figures = logged({**values, "eval_metric": metric.split(",")}, train, labels)[last]
    assert len({f"{figure}" for figure in figures}) == 1
    good = DEGREES[:20] if objective == "rank:ndcg" else NUMBERS[:20] if objective == "survival:cox" else CLASSES[:20]
    assert check_inputs(project(tmp_path, train, good, stopping)).channels


def test_a_determination_of_labels_that_are_alike_is_no_figure(tmp_path: Path) -> None:
    values = {"objective": "reg:squarederror", "eval_metric": "r2"}
    assert warnings(project(tmp_path, NUMBERS, np.full(20, 3), values)) == (
        "metric r2 is 0 in every round where all 20 labels of validation are 3: the figure says nothing of the model.",
    )


ONE, NONE = np.ones(60, int), np.zeros(60, int)
ON_ALL_ALIKE = [
    # objective, labels, image: how xgboost 1.7.4, 3.0.5 and 3.2.0 ended on 80 rows of such labels
    ("binary:logistic", ONE, "3.0-5", "image 3.0-5 takes base_score from them"),  # base_score must be in (0,1)
    ("binary:logistic", NONE, "3.0-5", "image 3.0-5 takes base_score from them"),
    ("reg:logistic", ONE, "3.0-5", "image 3.0-5 takes base_score from them"),
    ("reg:logistic", NONE, "3.0-5", "image 3.0-5 takes base_score from them"),
    ("reg:tweedie", NONE, "3.0-5", "makes nan, in every prediction"),
    ("reg:tweedie", NONE, "3.2-0", "makes nan, in every prediction"),
    ("survival:cox", NONE, "1.7-1", "the loss is nan, and nothing is learnt"),
    ("survival:cox", -ONE, "3.2-0", "the loss is nan, and nothing is learnt"),
]
TRAINED = [
    ("binary:logistic", ONE, "1.7-1"),
    ("binary:logistic", NONE, "3.2-0"),
    ("reg:logistic", ONE, "3.2-0"),
    ("reg:tweedie", NONE, "1.7-1"),
    ("reg:squarederror", ONE, "3.0-5"),
    ("binary:hinge", ONE, "3.0-5"),
]


@pytest.mark.parametrize(("objective", "labels", "version", "words"), ON_ALL_ALIKE)
def test_labels_that_an_image_cannot_train_on_are_refused(
    tmp_path: Path, objective: str, labels: Labels, version: str, words: str
) -> None:
    (message,) = refused(project(tmp_path, labels, labels, {"objective": objective}, version=version))
    assert words in message
    if version == "3.2-0":
        model = xgboost.train({"objective": objective, "verbosity": 0}, xgboost.DMatrix(FEATURES, labels), 4)
        answers = model.predict(xgboost.DMatrix(FEATURES))
        assert np.isnan(answers).all() or len(set(answers.tolist())) == 1
    elif objective != "survival:cox":
        based = {"objective": objective, "base_score": "0.5"}
        assert check_inputs(project(tmp_path, labels, labels, based, version=version)).channels


@pytest.mark.parametrize(("objective", "labels", "version"), TRAINED)
def test_other_labels_that_are_alike_are_warned_of(
    tmp_path: Path, objective: str, labels: Labels, version: str
) -> None:
    given = project(tmp_path, labels, labels, {"objective": objective}, version=version)
    assert warnings(given) == (f"all 60 labels of train are {labels[0]}: a model learns nothing but that number.",)


def test_a_cross_validation_divides_the_rows_of_both_channels(tmp_path: Path) -> None:
    values = {"objective": "binary:logistic", "_kfold": "2"}
    assert check_inputs(project(tmp_path, ONE, CLASSES, values, version="3.0-5")).channels
    (message,) = refused(project(tmp_path, ONE, ONE, values, version="3.0-5"))
    assert message.startswith("all 120 labels of train and validation are 1: image 3.0-5 takes base_score from them")


def test_ranking_without_queries_is_warned_of_with_the_rows(tmp_path: Path) -> None:
    values = {"objective": "rank:ndcg", "eval_metric": "ndcg"}
    assert warnings(project(tmp_path, DEGREES, DEGREES[:20], values)) == (
        "objective rank:ndcg ranks rows within their query, and csv has no queries (libsvm has: qid): all 60 rows of "
        "train and all 20 rows of validation are one query each.",
    )
    only = {"objective": "binary:logistic", "eval_metric": "logloss,map@5"}
    assert warnings(project(tmp_path, CLASSES, CLASSES[:20], only))[0].startswith("metric map@5 ranks rows within")


@pytest.mark.parametrize("queries", [True, False])
def test_libsvm_has_queries_where_its_rows_have_a_qid(tmp_path: Path, queries: bool) -> None:
    data = Data(train=libsvm(tmp_path / "train", DEGREES, queries=queries), content_type="text/libsvm")
    values = {"num_round": "2", "objective": "rank:ndcg"}
    accepted = {"libsvm-serving": "Callers send CSV."}
    found = warnings(environment(data=data, hyperparameters=values, known_faults=accepted))
    words = (
        "objective rank:ndcg ranks rows within their query, and no row has a qid: all 60 rows of train are one query."
    )
    assert found == (() if queries else (words,))


def test_a_score_is_no_label(tmp_path: Path) -> None:
    values = {"objective": "rank:pairwise", "eval_metric": "ndcg,rmse"}
    assert warnings(project(tmp_path, DEGREES, DEGREES[:20], values))[-1] == (
        "objective rank:pairwise predicts scores for an order, no labels: metric rmse of them says nothing of the "
        "model."
    )


@pytest.mark.parametrize(
    ("metric", "good", "bad", "words"),
    [
        ("logloss", [0, 0.5, 1], [0, 1, 1.5], "logloss takes labels from 0 to 1; those of validation go from 0 to 1.5"),
        ("error@0.3", [0, 1, 1], [0, -3, 1], "error takes labels from 0 to 1; those of validation go from -3 to 1"),
        ("aucpr", [0, 1, 1], [0, 1, 2], "aucpr takes labels from 0 to 1; those of validation go from 0 to 2"),
        ("rmsle", [0, -0.5, 9], [0, -1, 9], "rmsle takes labels above -1; those of validation go from -1 to 9"),
    ],
)
def test_labels_of_which_a_metric_makes_no_figure_are_refused_in_one_message(
    tmp_path: Path, metric: str, good: list[float], bad: list[float], words: str
) -> None:
    values = {"objective": "reg:squarederror", "eval_metric": f"rmse,{metric}"}
    shares = CLASSES / 2
    assert refused(project(tmp_path, shares, np.array(bad), values)) == [f"metric {words}."]
    tuned = {"objective": "reg:squarederror", "_tuning_objective_metric": f"validation:{metric.partition('@')[0]}"}
    assert refused(project(tmp_path, shares, np.array(bad), tuned)) == [f"metric {words}."]
    assert check_inputs(project(tmp_path, shares, np.array(good), values)).channels


def test_xgboost_computes_a_log_loss_of_any_label() -> None:
    assert min(logged({"eval_metric": "logloss"}, NUMBERS, NUMBERS[:20])["logloss"]) < 0
    assert np.isinf(logged({"eval_metric": "rmsle"}, NUMBERS, np.array([0.5, -1.0]))["rmsle"]).all()
