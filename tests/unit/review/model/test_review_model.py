"""The model section of a review, with real models and buckets in memory."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from memory_s3 import MemoryS3
from reviewed_models import COUNTS, World, csv, headlines
from samples import BUCKET

from kickstand.config.promotion import Gates, Signing
from kickstand.errors import InputError, Problem
from kickstand.release.model import GateResult, GoldenRows, Override, Promotion, Release
from kickstand.signing.statement import SignedBy
from review.reports import ModelReport
from training.evaluation.stores import ModelStore


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def metric(report: ModelReport, name: str) -> tuple[float | None, float | None]:
    (found,) = [one for one in report.metrics if one.name == name]
    return found.live, found.released


def test_a_worse_model_is_a_danger_on_the_same_rows(world: World) -> None:
    good, bad = world.model(40), world.model(3)
    report = world.report(bad, good)
    live, released = metric(report, "test original:rmse")
    assert live is not None
    assert released is not None
    assert released > 5 * live
    (danger,) = headlines(report, "danger")
    assert danger.startswith(f"The new model is worse: rmse {released:.4g} instead of {live:.4g} on the same 400 test")
    assert metric(report, "train:rmse") == (0.225, 3.0)
    assert report.changed
    assert (report.artifact_sha256, report.live_artifact_sha256) == (bad.artifact.sha256, good.artifact.sha256)
    assert report.missing == ()
    assert [plot.name for plot in report.plots] == ["learning-curve", "predicted-actual", "residuals", "importance"]
    assert "train:rmse falls from 9 to 3 in 3 rounds" in report.plots[0].alt
    assert "hour" in report.plots[3].alt


def test_a_better_model_is_told_without_alarm(world: World) -> None:
    good, bad = world.model(40), world.model(3)
    report = world.report(good, bad)
    assert [one.level for one in report.headlines] == ["note"]
    (note,) = headlines(report, "note")
    assert note.startswith(
        f"New model: artifact {good.artifact.sha256[:12]} of job bikes-dev-20261123-101112-abcd; rmse"
    )


@pytest.mark.parametrize(
    ("margin", "level", "end"),
    [(None, "danger", "%)."), (99.0, "warning", "; 9.9e+03 % is allowed."), (0.01, "danger", "%).")],
)
def test_the_project_s_own_margin_decides(world: World, margin: float | None, level: str, end: str) -> None:
    world.gates = Gates(max_regression=margin, metric="original:mae")
    report = world.report(world.model(30), world.model(40))
    (sentence,) = headlines(report, level)
    assert sentence.startswith("The new model is worse: mae ")
    assert sentence.endswith(end)


def test_the_same_model_is_told_and_not_compared(world: World) -> None:
    model = world.model(5)
    report = world.report(model, model)
    assert not report.changed
    assert headlines(report, "note")[0].startswith("Same model as is served: artifact ")
    live, released = metric(report, "test original:rmse")
    assert live == released


def test_the_first_model_has_nothing_beside_it(world: World) -> None:
    report = world.report(world.model(5))
    assert report.live_artifact_sha256 == ""
    assert [one.level for one in report.headlines] == ["note"]
    assert headlines(report, "note")[0].startswith("First model, nothing is served yet: artifact ")
    assert {one.live for one in report.metrics} == {None}


def test_a_live_model_of_no_known_release_is_asked_all_the_same(world: World) -> None:
    good, bad = world.model(40), world.model(3)
    report = world.report(bad, None, live_artifact_sha256=good.artifact.sha256)
    assert headlines(report, "danger")[0].startswith("The new model is worse: rmse ")
    assert any(one.startswith("The live model's release: none is known") for one in report.missing)


def test_rows_that_are_nowhere_leave_out_what_needs_them(world: World) -> None:
    good, bad = world.model(40), world.model(3)
    world.test_file.write_bytes(b"1,2,3,4\n")
    report = world.report(bad, good)
    assert [plot.name for plot in report.plots] == ["learning-curve", "importance"]
    (reason,) = report.missing
    assert reason.startswith("Test rows (metrics on them, predictions, errors, slices): ")
    assert "NoSuchKey" in reason
    assert headlines(report, "warning") == [
        "Whether the new model is better than the live one is not known: they could not be compared."
    ]


def test_rows_are_taken_from_s3_where_the_project_has_others(world: World) -> None:
    model = world.model(5)
    whole = world.report(model)
    world.test_file.write_bytes(b"1,2,3,4\n")
    world.s3.put(f"{model.channels[1].s3_uri}test.csv", csv(COUNTS))
    assert world.report(model) == whole
    world.s3.put(f"{model.channels[1].s3_uri}test.csv", csv(COUNTS + 1))
    changed = world.report(model)
    assert "The test rows were changed: expected SHA-256" in headlines(changed, "danger")[0]


def test_without_test_rows_validation_decides_where_it_is_the_same(world: World) -> None:
    def with_validation(rounds: int, value: float) -> Release:
        channels = (world.channel("train"), world.channel("validation"))
        return world.model(rounds, channels=channels, metrics={"validation:rmse": value})

    report = world.report(with_validation(5, 0.52), with_validation(6, 0.4))
    assert headlines(report, "danger") == [
        "The new model is worse: rmse 0.52 instead of 0.4 on the same 400 validation rows (by 30 %)."
    ]


def test_an_artifact_is_read_where_the_model_came_from(world: World) -> None:
    model, empty = world.model(5), MemoryS3()
    whole = world.report(model)
    world.stores = [ModelStore(empty, "bikes-prod"), ModelStore(world.s3, BUCKET)]
    assert world.report(model) == whole
    world.stores = [ModelStore(empty, "bikes-prod")]
    assert any(
        "The released model: Failed while reading the model artifact" in one for one in world.report(model).missing
    )


def test_an_ensemble_is_reviewed_as_one_model(world: World) -> None:
    folds = world.model(5, settings={"_kfold": "3"})
    report = world.report(folds, world.model(5))
    assert report.missing == ()
    assert ("models", "3, one a fold (_kfold); the answer is the mean of theirs") in report.training
    assert [plot.name for plot in report.plots] == ["learning-curve", "predicted-actual", "residuals", "importance"]
    # the live one's release may be unknown: then there are as many models as its artifact holds
    turned = world.report(world.model(5), None, live_artifact_sha256=folds.artifact.sha256)
    assert [one for one in turned.missing if one.startswith("The live model:")] == []
    live, _ = metric(turned, "test original:rmse")
    assert live == metric(report, "test original:rmse")[1]


def test_a_changed_artifact_is_a_danger(world: World) -> None:
    model = world.model(5)
    world.s3.put(model.artifact.s3_uri, b"another")
    report = world.report(model)
    assert headlines(report, "danger")[0].startswith(
        f"The released model: The model artifact was changed: expected SHA-256 {model.artifact.sha256}, found "
    )


def test_a_changed_learning_curve_is_a_danger(world: World) -> None:
    model = world.model(5)
    assert model.learning_curve is not None
    world.s3.put(model.learning_curve.s3_uri, world.s3.body(model.learning_curve.s3_uri).replace(b"9.0", b"1.0"))
    report = world.report(model)
    assert "The learning curve was changed" in headlines(report, "danger")[0]
    assert "learning-curve" not in [plot.name for plot in report.plots]


def test_slices_are_those_of_the_gates(world: World) -> None:
    world.gates = Gates(slices=("hour", "wind"), max_slice_regression=0.1, min_slice_rows=20)
    report = world.report(world.model(3), world.model(40))
    assert [(one.column, one.value, one.rows) for one in report.slices] == [
        (
            "hour",
            str(hour),
            int((np.array([row.split(",")[1] for row in csv(COUNTS).decode().split()]) == f"{hour}.0").sum()),
        )
        for hour in range(4)
    ]
    assert all(one.live is not None and one.released > one.live for one in report.slices)
    assert "Slices: there is no column wind." in report.missing
    assert any(one.startswith("On a group of rows the new model is worse: rmse") for one in headlines(report, "danger"))


def test_models_of_different_transforms_are_compared_in_original_units(world: World) -> None:
    live = world.model(40)
    alone = world.report(live)
    world.transform = "log1p"
    world.test_file.write_bytes(csv(world.labels))
    report = world.report(world.model(40), live)
    assert metric(report, "test original:rmse")[0] == pytest.approx(metric(alone, "test original:rmse")[1], rel=1e-5)
    assert metric(report, "test model:rmse")[0] is None


@pytest.mark.parametrize(
    ("objective", "name", "pictures"),
    [
        ("binary:logistic", "test model:logloss", ["learning-curve", "calibration", "confusion", "importance"]),
        ("binary:hinge", "test model:error", ["learning-curve", "confusion", "importance"]),
        ("multi:softprob", "test model:mlogloss", ["learning-curve", "confusion", "importance"]),
        ("multi:softmax", "test model:error", ["learning-curve", "confusion", "importance"]),
    ],
)
def test_classes_have_their_own_figures_and_pictures(
    tmp_path: Path, objective: str, name: str, pictures: list[str]
) -> None:
    world = World(tmp_path, objective=objective)
    report = world.report(world.model(20), world.model(1))
    live, released = metric(report, name)
    assert live is not None
    assert released is not None
    assert released <= live
    assert [plot.name for plot in report.plots] == pictures
    assert report.missing == ()


def test_an_objective_without_a_figure_is_told(tmp_path: Path) -> None:
    world = World(tmp_path, objective="survival:cox")
    report = world.report(world.model(3))
    assert any("There is no test-set figure for the objective survival:cox" in one for one in report.missing)
    assert [plot.name for plot in report.plots] == ["learning-curve", "importance"]


def test_confidential_golden_rows_are_not_shown(world: World) -> None:
    place = f"s3://{BUCKET}/golden/x.json"
    report = world.report(world.model(3, golden_rows=GoldenRows(sha256="ef" * 32, s3_uri=place)))
    assert report.golden == ()
    assert report.missing == (f"Golden rows: confidential, kept in {place}, SHA-256 {'ef' * 32}.",)
    assert world.report(world.model(3)).golden == (("1,2", "2.5"), ("3,4", "3.5"))


def test_signatures_and_overrides_stand_at_the_top(world: World) -> None:
    gate = GateResult(name="latency", passed=False, figure="p99 312 ms", limit="<= 200 ms")
    who = "arn:aws:iam::111122223333:user/ann"
    promotion = Promotion(
        environment="dev",
        release_sha256="12" * 32,
        gates=(gate,),
        overrides=(Override(gate="latency", reason="no traffic yet", by=who),),
        by=who,
        at="2026-11-23T10:00:00Z",
    )
    model = world.model(3, promoted_from=promotion)
    report = world.report(model, signer=SignedBy(key_id="3f2a" * 16, name="keys/dev.pub", algorithm="Ed25519"))
    assert report.signature == "The release is signed by the key 3f2a3f2a3f2a (Ed25519, keys/dev.pub)."
    assert headlines(report, "danger") == [
        f"The gate latency was overridden by {who} when the model was promoted from dev, because: no traffic yet "
        "(p99 312 ms; limit <= 200 ms)"
    ]
    assert report.overrides == (f"latency from dev: p99 312 ms, limit <= 200 ms; no traffic yet ({who})",)
    assert report.promoted_from == (
        f"Promoted from dev, its release {'12' * 6}, by {who} at 2026-11-23T10:00:00Z; gates passed: none."
    )
    bad = world.report(model, signer=InputError(Problem("The signature is of another release.")))
    assert "The release has no good signature. The signature is of another release." in headlines(bad, "danger")
    assert "does not require it" in world.report(model).signature


def test_what_a_model_was_accepted_with_is_a_warning(world: World) -> None:
    warning = "train.csv: 3 labels are above 16777216.\x1b[31m"
    report = world.report(world.model(3, warnings=(warning,)))
    assert headlines(report, "warning") == [
        "The model was accepted with this warning: train.csv: 3 labels are above 16777216.\\x1b[31m"
    ]


def test_an_unsigned_release_is_a_danger_where_signatures_are_required(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = world.environment.model_copy(update={"signing": Signing(required=True)})
    monkeypatch.setattr(World, "environment", settings)
    assert headlines(world.report(world.model(3)), "danger") == [
        "The release is not signed, which this environment requires."
    ]


def test_a_release_cannot_paint_the_terminal(world: World) -> None:
    report = world.report(world.model(3, source_commit="\x1b[31mred+changes"))
    assert ("source commit", "\\x1b[31mred+changes") in report.training
    assert headlines(report, "warning") == [
        "The model was trained from a working folder with changes that are in no commit."
    ]


AGAIN = """
import sys, hashlib
from pathlib import Path
from models_run_here import models_run_here
from reviewed_models import World
world = World(Path(sys.argv[1]))
with models_run_here():
    report = world.report(world.model(30), world.model(5))
print(hashlib.sha256(report.model_dump_json().encode()).hexdigest())
"""


def test_the_same_inputs_give_the_same_bytes_in_another_process(world: World) -> None:
    here = world.report(world.model(30), world.model(5)).model_dump_json()
    folder = world.folder / "again"
    folder.mkdir()
    ended = subprocess.run(
        [sys.executable, "-c", AGAIN, str(folder)],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": ":".join(sys.path), "PYTHONHASHSEED": "7", "HOME": str(folder)},
    )
    assert ended.stdout.strip() == hashlib.sha256(here.encode()).hexdigest()
