"""Deploy by the change sets of a review: those and no others, and only while everything is as it was reviewed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from deployment.assembly import AssembledStack, require_assembly
from deployment.change_set import deploy_session, describe_change_set, execute_change_set, last_change_set
from deployment.endpoint.expiry import end_watch
from deployment.endpoint.update import guarded_update
from kickstand.aws.errors import explained
from kickstand.errors import InputError, KickstandError, Problem
from review.bundle import Bundle, ChangeSet
from review.change_set_content import content_differences
from review.changes.stacks import read_pairs
from review.cost.budget import require_budget
from review.drift import detect_drift, drift_report, moved_since
from review.prepare import change_set_name, scaling_problems
from review.reports import DriftReport, StackChange
from review.verification import CurrentState, assembly_problems, executed_problems, remake, stack_problems

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_cloudformation import CloudFormationClient

    from deployment.cdk import Cdk
    from deployment.endpoint.verify import Proof
    from kickstand.release.model import Release


@dataclass(frozen=True, slots=True)
class Step:
    """One stack of a reviewed deployment."""

    change_set: ChangeSet
    review: StackChange
    state: str
    """Of the change set: CloudFormation's ExecutionStatus; GONE; EMPTY; WAITS."""
    differences: tuple[str, ...] = ()
    """What the change set does otherwise than the review says."""

    @property
    def done(self) -> bool:
        return self.state == "EXECUTE_COMPLETE"

    @property
    def to_execute(self) -> bool:
        return self.state not in ("EXECUTE_COMPLETE", "EMPTY", "WAITS")


def deploy_reviewed(
    cdk: Cdk,
    review: Bundle,
    release: Release | None,
    say: Callable[[str], None],
    *,
    now: Callable[[], datetime],
    despite_alarms: bool = False,
) -> Proof | None:
    """Execute the review's change sets, training first, and prove the endpoint; None where nothing is hosted.

    cdk: working from the assembly. Executed again, it goes on where it stopped.
    despite_alarms: see `deployment.endpoint.update.guarded_update`.
    Raises InputError where anything moved since the review, or where it is not what comes of it when it is made anew
    (nothing is changed then), KickstandError where a rollback alarm is in ALARM (likewise), a deployment failed,
    SageMaker rolled the update back, or the endpoint does not serve the release.
    """
    from deployment.deploy import prove

    steps, sessions = _checked(cdk, review, release, say, now)
    end_watch(cdk.workspace.session, cdk.workspace.names, say)
    with guarded_update(cdk, say, despite_alarms=despite_alarms):
        _execute(steps, sessions, say)
    waits = any(step.state == "WAITS" for step in steps)
    return None if release is None or waits else prove(cdk, release, say)


def _execute(steps: Sequence[Step], sessions: dict[str, boto3.Session], say: Callable[[str], None]) -> None:
    for step in steps:
        if not step.to_execute:
            say(_idle(step))
            continue
        name = step.change_set.stack
        say(f"{name}: executing {step.change_set.arn}")
        try:
            with explained("executing the change set", f"stack {name}"):
                execute_change_set(sessions[name], step.change_set.arn, step.change_set.stack_arn, show=say)
        except KeyboardInterrupt:
            message = "Interrupted; CloudFormation goes on with what it has begun."
            fix = "Wait for it, then run the same command again: it goes on with what is left."
            raise KickstandError(Problem(message, f"stack {name}", fix)) from None


def _idle(step: Step) -> str:
    if step.state == "WAITS":
        return f"{step.change_set.stack} is left. {step.change_set.waits_for}"
    words = {"EXECUTE_COMPLETE": "its change set was executed before", "EMPTY": "nothing to do"}
    return f"{step.change_set.stack}: {words[step.state]}."


def _checked(
    cdk: Cdk, review: Bundle, release: Release | None, say: Callable[[str], None], now: Callable[[], datetime]
) -> tuple[list[Step], dict[str, boto3.Session]]:
    """The steps, when nothing moved; else InputError with all that did."""
    from deployment.deploy import require_deployable
    from kickstand.signing.verify import require_signature

    environment, names = cdk.workspace.environment, cdk.workspace.names
    rerun_command = cdk.workspace.command("review")
    stacks = require_assembly(cdk.assembly(), environment, release)
    require_budget(cdk.workspace, {name: stack.template for name, stack in stacks.items()})
    if not review.change_sets:
        message = "The review has no change sets: it was not prepared."
        fix = f"Prepare it: {rerun_command} --prepare"
        raise InputError(Problem(message, f"review of {environment.name}", fix))
    with explained("reading the deployed stacks"):
        pairs = read_pairs(cdk.workspace.session.client("cloudformation"), cdk.assembly(), names)
    state = CurrentState.of(cdk.assembly(), release, pairs)
    sessions = {name: deploy_session(cdk.workspace.session, stack) for name, stack in stacks.items()}
    with explained("reading the change sets"):
        steps = list(_steps(review, stacks, cdk.workspace.session.client("cloudformation")))
    left = [step.review for step in steps if not step.done]
    problems = [
        *scaling_problems(pairs, names.hosting_stack),
        *assembly_problems(review, state, rerun_command=rerun_command),
    ]
    problems += stack_problems(left, state, rerun_command=rerun_command)
    problems += done_problems([step.review for step in steps if step.done], state, rerun_command=rerun_command)
    for name in stacks.keys() - {step.change_set.stack for step in steps}:
        problems.append(
            Problem("The review has no change set of this stack.", f"stack {name}", f"Review again: {rerun_command}")
        )
    problems += [problem for step in steps for problem in step_problems(step, review, rerun_command=rerun_command)]
    if release is not None:
        try:
            require_signature(release, cdk.workspace.release_file, environment)
        except InputError as error:
            problems += error.problems
    if not problems:  # it takes a while, and would tell the same again in other words
        say("Asking CloudFormation whether anything drifted since the review …")
        with explained("detecting drift"):
            found = detect_drift(cdk.workspace.session, names, now=now().astimezone(UTC))
        problems += drift_problems(review, found, [stack.stack for stack in left], rerun_command=rerun_command)
    if not problems and left:
        made = remake(cdk, review, release, say, now=now().astimezone(UTC), drift=found)
        problems += executed_problems(review, made, [stack.stack for stack in left], rerun_command=rerun_command)
    if problems:
        raise InputError(*(_unchanged(problem) for problem in problems))
    hosts = any(step.review.stack == names.hosting_stack and step.state != "WAITS" for step in steps)
    require_deployable(cdk, release if hosts else None, may_bootstrap=False)
    return steps, sessions


def _unchanged(problem: Problem) -> Problem:
    return Problem(f"{problem.message} Nothing was changed.", problem.where, problem.fix)


def _steps(review: Bundle, stacks: dict[str, AssembledStack], cloudformation: CloudFormationClient) -> Iterator[Step]:
    reviewed = {stack.stack: stack for stack in review.infrastructure.stacks}
    recorded = {one.stack: one for one in review.change_sets}
    for name in stacks:  # in the order of deployment
        if name not in recorded or name not in reviewed:
            continue
        one = recorded[name]
        if one.waits_for or one.empty:
            yield Step(one, reviewed[name], "WAITS" if one.waits_for else "EMPTY")
            continue
        described = describe_change_set(cloudformation, one.arn)
        if described is None:
            last = last_change_set(cloudformation, one.stack_arn)
            yield Step(one, reviewed[name], "EXECUTE_COMPLETE" if last == one.arn else "GONE")
            continue
        state = described["ExecutionStatus"]
        differences = content_differences(reviewed[name], described.get("Changes", [])) if state == "AVAILABLE" else ()
        found = (described["ChangeSetName"], described["StackName"])
        if found != (change_set_name(review.assembly_sha256), name):
            differences = (f"It is {found[0]} of the stack {found[1]}.", *differences)
        yield Step(one, reviewed[name], state, differences)


def step_problems(step: Step, review: Bundle, *, rerun_command: str) -> Iterator[Problem]:
    """Why a recorded change set is not to be executed. rerun_command: the command that reviews anew."""
    one = step.change_set
    if not step.to_execute:
        return
    prepare = f"Prepare the review again: {rerun_command} --prepare"
    place = one.arn.split(":")
    if len(place) != 6 or place[3:5] != [review.region, review.account]:
        message = f"The change set is of another account or region than {review.account} in {review.region}."
        yield Problem(message, one.arn, prepare)
    elif step.state == "GONE":
        yield Problem("The change set is gone: it was deleted, or the stack was updated otherwise.", one.arn, prepare)
    elif step.state == "OBSOLETE":
        message = "The change set is obsolete: the stack was updated since it was made."
        yield Problem(message, one.arn, f"Review what is there now: {rerun_command}")
    elif step.state == "EXECUTE_FAILED":
        message = "The change set was executed before, and its deployment failed; it can be executed only once."
        yield Problem(
            message, one.arn, f"Fix the cause, which the stack's events show, then review again: {rerun_command}"
        )
    elif step.state == "EXECUTE_IN_PROGRESS":
        message = "The change set is being executed right now."
        yield Problem(message, one.arn, "Wait for the end of that deployment, then run the same command again.")
    elif step.state != "AVAILABLE":
        yield Problem(f"The change set cannot be executed: its execution status is {step.state}.", one.arn, prepare)
    for sentence in step.differences:
        yield Problem(f"The change set is not what was reviewed. {sentence}", one.arn, f"Review again: {rerun_command}")


def done_problems(stacks: Sequence[StackChange], now: CurrentState, *, rerun_command: str) -> Iterator[Problem]:
    """A stack whose change set was executed before is no longer as that left it."""
    for stack in stacks:
        if now.live.get(stack.stack, "") != stack.template_sha256:
            message = "The change set was executed before, and the stack was updated since."
            yield Problem(message, f"stack {stack.stack}", f"Review what is there now: {rerun_command}")


def drift_problems(
    review: Bundle, found: DriftReport, stacks: Sequence[str], *, rerun_command: str
) -> Iterator[Problem]:
    """What was changed by hand since the review, in the stacks that are still to be deployed."""
    recorded, now = (_only(report, stacks) for report in (review.drift, found))
    for sentence in moved_since(recorded, now):
        fix = f"Undo it by hand, or review what is there now: {rerun_command}"
        yield Problem(
            f"The environment was changed by hand: {sentence}.", f"{review.project}-{review.environment}", fix
        )


def _only(report: DriftReport, stacks: Sequence[str]) -> DriftReport:
    return drift_report([one for one in report.stacks if one.stack in stacks], report.detected_at)
