"""`release check`: every field of every schema version is what it can be, or is named."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from samples import BUCKET, environment, release

from kickstand.errors import InputError
from kickstand.release.file import canonical, release_digest, version_faults
from kickstand.release.model import Artifact, GateResult, GoldenRows, LearningCurve, Override, Promotion, Release
from kickstand.release.rules import content_faults, golden_digest, listing_digest, rule_faults
from kickstand.release.schema import check_release
from training.data.files import channel_sha256 as listing_of_training
from training.model.golden_rows import golden_digest as golden_of_training

OLD = Path(__file__).with_name("releases_of_0_1_0")
ARTIFACT = "ab" * 32


def valid() -> Release:
    """A release with every optional part, whose digests are of what it holds."""
    rows = GoldenRows(
        sha256="0" * 64, rows=(",".join(["1"] * 13), ",".join(["2.5", "", *["nan"] * 11])), predictions=(1.5, -2.0)
    )
    golden = rows.model_copy(update={"sha256": golden_digest(rows)})
    channels = []
    for channel in release().channels:
        sha256 = listing_digest(channel)
        place = f"s3://{BUCKET}/data/{sha256}/{channel.name}/"
        channels.append(channel.model_copy(update={"sha256": sha256, "s3_uri": place}))
    promotion = Promotion(
        environment="staging",
        release_sha256="12" * 32,
        gates=(GateResult(name="age", passed=False, figure="9 days", limit="7 days"),),
        overrides=(Override(gate="age", reason="It is urgent.", by="arn:aws:iam::111122223333:user/ada"),),
        by="arn:aws:iam::111122223333:user/ada",
        at="2026-11-24T00:00:00Z",
    )
    return release(
        golden_rows=golden,
        channels=tuple(channels),
        artifact=Artifact(
            s3_uri=f"s3://{BUCKET}/models/{ARTIFACT}/model.tar.gz", sha256=ARTIFACT, size=300_000, rounds=(150,)
        ),
        learning_curve=LearningCurve(s3_uri=f"s3://{BUCKET}/models/{ARTIFACT}/learning_curve.json", sha256="34" * 32),
        warnings=("The label is an index.",),
        promoted_from=promotion,
    )


def written(path: Path, fields: dict[str, Any]) -> Path:
    """The fields as a file whose seal fits."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(canonical({**fields, "sha256": release_digest(fields)}))
    return path


def fields_of(one: Release) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(canonical(one.model_dump()))
    return found


def test_a_release_that_is_right_is_good_and_the_digests_are_those_that_training_writes(tmp_path: Path) -> None:
    one = valid()
    assert [*rule_faults(one), *content_faults(one)] == []
    assert check_release(written(tmp_path / "dev.json", fields_of(one)), environment()).artifact == one.artifact
    golden = one.golden_rows
    assert golden.sha256 == golden_of_training(golden.rows, golden.predictions)
    for channel in one.channels:
        assert channel.sha256 == listing_of_training([(file.name, file.sha256) for file in channel.files])


FAULTS: list[tuple[str, Any, str]] = [
    ("artifact.size", -1, "artifact.size must be 1 to 2^53, not -1."),
    ("artifact.size", 2**60, "artifact.size must be 1 to 2^53, not 1152921504606846976."),
    ("artifact.rounds.0", 0, "artifact.rounds.0 must be 1 to 2^53, not 0."),
    ("channels.1.name", "train", "channels must name each once; train is there several times."),
    ("channels.0.name", "other", "channels must have a channel train."),
    ("channels.0.rows", -5, "channels.0.rows must be 1 to 2^53, not -5."),
    ("channels.0.rows", 7, "channels.0.rows must be the rows of its files together, not 7."),
    ("channels.0.columns", 0, "channels.0.columns must be 1 to 2^53, not 0."),
    ("channels.0.columns", 15, "golden_rows.rows must have 14 values each, as the model has features."),
    ("channels.0.files", [], "channels.0.files must have a file, each with a name."),
    ("channels.0.files.0.size", -1, "channels.0.files.0.size must be 0 to 2^53, not -1."),
    ("channels.0.files.0.name", "t.csv", "channels.0.sha256 must be the SHA-256 of the listing of its files"),
    ("golden_rows.rows.0", "rm -rf,x,\x1b[2J", "golden_rows.rows.0 must be numbers separated by commas."),
    ("golden_rows.rows.0", "1_0", "golden_rows.rows.0 must be numbers separated by commas."),
    ("golden_rows.rows", [], "golden_rows must have one prediction a row, not 2 for 0."),
    ("golden_rows.predictions", [1.5], "golden_rows must have one prediction a row, not 1 for 2."),
    ("golden_rows.predictions", [1.5, [1.0, 2.0]], "golden_rows.predictions must have as many numbers for each row."),
    ("golden_rows.predictions", [1.5, 2.5], "golden_rows.sha256 must be the SHA-256 of rows and predictions"),
    ("golden_rows.s3_uri", "s3://b/golden/x", "golden_rows must hold no rows and predictions where s3_uri says"),
    ("training_job.created", "yesterday", "training_job.created must be a time in UTC"),
    ("training_job.started", "2026-11-24T10:11:12Z", "training_job.ended must not be before started"),
    ("training_job.billable_seconds", -1, "training_job.billable_seconds must be 0 to 2^53, not -1."),
    ("training_job.instance_count", 0, "training_job.instance_count must be 1 to 2^53, not 0."),
    ("training_job.instance_type", "m5", "training_job.instance_type must be an instance type"),
    ("training_job.arn", "arn:aws:s3:::b", "training_job.arn must be the ARN of the training job"),
    ("algorithm.name", "tensorflow", "algorithm.name must be xgboost, not tensorflow."),
    ("algorithm.image_uri", "evil.example/x:3.2-0", "algorithm.image_uri must be SageMaker's XGBoost image"),
    ("algorithm.version", "1.7-1", "algorithm.image_uri must be SageMaker's XGBoost image of the version 1.7-1."),
    ("model_package_arn", "arn:aws:s3:::b", "model_package_arn must be the ARN of a model package"),
    ("source_commit", "main", "source_commit must be a commit's hash"),
    ("warnings", ["a", "a"], "warnings must name each once; a is there several times."),
    ("promoted_from.at", "now", "promoted_from.at must be a time in UTC"),
    ("promoted_from.environment", "dev", "promoted_from.environment must be another environment than dev"),
    ("promoted_from.overrides.0.reason", " ", "promoted_from.overrides.0.reason must say why."),
]


def put(fields: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(fields)
    *parts, last = place.split(".")
    inner: Any = changed
    for part in parts:
        inner = inner[int(part)] if isinstance(inner, list) else inner[part]
    inner[int(last) if isinstance(inner, list) else last] = value
    return changed


@pytest.mark.parametrize(
    ("place", "value", "told"), FAULTS, ids=[f"{place}={value}"[:40] for place, value, _ in FAULTS]
)
def test_a_field_that_cannot_be_is_named(tmp_path: Path, place: str, value: Any, told: str) -> None:
    path = written(tmp_path / "dev.json", put(fields_of(valid()), place, value))
    with pytest.raises(InputError) as refused:
        check_release(path, environment())
    assert any(problem.message.startswith(told) for problem in refused.value.problems)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    fields = put(put(fields_of(valid()), "artifact.size", -1), "training_job.instance_count", 0)
    with pytest.raises(InputError) as refused:
        check_release(written(tmp_path / "dev.json", fields), environment())
    assert [problem.message.split(" ")[0] for problem in refused.value.problems] == [
        "training_job.instance_count",
        "artifact.size",
    ]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"learning_curve": None}, "learning_curve came with schema version 2; this is of version 1."),
        ({"warnings": []}, "warnings came with schema version 3; this is of version 1."),
        ({"earlier_promotions": []}, "earlier_promotions came with schema version 2; this is of version 1."),
        ({"odd": 1}, "odd is not a field of a release."),
    ],
)
def test_an_older_release_has_its_own_fields_alone(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    fields = json.loads((OLD / "dev.json").read_bytes())
    with pytest.raises(InputError) as refused:
        check_release(written(tmp_path / "dev.json", fields | changes), environment())
    assert [one.message for one in refused.value.problems if one.message.startswith(next(iter(changes)))] == [told]


def test_each_version_has_exactly_its_fields() -> None:
    first = json.loads((OLD / "staging.json").read_bytes())
    assert list(version_faults(first)) == []
    second = {**first, "schema_version": 2}
    assert [field for field, _ in version_faults(second)] == [
        *("earlier_promotions", "learning_curve"),
        *("promoted_from.at", "promoted_from.by", "promoted_from.overrides"),
    ]
    inner = put(put(first, "artifact.rounds", [1]), "promoted_from.by", "me")
    assert list(version_faults(inner)) == [
        ("artifact.rounds", "came with schema version 3; this is of version 1"),
        ("promoted_from.by", "came with schema version 2; this is of version 1"),
    ]
    del first["golden_rows"]["s3_uri"], first["promoted_from"]
    assert list(version_faults(first)) == [("promoted_from", "is missing"), ("golden_rows.s3_uri", "is missing")]


def _places(value: Any, place: str = "") -> list[str]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    inner = [found for name, item in items for found in _places(item, f"{place}.{name}" if place else str(name))]
    return [*([place] if place and place != "sha256" else []), *inner]


FREE = (
    "hyperparameters",
    "metrics",
    "warnings",
    "project",
    "learning_curve",
    "promoted_from",
    "target_transform",
)
"""What may have another value and still be a release of this environment: words and figures of the job."""
STRANGE: st.SearchStrategy[Any] = (
    st.sampled_from([None, True, -1, 0, 2**70, 1e300, "", "\x1b[2J", "\u202e", "x" * 5000, [], {}, [[]], {"a": None}])
    | st.integers()
    | st.text(max_size=20)
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_release_means_the_same_or_is_refused(tmp_path: Path, data: st.DataObject) -> None:
    fields = fields_of(valid())
    place = data.draw(st.sampled_from(_places(fields)))
    value = data.draw(STRANGE)
    changed = put(fields, place, value)
    path = written(tmp_path / "dev.json", changed)
    try:
        read = check_release(path, environment())
    except InputError as error:
        assert error.problems
        return
    kept = fields_of(read)
    assert {name: one for name, one in kept.items() if name != "sha256"} == {
        name: one for name, one in changed.items() if name != "sha256"
    }
    assert changed == fields or place.startswith(
        (*FREE, "training_job", "channels", "artifact.rounds", "artifact.size", "source_commit")
    )
