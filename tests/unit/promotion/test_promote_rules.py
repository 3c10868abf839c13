"""What a promotion decides without AWS: the order, the candidate, the overrides."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from project_files import SMALLEST, write
from release_repository import OTHERS, made_for
from samples import environment

from kickstand.config.load import load_project
from kickstand.config.model import Data, Project
from kickstand.errors import InputError, KickstandError
from kickstand.release.file import read_release, write_release
from kickstand.release.model import GateResult, GoldenRows, LearningCurve, Override, Promotion
from promotion.candidate import candidate_release, is_promotion_of, promoted_release, promotion_order, require_order
from promotion.gates.gate import Outcome
from promotion.gates.run import GATES
from promotion.release_role import role_session_name
from promotion.view import NEVER, asked_overrides, overrides_of

STAGING = environment(name="staging", account="444455556666")
BUCKET = "bikes-staging-444455556666-us-east-1"
IMAGE = "683313688378.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:3.2-0"
BY = "arn:aws:iam::444455556666:user/ana"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """dev -> staging; prod takes none."""
    return load_project(write(tmp_path, SMALLEST + OTHERS))


def test_the_next_environment_is_fine(project: Project) -> None:
    require_order(project, project.environments["dev"], project.environments["staging"], ())


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        ("dev", "prod", "prod takes no promotions: it has no promotes_from. The order here: dev -> staging; prod."),
        (
            "prod",
            "staging",
            "staging takes its models from dev, not from prod. The order here: dev -> staging; prod. "
            "Promote step by step: kickstand promote dev staging",
        ),
        (
            "staging",
            "staging",
            "staging cannot be promoted to itself: it takes its models from dev. The order here: dev -> staging; prod.",
        ),
    ],
)
def test_another_order_is_refused_with_the_right_one(project: Project, source: str, target: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        require_order(project, project.environments[source], project.environments[target], ())  # type: ignore[index]
    assert message in str(caught.value)


def test_three_in_a_row(tmp_path: Path) -> None:
    chained = OTHERS + 'promotes_from = "staging"\n'
    assert promotion_order(load_project(write(tmp_path, SMALLEST + chained))) == "dev -> staging -> prod"


def test_the_candidate_is_the_model_under_the_targets_names() -> None:
    curve = LearningCurve(s3_uri="s3://bikes-dev-111122223333-us-east-1/models/x/learning_curve.json", sha256="d" * 64)
    source = made_for("dev", "a", learning_curve=curve, sha256="c" * 64)
    made = candidate_release(source, STAGING, image_uri=IMAGE)
    assert (made.environment, made.account, made.bucket) == ("staging", "444455556666", BUCKET)
    assert made.algorithm.image_uri == IMAGE
    assert made.artifact.s3_uri == f"s3://{BUCKET}/models/{'a' * 64}/model.tar.gz"
    assert made.learning_curve is not None
    assert made.learning_curve.s3_uri == f"s3://{BUCKET}/models/{'a' * 64}/learning_curve.json"
    assert made.channels == source.channels
    assert made.golden_rows == source.golden_rows
    assert (made.metrics, made.hyperparameters, made.training_job) == (
        *(source.metrics, source.hyperparameters, source.training_job),
    )
    assert made.promoted_from is not None
    assert (made.promoted_from.environment, made.promoted_from.release_sha256) == ("dev", "c" * 64)
    assert is_promotion_of(made, source)
    assert not is_promotion_of(made, source.model_copy(update={"sha256": "e" * 64}))


def test_what_was_promoted_before_comes_along(tmp_path: Path) -> None:
    first = Promotion(
        environment="dev",
        release_sha256="c" * 64,
        gates=(GateResult(name="age", passed=False, figure="1 h", limit="24 h"),),
        overrides=(Override(gate="age", reason="a fix that could not wait", by=BY),),
        by=BY,
        at="2026-11-24T09:00:00Z",
    )
    prod = environment(name="prod", account="777788889999")
    staged = made_for("staging", "a", promoted_from=first, sha256="d" * 64)
    made = promoted_release(
        candidate_release(staged, prod, image_uri=IMAGE),
        model_package_arn="arn:p",
        gates=[Outcome("slices", True, "", "", "").record(), Outcome("metrics", True, "", "", "").record()],
        overrides=(),
        by=BY,
        at=datetime(2026, 11, 25, 10, 0, tzinfo=timezone(timedelta(hours=1))),
    )
    assert made.earlier_promotions == (first,)
    assert made.promoted_from is not None
    assert [gate.name for gate in made.promoted_from.gates] == ["metrics", "slices"]
    assert (made.promoted_from.at, made.model_package_arn) == ("2026-11-25T09:00:00Z", "arn:p")
    written = write_release(tmp_path / "prod.json", made)
    assert read_release(tmp_path / "prod.json", prod) == written


@pytest.mark.parametrize(("kept", "in_git"), [("s3://b/golden/x.json", True), ("", False)])
def test_confidential_rows_stay_out_of_git_on_either_sides_word(kept: str, in_git: bool) -> None:
    golden = GoldenRows(sha256="e" * 64, s3_uri=kept, rows=() if kept else ("1,2",), predictions=() if kept else (2.0,))
    target = STAGING.model_copy(update={"data": Data(train=Path("/d"), golden_rows_in_git=in_git)})
    made = candidate_release(made_for("dev", "a", golden_rows=golden, sha256="c" * 64), target, image_uri=IMAGE)
    assert made.golden_rows == GoldenRows(sha256="e" * 64, s3_uri=f"s3://{BUCKET}/golden/{'e' * 64}.json")


def test_what_is_never_overridden_are_gates() -> None:
    assert NEVER.keys() < {gate.name for gate in GATES}


def test_overrides_are_pairs() -> None:
    assert asked_overrides(["age", "latency"], [" a fix that could not wait ", "a cold endpoint"]) == {
        "age": "a fix that could not wait",
        "latency": "a cold endpoint",
    }
    assert asked_overrides([], []) == {}


@pytest.mark.parametrize(
    ("gates", "reasons", "message"),
    [
        (["age"], [], "1 times --override and 0 times --reason: each override has its own reason."),
        (["age"], ["because"], "A reason has at least 10 characters; it is on record in the release."),
        (["ages"], ["a fix that could not wait"], "There is no gate 'ages'."),
        (["signature"], ["a fix that could not wait"], "The gate signature cannot be overridden: it would be unknown"),
        (["artifact-scan"], ["a fix that could not wait"], "The gate artifact-scan cannot be overridden: a model"),
        (["approval"], ["a fix that could not wait"], "The gate approval cannot be overridden: it would be one"),
        (["age", "age"], ["a fix that could not wait"] * 2, "It is overridden twice."),
    ],
)
def test_a_wrong_override_is_refused_before_anything_is_asked(
    gates: list[str], reasons: list[str], message: str
) -> None:
    with pytest.raises(InputError) as caught:
        asked_overrides(gates, reasons)
    assert message in str(caught.value)


PASSED = Outcome("metrics", True, "validation:rmse 0.29", "<= 0.35", "")
LATE = Outcome("latency", False, "312 ms", "<= 200 ms", "")
SCANNED = Outcome("artifact-scan", False, "a pickle", "no code", "")


def overridden(asked: dict[str, str], *outcomes: Outcome) -> tuple[Override, ...]:
    return overrides_of(outcomes, asked, by=BY, rerun_command="kickstand promote dev staging")


def test_a_failed_gate_refuses_with_the_way_on() -> None:
    assert overridden({}, PASSED) == ()
    with pytest.raises(KickstandError) as caught:
        overridden({}, PASSED, LATE)
    assert caught.value.exit_code == 1
    assert str(caught.value) == (
        "The gate latency refused the model. Nothing was written. Make a better model; or override the gate, on "
        "record in the release: kickstand promote dev staging --override latency --reason '...'"
    )
    with pytest.raises(
        KickstandError, match=r"gates latency, artifact-scan refused.*artifact-scan cannot be overridden"
    ):
        overridden({}, LATE, SCANNED)


def test_an_override_is_recorded_with_who_and_why() -> None:
    assert overridden({"latency": "a cold endpoint"}, PASSED, LATE) == (
        Override(gate="latency", reason="a cold endpoint", by=BY),
    )
    with pytest.raises(KickstandError, match="The gate artifact-scan refused the model"):
        overridden({"latency": "a cold endpoint"}, LATE, SCANNED)


def test_an_override_of_a_gate_that_did_not_fail_is_refused() -> None:
    with pytest.raises(InputError, match="The gate metrics was passed: there is nothing to override") as caught:
        overridden({"metrics": "in any case, please"}, PASSED)
    assert caught.value.exit_code == 2
    with pytest.raises(InputError, match="The gate age is not set here"):
        overridden({"age": "in any case, please"}, PASSED)


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::111122223333:user/team/ana", "kickstand-ana"),
        ("arn:aws:sts::111122223333:assumed-role/deployer/ana@example.com", "kickstand-ana@example.com"),
        ("arn:aws:iam::111122223333:root", "kickstand-root"),
        ("arn:aws:iam::111122223333:user/änne b", "kickstand--nne-b"),
        ("arn:aws:iam::111122223333:user/" + "x" * 64, "kickstand-" + "x" * 54),
    ],
)
def test_the_roles_session_tells_who(arn: str, name: str) -> None:
    assert role_session_name(arn) == name
