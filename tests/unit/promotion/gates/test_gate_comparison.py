"""The gates that compare with what is served: the same rows through both endpoints, and what comes of it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_context import OLD_MODEL, STAGING_BUCKET, Account, gate_context
from samples import DIGEST, release

from kickstand.config.promotion import Gates
from kickstand.release.file import write_release
from kickstand.release.model import Release
from promotion.gates import comparison
from promotion.gates.context import Evidence, GateContext
from promotion.gates.gate import Outcome
from promotion.gates.run import evaluate_gate

NOT_WORSE = Gates(metric="model:rmse", max_regression=0.02, resamples=500)
SLICES = Gates(metric="model:mae", slices=("kind",), max_slice_regression=0.1, min_slice_rows=100)
DRAW = random.Random(5)
ROWS = [f"{DRAW.gauss(0, 1):.6f},{number},{number % 4 // 3}" for number in range(400)]
"""400 rows: label, a number of its own, and a kind that is 1 for every fourth."""


def features(row: str) -> str:
    return row.split(",", 1)[1]


def answers(worse: float = 0.0, seed: int = 1, kind: str = "") -> dict[str, str]:
    """What a model answers: off by one in the mean, more by a share, for rows of a kind (all by default)."""
    draw, given = random.Random(seed), {}
    for row in ROWS:
        off = draw.gauss(0, 0.02) + (1 + worse if row.endswith(kind) else 1) * (1 if draw.random() < 0.5 else -1)
        given[features(row)] = repr(float(row.split(",")[0]) + off)
    return given


def applies(
    tmp_path: Path, gates: Gates, *, source: Account | None = None, target: Account | None = None, **more: Any
) -> tuple[Outcome, GateContext]:
    made = gate_context(
        tmp_path,
        source=source or Account(answers=answers()),
        target=target or Account(model=OLD_MODEL, answers=answers(seed=2)),
        gates=gates,
        rows=ROWS,
        **more,
    )
    gate = comparison.SLICES_GATE if gates.slices else comparison.NOT_WORSE_GATE
    assert gate.applies(made)
    return evaluate_gate(gate, made, Evidence(made, tmp_path)), made


def test_a_model_that_is_as_good_passes(tmp_path: Path) -> None:
    outcome, made = applies(tmp_path, NOT_WORSE)
    assert outcome.passed, outcome
    assert outcome.figure.startswith("model:rmse ")
    assert " against " in outcome.figure
    assert outcome.limit == "interval ends at +2 % or below"
    assert outcome.how_to_check == "kickstand evaluate dev; kickstand evaluate staging"
    assert outcome.details[0] == f"bikes-dev and bikes-staging were asked for the same 400 rows of {tmp_path}/test.csv."
    assert outcome.details[1].startswith("The 95 % interval is of 500 paired resamples (seed ")
    assert f"bikes-staging serves {OLD_MODEL}." in outcome.details
    assert made.source.session.invocations == made.target.session.invocations == 1  # type: ignore[attr-defined]


def test_the_figure_can_be_had_again(tmp_path: Path) -> None:
    assert applies(tmp_path, NOT_WORSE)[0] == applies(tmp_path, NOT_WORSE)[0]


def test_a_worse_model_fails(tmp_path: Path) -> None:
    outcome, _ = applies(tmp_path, NOT_WORSE, source=Account(answers=answers(worse=0.05)))
    assert not outcome.passed
    assert outcome.figure == "model:rmse 1.05006 against 1.00116: +4.88 %, interval +4.62 % to +5.19 %"


@pytest.mark.parametrize(("margin", "passed"), [(0.05, False), (0.0518, False), (0.052, True)])
def test_the_intervals_upper_end_is_judged_not_the_figure(tmp_path: Path, margin: float, passed: bool) -> None:
    """The figure is +4.88 %, the interval ends at +5.19 %."""
    gates = NOT_WORSE.model_copy(update={"max_regression": margin})
    outcome, _ = applies(tmp_path, gates, source=Account(answers=answers(worse=0.05)))
    assert outcome.passed is passed


def test_nothing_is_served_yet(tmp_path: Path) -> None:
    for gates in (NOT_WORSE, SLICES):
        outcome, _ = applies(tmp_path, gates, target=Account(model=None))
        assert (outcome.passed, outcome.figure, outcome.details) == (True, "bikes-staging serves nothing yet", ())


def test_the_same_model_is_served_already(tmp_path: Path) -> None:
    same = Account(model=f"s3://{STAGING_BUCKET}/models/{DIGEST}/model.tar.gz")
    for gates in (NOT_WORSE, SLICES):
        outcome, made = applies(tmp_path, gates, target=same)
        assert (outcome.passed, outcome.figure) == (True, "bikes-staging serves the same model already")
        assert made.source.session.invocations == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("source", "target", "told"),
    [
        (Account(model=None), None, "There is no endpoint bikes-dev, so its model cannot be compared."),
        (
            Account(model=OLD_MODEL),
            None,
            f"The endpoint serves another model than the release's: {OLD_MODEL}.",
        ),
        (Account(status="Failed"), None, "The endpoint is Failed."),
        (None, Account(model=OLD_MODEL, status="Creating"), "The endpoint is Creating."),
        (
            None,
            Account(endpoint_denied=True),
            "Failed while looking at the endpoint bikes-staging: DescribeEndpoint: ",
        ),
        (
            Account(answers={**answers(), features(ROWS[7]): "nan"}),
            None,
            "1 of 400 answers are not a finite number: the first is 'nan', of row test.csv:8.",
        ),
    ],
)
def test_what_cannot_be_compared_is_not_passed(
    tmp_path: Path, source: Account | None, target: Account | None, told: str
) -> None:
    for gates in (NOT_WORSE, SLICES):
        outcome, _ = applies(tmp_path, gates, source=source, target=target)
        assert not outcome.passed
        assert outcome.figure.startswith(told)


def of_staging(transform: str, model: str = OLD_MODEL) -> Release:
    digest = model.split("/")[-2]
    return release(
        environment="staging",
        account="444455556666",
        bucket=STAGING_BUCKET,
        channels=(),
        artifact=release().artifact.model_copy(update={"s3_uri": model, "sha256": digest}),
        target_transform=transform,
    )


def test_the_served_models_own_release_says_how_its_answers_are_read(tmp_path: Path) -> None:
    """The served model was trained on log1p of the label; compared on the model's scale, the gate says so."""
    write_release(tmp_path / "releases" / "staging.json", of_staging("log1p"))
    outcome, _ = applies(tmp_path, NOT_WORSE)
    assert not outcome.passed
    assert outcome.figure == "It was trained with target_transform log1p, the test labels are none."


def test_a_release_of_another_model_than_the_served_one_says_nothing(tmp_path: Path) -> None:
    other = f"s3://{STAGING_BUCKET}/models/{'34' * 32}/model.tar.gz"
    write_release(tmp_path / "releases" / "staging.json", of_staging("log1p", other))
    outcome, _ = applies(tmp_path, NOT_WORSE)
    assert outcome.passed
    assert "staging.json is not the release of it" in outcome.details[-1]


def test_slices_show_where_a_model_is_worse(tmp_path: Path) -> None:
    """Worse by 30 % on every fourth row alone; over all rows that is 7.5 %."""
    outcome, _ = applies(tmp_path, SLICES, source=Account(answers=answers(worse=0.3, kind=",1")))
    assert not outcome.passed
    assert outcome.figure.startswith("worst of 2 slices: kind = 1, model:mae +")
    assert outcome.limit == "no slice worse by more than +10 %"
    assert outcome.how_to_check == "kickstand gate staging --only slices"
    assert [line.split(":")[0] for line in outcome.details[:2]] == ["kind = 0", "kind = 1"]
    assert outcome.details[1].endswith("100 rows  TOO MUCH WORSE")
    assert outcome.details[0].endswith("300 rows")
    assert applies(tmp_path, SLICES)[0].passed


def test_unknown_columns_are_told_with_those_known(tmp_path: Path) -> None:
    outcome, _ = applies(tmp_path, SLICES.model_copy(update={"slices": ("kind", "season")}))
    assert (outcome.passed, outcome.figure) == (False, "slices names season; the columns are label, x, kind.")


def test_columns_that_are_not_those_of_the_test_rows_are_told(tmp_path: Path) -> None:
    outcome, _ = applies(tmp_path, SLICES, columns=("label", "x", "kind", "more"))
    assert outcome.figure == "[data] columns names 4 columns; the release's test rows have 3."


def test_not_asked_of_an_environments_own_release(tmp_path: Path) -> None:
    made = gate_context(tmp_path, gates=Gates(metric="model:mae", max_regression=0.1))
    assert comparison.NOT_WORSE_GATE.applies(made)
    assert not comparison.NOT_WORSE_GATE.applies(replace(made, source=made.target))
