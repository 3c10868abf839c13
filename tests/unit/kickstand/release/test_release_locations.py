"""A release's model, data and overrides must be where and what its other fields say."""

from __future__ import annotations

from pathlib import Path

import pytest
from release_repository import made_for, moved
from samples import environment

from kickstand.errors import InputError
from kickstand.release.file import read_release, write_release
from kickstand.release.model import GateResult, LearningCurve, Override, Promotion, Release

STAGING = environment(name="staging", account="444455556666")
BUCKET = "bikes-staging-444455556666-us-east-1"
DEV_BUCKET = "bikes-dev-111122223333-us-east-1"
PASSED = GateResult(name="metrics", passed=True, figure="validation:rmse 0.29", limit="<= 0.35")
FAILED = GateResult(name="latency", passed=False, figure="312 ms", limit="<= 200 ms")
OVERRIDE = Override(gate="latency", reason="measured on a cold endpoint", by="arn:aws:iam::444455556666:user/ana")


def promotion(*gates: GateResult, overrides: tuple[Override, ...] = ()) -> Promotion:
    return Promotion(
        environment="dev", release_sha256="c" * 64, gates=gates, overrides=overrides, by=OVERRIDE.by, at="2026-11-24"
    )


def promoted(**changes: object) -> Release:
    """In staging, its data still in dev's bucket."""
    channels = made_for("dev", "a").channels
    return made_for("staging", "a", **{"channels": channels, "promoted_from": promotion(PASSED), **changes})


def told(tmp_path: Path, release: Release) -> list[str]:
    path = write_and_path(tmp_path, release)
    with pytest.raises(InputError) as caught:
        read_release(path, STAGING)
    return [problem.message for problem in caught.value.problems]


def write_and_path(tmp_path: Path, release: Release) -> Path:
    write_release(tmp_path / "staging.json", release)
    return tmp_path / "staging.json"


def test_a_promoted_releases_data_stay_where_it_was_trained(tmp_path: Path) -> None:
    release = promoted()
    assert {channel.s3_uri.split("/")[2] for channel in release.channels} == {DEV_BUCKET}
    assert read_release(write_and_path(tmp_path, release), STAGING).channels == release.channels


def test_a_trained_releases_data_are_in_the_environments_own_bucket(tmp_path: Path) -> None:
    release = promoted(promoted_from=None)
    assert told(tmp_path, release) == [
        f"The channel {one.name} must be at s3://{BUCKET}/data/{one.sha256}/{one.name}/, as its content names it; "
        f"it is {one.s3_uri}."
        for one in release.channels
    ]


def test_a_promoted_releases_data_are_in_one_bucket_each_at_its_digest(tmp_path: Path) -> None:
    train, validation, test = made_for("dev", "a").channels
    elsewhere = moved(validation, "another-bucket")
    latest = test.model_copy(update={"s3_uri": f"s3://{DEV_BUCKET}/data/latest/test/"})
    assert told(tmp_path, promoted(channels=(train, elsewhere, latest))) == [
        f"The channel validation must be at s3://{DEV_BUCKET}/data/{validation.sha256}/validation/, as its content "
        f"names it; it is {elsewhere.s3_uri}.",
        f"The channel test must be at s3://{DEV_BUCKET}/data/{test.sha256}/test/, as its content names it; "
        f"it is {latest.s3_uri}.",
    ]


def test_the_learning_curve_lies_beside_the_model(tmp_path: Path) -> None:
    good = LearningCurve(s3_uri=f"s3://{BUCKET}/models/{'a' * 64}/learning_curve.json", sha256="d" * 64)
    assert read_release(write_and_path(tmp_path, promoted(learning_curve=good)), STAGING).learning_curve == good
    strayed = good.model_copy(update={"s3_uri": f"s3://{DEV_BUCKET}/models/{'a' * 64}/learning_curve.json"})
    assert told(tmp_path, promoted(learning_curve=strayed)) == [
        f"The learning curve must be {good.s3_uri}, beside the model; it is {strayed.s3_uri}."
    ]


def test_a_failed_gate_needs_its_override_and_an_override_its_failed_gate(tmp_path: Path) -> None:
    fine = promotion(PASSED, FAILED, overrides=(OVERRIDE,))
    assert read_release(write_and_path(tmp_path, promoted(promoted_from=fine)), STAGING).promoted_from == fine
    other = OVERRIDE.model_copy(update={"gate": "metrics"})
    assert told(tmp_path, promoted(promoted_from=promotion(PASSED, FAILED, overrides=(other,)))) == [
        "The promotion from dev records that the gate latency failed, and no override of it.",
        "The promotion from dev overrides the gate metrics, which it does not record as failed.",
    ]


def test_earlier_promotions_are_held_to_the_same(tmp_path: Path) -> None:
    earlier = (promotion(FAILED),)
    assert told(tmp_path, promoted(earlier_promotions=earlier)) == [
        "The promotion from dev records that the gate latency failed, and no override of it."
    ]
    assert told(
        tmp_path,
        made_for("staging", "a", earlier_promotions=(promotion(PASSED),)),
    ) == ["The release has earlier promotions, and none that brought it to this environment."]
