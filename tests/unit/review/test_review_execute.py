"""When the change sets of a review are not executed: each reason by name, with what to do."""

from __future__ import annotations

from dataclasses import astuple
from typing import Any

import pytest
from reviews import bundle, change_set, drift, drifted, hosting, training

from review.execute import Step, done_problems, drift_problems, step_problems
from review.reports import StackChange
from review.verification import CurrentState, assembly_problems, stack_problems

AGAIN = "kickstand review dev"
NOW = CurrentState("a1", "r1", {"bikes-dev-training": "t1", "bikes-dev-hosting": "h1"})
ARN = change_set("bikes-dev-hosting").arn


def step(state: str, *differences: str, review: StackChange | None = None, **more: Any) -> Step:
    return Step(change_set("bikes-dev-hosting", **more), review or hosting(), state, differences)


def test_nothing_moved_nothing_is_said() -> None:
    review = bundle()
    assert [*assembly_problems(review, NOW, rerun_command=AGAIN)] == []
    assert [*stack_problems(review.infrastructure.stacks, NOW, rerun_command=AGAIN)] == []
    assert [*step_problems(step("AVAILABLE"), review, rerun_command=AGAIN)] == []
    assert [*drift_problems(review, drift(), ["bikes-dev-training"], rerun_command=AGAIN)] == []


def test_another_assembly_and_another_release_are_both_told() -> None:
    found = [
        astuple(one)[:3] for one in assembly_problems(bundle(), CurrentState("a2", "", NOW.live), rerun_command=AGAIN)
    ]
    assert found == [
        (
            "The cloud assembly is not the reviewed one: reviewed a1, found a2.",
            "assembly",
            "Deploy the assembly that was reviewed (--assembly DIR), or review this one: kickstand review dev",
        ),
        (
            "The release is not the reviewed one: reviewed r1, found no release.",
            "releases/dev.json",
            "Review it: kickstand review dev",
        ),
    ]


@pytest.mark.parametrize(
    ("stack", "live", "expected"),
    [
        (hosting(), "h9", "The stack was updated since the review: its template was h1, it is h9."),
        (hosting(), "", "The stack is gone: it was there when it was reviewed."),
        (
            hosting(exists=False, live_template_sha256=""),
            "h9",
            "The stack was made since the review: there was none.",
        ),
    ],
)
def test_a_live_stack_that_moved(stack: StackChange, live: str, expected: str) -> None:
    now = CurrentState("a1", "r1", {"bikes-dev-hosting": live})
    (problem,) = stack_problems([stack], now, rerun_command=AGAIN)
    assert astuple(problem)[:3] == (
        expected,
        "stack bikes-dev-hosting",
        "Review what is there now: kickstand review dev",
    )


@pytest.mark.parametrize(
    ("state", "expected", "fix"),
    [
        ("GONE", "The change set is gone: it was deleted, or the stack was updated otherwise.", "Prepare the review"),
        ("OBSOLETE", "The change set is obsolete: the stack was updated since it was made.", "Review what is there"),
        (
            "EXECUTE_FAILED",
            "The change set was executed before, and its deployment failed; it can be executed only once.",
            "Fix the cause",
        ),
        ("EXECUTE_IN_PROGRESS", "The change set is being executed right now.", "Wait for the end"),
        (
            "UNAVAILABLE",
            "The change set cannot be executed: its execution status is UNAVAILABLE.",
            "Prepare the review",
        ),
    ],
)
def test_a_change_set_that_cannot_be_executed(state: str, expected: str, fix: str) -> None:
    (problem,) = step_problems(step(state), bundle(), rerun_command=AGAIN)
    assert (problem.message, problem.where) == (expected, ARN)
    assert problem.fix.startswith(fix)


@pytest.mark.parametrize("state", ["EMPTY", "WAITS", "EXECUTE_COMPLETE"])
def test_what_is_not_executed_is_no_problem(state: str) -> None:
    assert [*step_problems(step(state), bundle(), rerun_command=AGAIN)] == []
    assert not step(state).to_execute


def test_a_change_set_of_another_account_is_named() -> None:
    arn = ARN.replace("111122223333", "444455556666")
    (problem,) = step_problems(step("AVAILABLE", arn=arn), bundle(), rerun_command=AGAIN)
    assert problem.message == "The change set is of another account or region than 111122223333 in us-east-1."


def test_a_change_set_that_does_something_else_is_named() -> None:
    (problem,) = step_problems(step("AVAILABLE", "Role is to be added."), bundle(), rerun_command=AGAIN)
    assert problem.message == "The change set is not what was reviewed. Role is to be added."


def test_drift_since_the_review_is_named_and_drift_of_the_review_is_not() -> None:
    known = drifted("Bucket", "Tags: expected nothing, found 1")
    review = bundle(drift=drift(known))
    now = drift(known, drifted("BucketPolicy", status="DELETED"))
    (problem,) = drift_problems(review, now, ["bikes-dev-training"], rerun_command=AGAIN)
    assert astuple(problem)[:3] == (
        "The environment was changed by hand: BucketPolicy is DELETED (AWS::S3::BucketPolicy) of bikes-dev-training, "
        "since the review.",
        "bikes-dev",
        "Undo it by hand, or review what is there now: kickstand review dev",
    )


def test_drift_that_was_undone_since_the_review_is_named_too() -> None:
    review = bundle(drift=drift(drifted("Bucket", "Tags: expected nothing, found 1")))
    (problem,) = drift_problems(review, drift(), ["bikes-dev-training"], rerun_command=AGAIN)
    assert problem.message == (
        "The environment was changed by hand: Bucket is MODIFIED (Tags: expected nothing, found 1) of "
        "bikes-dev-training no more, as the review has it."
    )


def test_drift_of_a_stack_that_is_deployed_already_is_not_asked_about() -> None:
    assert [*drift_problems(bundle(), drift(drifted("Bucket")), ["bikes-dev-hosting"], rerun_command=AGAIN)] == []


def test_a_stack_that_was_deployed_and_then_updated_is_named() -> None:
    (problem,) = done_problems(
        [training()], CurrentState("a1", "r1", {"bikes-dev-training": "t9"}), rerun_command=AGAIN
    )
    assert problem.message == "The change set was executed before, and the stack was updated since."
    assert [*done_problems([training()], NOW, rerun_command=AGAIN)] == []
