"""Which gates are asked, in which order, and that none of them stops the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from gate_context import Account, gate_context
from rich.console import Console

from cli.promote import outcomes_json
from kickstand.config.promotion import Gates, Signing
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.release.file import release_path
from promotion.gates.context import Evidence, GateContext
from promotion.gates.gate import Outcome, outcome_lines, show_outcomes, summary
from promotion.gates.run import GATES, evaluate_gate, evaluate_gates
from review.reports import PolicyReport

ALL = Gates(
    metrics=("validation:rmse <= 0.35",),
    metric="model:rmse",
    max_regression=0.02,
    slices=("kind",),
    max_slice_regression=0.1,
    max_p99_ms=100.0,
    min_age_hours=24.0,
    approval=True,
)


@pytest.fixture(autouse=True)
def policy(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Stands in for the synthesis; collects what it was asked about: the release in its folder."""
    seen: list[Any] = []

    def candidate_policy(context: GateContext, releases: Path) -> PolicyReport:
        environment = context.target.environment
        assert [path.name for path in releases.iterdir()] == [f"{environment.name}.json"]
        seen.append((environment.name, json.loads(release_path(releases, environment.name).read_bytes())))
        return PolicyReport(findings=(), acknowledged=(), rules_run={"guard": 9}, headlines=())

    monkeypatch.setattr("promotion.gates.release_checks.candidate_policy", candidate_policy)
    yield seen


def with_signing(tmp_path: Path, gates: Gates = ALL, **more: Any) -> Any:
    made = gate_context(tmp_path, gates=gates, **more)
    signed = made.target.environment.model_copy(update={"signing": Signing(required=True)})
    return replace(made, target=replace(made.target, environment=signed))


def names(outcomes: tuple[Outcome, ...]) -> list[str]:
    return [outcome.gate for outcome in outcomes]


def test_every_gate_is_asked_where_it_is_demanded(tmp_path: Path) -> None:
    begun: list[str] = []
    outcomes = evaluate_gates(with_signing(tmp_path), begun=begun.append)
    assert names(outcomes) == begun == [gate.name for gate in GATES]
    assert begun == [
        *("metrics", "not-worse", "slices", "golden-rows", "latency"),
        *("age", "signature", "policy", "artifact-scan", "approval"),
    ]


def test_three_gates_are_asked_always(tmp_path: Path) -> None:
    assert names(evaluate_gates(gate_context(tmp_path))) == ["golden-rows", "policy", "artifact-scan"]


def test_a_rollback_is_not_compared_with_what_is_served_now(tmp_path: Path) -> None:
    back = replace(with_signing(tmp_path), is_rollback=True)
    outcomes = evaluate_gates(replace(back, rollback_command="kickstand rollback staging --to 2"))
    assert names(outcomes) == ["metrics", "golden-rows", "policy", "artifact-scan"]
    assert {outcome.how_to_check for outcome in outcomes} == {"kickstand rollback staging --to 2"}
    assert back.rerun_command("metrics") == "kickstand rollback staging"


def test_an_environments_own_release_is_not_compared_with_itself(tmp_path: Path) -> None:
    made = with_signing(tmp_path)
    asked = names(evaluate_gates(replace(made, source=made.target)))
    assert "not-worse" not in asked
    assert "slices" not in asked
    assert "approval" in asked


def test_policy_is_asked_about_the_candidate(tmp_path: Path, policy: list[Any]) -> None:
    made = gate_context(tmp_path)
    candidate = made.release.model_copy(update={"environment": "staging", "source_commit": "f00d"})
    (outcome,) = evaluate_gates(replace(made, candidate=candidate), only=("policy",))
    assert (outcome.passed, outcome.figure, outcome.limit) == (True, "0 findings, 0 warnings", "0 findings")
    ((name, fields),) = policy
    assert (name, fields["environment"], fields["source_commit"]) == ("staging", "staging", "f00d")


def test_whatever_goes_wrong_is_a_failed_gate(tmp_path: Path) -> None:
    """Given a source whose endpoint may not be looked at; then what needs it fails with AWS's words, the rest runs."""
    outcomes = evaluate_gates(with_signing(tmp_path, source=Account(endpoint_denied=True)))
    by_name = {outcome.gate: outcome for outcome in outcomes}
    assert len(by_name) == 10
    for name in ("not-worse", "slices", "golden-rows", "latency", "age"):
        assert not by_name[name].passed
        assert "sagemaker:DescribeEndpoint" in by_name[name].figure
    assert by_name["metrics"].passed
    assert by_name["policy"].passed
    assert "no" in by_name["signature"].figure
    assert by_name["signature"].how_to_check == "kickstand release verify dev"


def test_all_that_a_gate_found_is_told(tmp_path: Path) -> None:
    """The first problem is the figure; with more than one, each is in the details with its place and its fix."""
    first = Problem("One.", "here", "Fix it.")
    outcomes = [
        evaluate_gate(replace(GATES[0], evaluate=judge), made := gate_context(tmp_path), Evidence(made, tmp_path))
        for judge in (raising(first), raising(first, Problem("Two.")), raising(Problem("x" * 400)))
    ]
    assert [(outcome.figure[:20], outcome.details) for outcome in outcomes[:2]] == [
        ("One.", ("here: Fix it.",)),
        ("One. (and 1 more)", ("here: One. Fix it.", "Two.")),
    ]
    assert (len(outcomes[2].figure), outcomes[2].details) == (300, ("x" * 400,))


def raising(*problems: Problem) -> Any:
    def judge(_: Any, __: Any) -> Any:
        raise KickstandError(*problems)

    return judge


def test_a_gate_that_is_none_and_one_that_is_not_asked(tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        evaluate_gates(gate_context(tmp_path), only=("golden-row", "latency"))
    first, second = refused.value.problems
    assert first.message.startswith("There is no gate golden-row; they are metrics, not-worse, ")
    assert second.message == "staging does not check the gate latency of this release."


def test_one_gate_alone_is_asked_from_where_it_was(tmp_path: Path) -> None:
    made = gate_context(tmp_path, gates=Gates(min_age_hours=1.0))
    (outcome,) = evaluate_gates(made, only=("age",))
    assert (outcome.passed, outcome.figure) == (True, "served for 48 hours")
    assert outcome.how_to_check == "kickstand gate staging --only age"
    assert made.rerun_command("age") == outcome.how_to_check
    own = replace(made, source=made.target)
    assert own.rerun_command("age") == "kickstand gate staging --from staging --only age"


def test_nothing_is_written(tmp_path: Path) -> None:
    made = with_signing(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    evaluate_gates(made)
    assert sorted(tmp_path.rglob("*")) == before


OUTCOME = Outcome(
    gate="not-worse",
    passed=False,
    figure="original:rmse 41.2301 against 40.8701: +0.88 %, interval -0.4 % to +2.1 %",
    limit="interval ends at +2 % or below",
    how_to_check="kickstand --local --config /a/very/long/way/to/kickstand.toml evaluate dev; "
    "kickstand evaluate staging",
    details=("bikes-dev and bikes-staging were asked for the same 6,493 rows of /data/test.csv, one by one.",),
)


def test_the_screen_is_legible_at_80_columns_without_colour() -> None:
    assert [line.plain for line in outcome_lines(OUTCOME, 80)] == [
        "FAIL  not-worse      original:rmse 41.2301 against 40.8701: +0.88 %, interval",
        "                     -0.4 % to +2.1 %",
        "      limit: interval ends at +2 % or below",
        "      bikes-dev and bikes-staging were asked for the same 6,493 rows of",
        "        /data/test.csv, one by one.",
        f"      see:   {OUTCOME.how_to_check}",
    ]


def test_passed_gates_may_be_told_in_short() -> None:
    passed = replace(OUTCOME, passed=True, figure="fine", how_to_check="look")
    assert [line.plain for line in outcome_lines(passed, 80, details=False)] == [
        "pass  not-worse      fine",
        "      limit: interval ends at +2 % or below",
        "      see:   look",
    ]


def test_the_sum(tmp_path: Path) -> None:
    passed = replace(OUTCOME, passed=True)
    assert summary((passed, OUTCOME, replace(OUTCOME, gate="age"))) == "1 gate passed, 2 failed: not-worse, age."
    assert summary((passed, passed)) == "2 gates passed, none failed."
    with (tmp_path / "screen").open("w") as stream:
        show_outcomes(Console(file=stream, width=80, soft_wrap=True), (passed, OUTCOME))
    lines = (tmp_path / "screen").read_text().splitlines()
    assert lines[-1] == "1 gate passed, 1 failed: not-worse."
    assert "\x1b" not in "".join(lines)


def test_for_machines(tmp_path: Path) -> None:
    made = gate_context(tmp_path)
    told = json.loads(outcomes_json(made, (replace(OUTCOME, passed=True), OUTCOME)))
    assert (told["environment"], told["from"], told["passed"]) == ("staging", "dev", False)
    assert told["artifact_sha256"] == "ab" * 32
    assert told["outcomes"][1]["limit"] == "interval ends at +2 % or below"
    assert set(told["outcomes"][0]) == {"gate", "passed", "figure", "limit", "see", "details"}
