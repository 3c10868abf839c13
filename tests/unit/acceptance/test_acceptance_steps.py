"""The acceptance run's steps as values: every question is asked, every module is there, every verdict can be both."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from acceptance.run import take, without_workspaces
from acceptance.step import Assumption, NotReady, NotRun, Observed, Outcome, Step, Verdict, World
from acceptance.steps import STEPS, copies, jobs, personas, registry
from acceptance.steps.first_deployments import RACES, Creation, evaluate_races
from kickstand.errors import KickstandError, Problem

REPOSITORY = Path(__file__).resolve().parents[3]


def test_each_of_the_nine_questions_is_a_step() -> None:
    assert {step.number for step in STEPS if step.number} == {1, 2, 3, 4, 5, 6, 7, 8, 9}


def test_the_main_job_promotion_review_and_rollback_are_steps() -> None:
    keys = [step.key for step in STEPS]
    assert len(set(keys)) == len(keys)
    assert {"train", "host", "predict", "transform", "promote", "review", "roll-back", "destroy"} <= set(keys)


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.key)
def test_a_step_names_modules_that_exist_and_needs_earlier_steps(step: Step) -> None:
    earlier = [one.key for one in STEPS[: STEPS.index(step)]]
    assert set(step.needs) <= set(earlier)
    assert step.assumptions
    assert step.if_corrected
    assert step.question.endswith("?")
    for assumption in step.assumptions:
        assert (REPOSITORY / assumption.module).is_file(), assumption.module


def test_the_modules_that_a_step_may_find_wrong_are_those_of_its_assumptions() -> None:
    """`wrong` is compared with the assumptions by name: a misspelt one would be proven whatever AWS does."""
    seen = {
        "copy": copies.evaluate_copies(
            {"a": "done", "b": "done", "c": "done"}, encrypted=False, key="k", copied=False
        ).wrong,
        "stopped-job": jobs.evaluate_stop("Stopped", {"status": "SUCCEEDED"}, "TaskSucceeded").wrong,
        "types": registry.evaluate_types({"us-east-1": registry.TYPES}).wrong,
        "drift": personas.evaluate_drift({}, [], {"s/a": ("T", "NOT_CHECKED")}, {"s/a": ("T", "IN_SYNC")}).wrong,
    }
    for key, wrong in seen.items():
        (step,) = [one for one in STEPS if one.key == key]
        assert wrong
        assert wrong <= {one.module for one in step.assumptions}


@pytest.mark.parametrize(
    ("again", "put", "wrong"),
    [
        ("PreconditionFailed", "AccessDenied", set()),
        ("done", "AccessDenied", {copies.KEPT}),  # S3 wrote over the object
        ("NotImplemented", "AccessDenied", {copies.KEPT}),  # CopyObject does not know the header
        ("PreconditionFailed", "done", {copies.ROLE}),  # the condition of the policy does not bite
    ],
)
def test_a_conditional_copy_is_judged_by_its_answers(again: str, put: str, wrong: set[str]) -> None:
    answers = {"again": again, "copy": "AccessDenied", "put": put}
    assert copies.evaluate_copies(answers, encrypted=True, key="k", copied=True).wrong == wrong


@pytest.mark.parametrize(
    ("execution", "task", "wrong"),
    [
        ("FAILED", "TaskFailed", set()),
        ("FAILED", "TaskSucceeded", {jobs.EMULATED}),
        ("SUCCEEDED", "TaskSucceeded", {jobs.EMULATED, jobs.DEFINITION}),
    ],
)
def test_a_stopped_job_corrects_the_module_that_assumed_otherwise(execution: str, task: str, wrong: set[str]) -> None:
    assert jobs.evaluate_stop("Stopped", {"status": execution}, task).wrong == wrong


def test_a_job_that_had_completed_before_it_was_stopped_says_nothing() -> None:
    with pytest.raises(NotRun, match="ended as Completed"):
        jobs.evaluate_stop("Completed", {"status": "SUCCEEDED"}, "TaskSucceeded")


def test_resource_types_are_compared_with_the_table_both_ways() -> None:
    group = ("AWS::SageMaker::ModelPackageGroup",)
    as_expected = registry.evaluate_types(
        {"ap-south-2": group, "eu-west-1": (), "cn-north-1": "is of another partition"}
    )
    assert as_expected.wrong == frozenset()
    assert as_expected.lines[2] == "cn-north-1 is of another partition"
    assert registry.evaluate_types({"ap-south-2": ()}).wrong == {registry.MODULE}
    assert registry.evaluate_types({"eu-west-1": group}).wrong == {registry.MODULE}
    with pytest.raises(NotRun):
        registry.evaluate_types({"cn-north-1": "is of another partition"})


def test_drift_that_nobody_can_see_is_no_missing_permission() -> None:
    owner = {"s/policy": ("AWS::IAM::Policy", "NOT_CHECKED"), "s/bucket": ("AWS::S3::Bucket", "IN_SYNC")}
    assert personas.evaluate_drift({"s": "IN_SYNC"}, [], owner, owner).wrong == frozenset()
    blind = {**owner, "s/bucket": ("AWS::S3::Bucket", "NOT_CHECKED")}
    seen = personas.evaluate_drift({"s": "IN_SYNC"}, [], blind, owner)
    assert seen.wrong == {personas.DRIFT}
    assert "not seen by the reviewer alone: s/bucket (AWS::S3::Bucket, NOT_CHECKED)" in seen.lines


def test_a_race_is_no_correction_where_a_later_attempt_made_the_stack() -> None:
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    race = "M (T): The state machine IAM Role is not authorized to access the Log Destination (Service: Sfn)"
    failed, again = Creation("a", noon, (race,)), Creation("a", noon + timedelta(minutes=3), ())
    assert evaluate_races([failed, again]).wrong == frozenset()
    assert f"a: {race}" in evaluate_races([failed, again]).lines
    assert evaluate_races([again, Creation("a", noon + timedelta(minutes=9), (race,))]).wrong == {RACES}
    unknown = evaluate_races([Creation("a", noon, ("R (T): some other refusal",)), again])
    assert unknown.wrong == {RACES}
    assert "not recognised as a race: R (T): some other refusal" in unknown.lines


class Words:
    """As much of a world as `take` itself touches."""

    def say(self, line: str) -> None:
        return None

    @property
    def commands(self) -> Words:
        return self


def step(work: Any, *, needs: tuple[str, ...] = ()) -> Step:
    both = (Assumption("a.py", "A holds."), Assumption("b.py", "B holds."))
    return Step("it", "It", "Is it?", both, work, "Change it.", needs)


def taken(work: Any, **more: Any) -> Outcome:
    before, over = more.get("before", ()), more.get("over", False)
    world: Any = Words()
    return take(step(work, needs=more.get("needs", ())), world, before, over=over)


def test_what_a_step_saw_decides_assumption_by_assumption() -> None:
    outcome = taken(lambda world: Observed(("seen",), frozenset({"b.py"})))
    assert outcome.verdict is Verdict.CORRECTED
    assert [outcome.of(one) for one in outcome.step.assumptions] == [Verdict.PROVEN, Verdict.CORRECTED]
    assert taken(lambda world: Observed(("seen",))).verdict is Verdict.PROVEN


def test_what_aws_refuses_corrects_all_that_the_step_assumes() -> None:
    def refused(world: World) -> Observed:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "CopyObject")

    outcome = taken(refused)
    assert outcome.verdict is Verdict.CORRECTED
    assert "CopyObject: AccessDenied: no." in outcome.lines[0]
    assert {outcome.of(one) for one in outcome.step.assumptions} == {Verdict.CORRECTED}


def test_a_step_is_not_run_without_what_it_needs_without_time_or_by_its_own_reason() -> None:
    def never(world: World) -> Observed:
        raise AssertionError("it was run")

    def unable(world: World) -> Observed:
        raise NotRun("Needs a second account.")

    failed = Outcome(Step("first", "First", "?", (), never, ""), Verdict.CORRECTED, ())
    lacking = taken(never, needs=("first",), before=[failed])
    assert (lacking.verdict, lacking.lines) == (Verdict.NOT_RUN, ("It needs what is not proven: First.",))
    assert taken(never, over=True).lines == ("The run had taken 180 minutes.",)
    assert taken(unable).lines == ("Needs a second account.",)
    # Its own reason is an answer; the others leave a question open, and the run does not end with 0.
    assert [one.unanswered for one in (lacking, taken(never, over=True), taken(unable))] == [True, True, False]


def test_an_account_that_is_not_ready_is_no_correction_and_no_success() -> None:
    def unready(world: World) -> Observed:
        raise NotReady("The account is not ready. `kickstand doctor dev` ended with exit code 1:\nquota: 0")

    outcome = taken(unready)
    assert (outcome.verdict, outcome.unanswered) == (Verdict.NOT_RUN, True)
    assert outcome.lines == ("The account is not ready. `kickstand doctor dev` ended with exit code 1:\nquota: 0",)


def test_a_failed_command_keeps_its_last_lines() -> None:
    def failing(world: World) -> Observed:
        raise KickstandError(Problem("`kickstand fit dev` ended with exit code 1:\nerror: no"))

    assert taken(failing).lines == ("`kickstand fit dev` ended with exit code 1:\nerror: no",)


def test_a_step_that_names_a_module_that_it_assumes_nothing_of_is_broken(tmp_path: Path) -> None:
    """Its verdict would be lost: nobody would see which assumption was corrected."""
    outcome = broken(lambda world: Observed(("seen",), frozenset({"c.py"})), tmp_path)
    assert outcome.unanswered
    assert outcome.verdict is Verdict.NOT_RUN
    assert "it has no assumption of c.py" in outcome.lines[0]


def test_a_fault_of_a_step_is_no_verdict_and_lies_in_the_log(tmp_path: Path) -> None:
    outcome = broken(lambda world: dict[str, Any]()["nothing"], tmp_path)
    assert outcome.lines == ("The step itself failed, which says nothing about AWS: KeyError: 'nothing'",)
    assert "KeyError: 'nothing'" in (tmp_path / "it.traceback.txt").read_text()


def broken(work: Any, logs: Path) -> Outcome:
    world: Any = Words()
    world.logs = logs
    return take(step(work), world, (), over=False)


def test_a_report_names_no_folder_of_this_machine() -> None:
    lines = (
        "run /home/kim/x/.kickstand/acceptance/ks-accept-42cf/project/kickstand.toml now",
        "error: /home/kim/ks-accept-42cf/logs/05.txt: it failed",
        f"`{REPOSITORY}/app.py` and s3://ks-accept-42cf-dev-1/project/x",
    )
    assert without_workspaces(lines) == (
        "run kickstand.toml now",
        "error: logs/05.txt: it failed",
        "`app.py` and s3://ks-accept-42cf-dev-1/project/x",
    )
