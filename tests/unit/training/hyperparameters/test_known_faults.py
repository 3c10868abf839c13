"""Known faults of AWS's image: refused by name, unless accepted with a reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_folder import numbers, text, training_folder

from kickstand.errors import Problem
from kickstand.xgboost_container import FAULTS, XGBOOST, has_fault, libsvm_serving
from localcloud.container.contract import UserError
from localcloud.container.train import run
from training.hyperparameters.check import container_error, unsupported
from training.hyperparameters.known_faults import known_faults

BINARY = {"num_round": "5", "objective": "binary:logistic", "eval_metric": "logloss,f1"}


@pytest.mark.contract("F3")
def test_class_metrics_on_binary_objectives_are_wrong_in_3_x() -> None:
    assert container_error(BINARY) is None
    assert unsupported(BINARY, "3.2-0", where=lambda name: f"toml:{name}") == [
        Problem(
            "metric f1 is computed wrongly for objective binary:logistic by image 3.x: "
            "it takes every probability above 0 for a yes.",
            "toml:eval_metric",
            'Use error, logloss, auc or aucpr, or accept it with its reason: [known_faults] class-metrics = "…".',
        )
    ]
    assert unsupported(BINARY, "3.2-0", accepted={"class-metrics": "A dashboard alone reads it."}) == []
    assert unsupported({**BINARY, "eval_metric": "logloss"}, "3.2-0") == []


@pytest.mark.contract("F3")
def test_class_metrics_on_softmax_too_and_not_on_softprob() -> None:
    softmax = {"num_round": "5", "objective": "multi:softmax", "num_class": "3"}
    tuned = {**softmax, "_tuning_objective_metric": "validation:accuracy"}
    (fault,) = known_faults(tuned, accepted={})
    assert fault.message.endswith("it takes every class above 0 for class 1.")
    assert known_faults({**tuned, "objective": "multi:softprob"}, accepted={}) == []


def test_images_before_3_compute_them_right() -> None:
    assert known_faults(BINARY, "1.7-1", checkpoints=True, accepted={}) == []
    assert libsvm_serving("1.7-1", {}, "") == []


@pytest.mark.contract("F1", "F2", "F3", "F5", "F6", "F7")
def test_each_fault_is_that_of_the_images_that_have_it() -> None:
    """Read in the container's repository at the tags v1.7-1 and v3.0-5 and at what became 3.2-0."""
    having = {fault: [version for version in XGBOOST if has_fault(version, fault)] for fault in FAULTS}
    assert having == {
        "class-metrics": ["3.0-5", "3.2-0"],
        "checkpoint-resume": ["3.0-5", "3.2-0"],
        "fold-classes": ["1.7-1", "3.0-5", "3.2-0"],
        "libsvm-serving": ["3.2-0"],
        "margin-metrics": ["1.7-1"],
        "recordio-output": ["1.7-1", "3.0-5", "3.2-0"],
        "stopping-direction": ["1.7-1", "3.0-5", "3.2-0"],
    }


@pytest.mark.contract("F5", "T55")
@pytest.mark.parametrize("metric", ["ndcg@3", "map@1"])
def test_early_stopping_on_a_metric_with_a_depth_is_refused(metric: str) -> None:
    watched = {
        "num_round": "9",
        "objective": "rank:ndcg",
        "eval_metric": f"ndcg,{metric}",
        "early_stopping_rounds": "2",
    }
    (fault,) = unsupported(watched, "3.2-0", where=lambda name: f"toml:{name}")
    base = metric.partition("@")[0]
    assert fault == Problem(
        f"early stopping watches {metric}, of which image 3.2-0 takes less for better: it keeps the round that is "
        f"worst, because only {base} without a number is in its list of metrics of which more is better.",
        "toml:eval_metric",
        f'Name {base} last, or accept it with its reason: [known_faults] stopping-direction = "…".',
    )
    assert unsupported(watched, "3.2-0", accepted={"stopping-direction": "It stops too early, as wanted."}) == []
    for other in ({"eval_metric": f"{metric},ndcg"}, {"_tuning_objective_metric": "validation:ndcg"}):
        assert unsupported({**watched, **other}, "3.2-0") == []
    del watched["early_stopping_rounds"]
    assert unsupported(watched, "3.2-0") == []


@pytest.mark.contract("F8", "T59")
@pytest.mark.parametrize(
    ("objective", "what", "instead"),
    [("multi:softmax", "a class", "multi:softprob"), ("binary:logitraw", "a margin", "binary:logistic")],
)
def test_classes_of_folds_are_refused_where_a_threshold_of_one_half_is_wrong(
    objective: str, what: str, instead: str
) -> None:
    folded = {"num_round": "5", "objective": objective, "_kfold": "3"}
    folded |= {"num_class": "3"} if objective.startswith("multi:") else {}
    (fault,) = unsupported(folded, "3.2-0", where=lambda name: f"toml:{name}")
    assert fault == Problem(
        f"image 3.2-0 writes wrong classes of objective {objective} to predictions.csv: it takes {what} above 0.5 for "
        "class 1, and any other for class 0.",
        "toml:_kfold",
        f'Use {instead}, or accept it with its reason: [known_faults] fold-classes = "…".',
    )
    assert unsupported(folded, "3.2-0", accepted={"fold-classes": "Nobody reads that file."}) == []
    assert unsupported({**folded, "objective": instead}, "3.2-0") == []
    del folded["_kfold"]
    assert unsupported(folded, "3.2-0") == []


@pytest.mark.contract("F6")
def test_errors_of_margins_are_refused_in_1_7() -> None:
    counts = {"num_round": "5", "objective": "count:poisson", "eval_metric": "poisson-nloglik,rmse"}
    (fault,) = unsupported(counts, "1.7-1", where=lambda name: f"toml:{name}")
    assert fault == Problem(
        "metric rmse is computed wrongly for objective count:poisson by image 1.7-1: it compares labels with margins, "
        "which are no predictions yet.",
        "toml:eval_metric",
        'Use a metric of xgboost\'s or image 3.2-0, or accept it with its reason: [known_faults] margin-metrics = "…".',
    )
    assert unsupported(counts, "3.0-5") == unsupported({**counts, "objective": "reg:squarederror"}, "1.7-1") == []
    classes = {"num_round": "5", "objective": "multi:softmax", "num_class": "3", "eval_metric": "mae"}
    (fault,) = unsupported(classes, "1.7-1")
    assert fault.message.startswith("mae of objective multi:softmax ends in an error of image 1.7-1")
    assert unsupported(classes, "3.2-0") == []


@pytest.mark.contract("F4", "F2")
def test_checkpoint_resume_and_libsvm_serving_are_refused() -> None:
    (first,) = known_faults({}, checkpoints=True, accepted={})
    (second,) = libsvm_serving("3.2-0", {}, "release of dev")
    assert first.message.startswith("checkpoints do not work in image 3.2-0")
    assert second.message.startswith("libsvm requests are read wrongly by image 3.2-0")
    everything = dict.fromkeys(FAULTS, "We know.")
    assert known_faults(BINARY, checkpoints=True, accepted=everything) == []
    assert libsvm_serving("3.2-0", everything, "release of dev") == []


def test_an_acceptance_of_no_fault_is_a_mistake() -> None:
    (problem,) = known_faults({}, where=lambda name: f"toml:{name}", accepted={"class-metric": "Because."})
    assert problem == Problem(
        "class-metric is not a known fault of the image.",
        "toml:known_faults.class-metric",
        "Known: class-metrics, checkpoint-resume, fold-classes, libsvm-serving, margin-metrics, recordio-output, "
        "stopping-direction.",
    )


@pytest.mark.contract("F3")
def test_the_program_refuses_it_unless_the_jobs_environment_accepts_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layout = training_folder(tmp_path, BINARY, {"train/a.csv": text(numbers(classes=2))})
    with pytest.raises(UserError, match="metric f1 is computed wrongly for objective binary:logistic") as refused:
        run(layout)
    # Whoever sent the job with boto3 has no project file: both places are named.
    assert str(refused.value).endswith(
        'Use error, logloss, auc or aucpr, or accept it with its reason: KICKSTAND_KNOWN_FAULTS={"class-metrics": "…"} '
        'in the Environment of the job, or [known_faults] class-metrics = "…" in kickstand.toml.'
    )
    monkeypatch.setenv("KICKSTAND_KNOWN_FAULTS", '{"class-metrics": "A dashboard alone reads it."}')
    run(layout)
    assert "The known fault class-metrics of the image is accepted: A dashboard" in capsys.readouterr().err
    monkeypatch.setenv("KICKSTAND_KNOWN_FAULTS", "yes")
    with pytest.raises(UserError, match="KICKSTAND_KNOWN_FAULTS must be a JSON object"):
        run(layout)


@pytest.mark.contract("F2")
def test_an_accepted_checkpoint_is_written_as_the_image_writes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout = training_folder(tmp_path, {"num_round": "3"}, {"train/a.csv": text(numbers())})
    (layout.config / "checkpointconfig.json").write_text('{"LocalPath": "/opt/ml/checkpoints"}')
    with pytest.raises(UserError, match=r"checkpoints do not work in image 3\.2-0"):
        run(layout)
    monkeypatch.setenv("KICKSTAND_KNOWN_FAULTS", '{"checkpoint-resume": "Kept for a look inside."}')
    run(layout)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["xgboost-checkpoint_0.ubj"]
