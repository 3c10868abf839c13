"""Make the change sets of a review: exactly one a stack, each compared with what the review says.

Done in the protected job, after the pull request and before the approval. Nothing of the stacks is changed by it: a
change set does nothing until it is executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deployment.assembly import AssembledStack, require_assembly
from deployment.cdk import CdkFailedError
from deployment.change_set import delete_change_set, deploy_session, describe_change_set, is_empty
from deployment.endpoint.scaling import type_change
from deployment.endpoint.triggers import find_triggers
from deployment.failures import FailureLog
from deployment.retained import retained_by_absent
from kickstand.aws.deployed import is_no_stack
from kickstand.aws.errors import explained
from kickstand.errors import InputError, KickstandError, Problem
from review.bundle import Bundle, ChangeSet
from review.change_set_content import content_differences
from review.changes.stacks import StackPair, read_pairs
from review.cost.budget import require_budget
from review.reports import StackChange
from review.verification import CurrentState, assembly_problems, given_problems, remake, stack_problems

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

    from deployment.cdk import Cdk
    from kickstand.release.model import Release

PREFIX = "kickstand-"
"""Change sets whose names begin with it are ours: another preparation takes their place."""


def change_set_name(assembly_sha256: str) -> str:
    """The name of the change sets of one assembly, `kickstand-3f2a…`."""
    return f"{PREFIX}{assembly_sha256[:32]}"


def prepare(cdk: Cdk, review: Bundle, release: Release | None, say: Callable[[str], None], *, now: datetime) -> Bundle:
    """The review, made anew, with one change set a stack, which the account now has; former ones are gone.

    cdk: working from the assembly. now: UTC.
    Raises InputError where the review is not of what there is now, or is not what comes of it when it is made anew;
    KickstandError where a change set cannot be made or does something else than the review says; no change set is
    left then.
    """
    environment = cdk.workspace.environment
    rerun_command = cdk.workspace.command("review")
    stacks = require_assembly(cdk.assembly(), environment, release)
    require_budget(cdk.workspace, {name: stack.template for name, stack in stacks.items()})
    with explained("reading the deployed stacks"):
        pairs = read_pairs(cdk.workspace.session.client("cloudformation"), cdk.assembly(), cdk.workspace.names)
    state = CurrentState.of(cdk.assembly(), release, pairs)
    reviewed = [stack for stack in review.infrastructure.stacks if stack.stack in stacks]
    problems = [
        *scaling_problems(pairs, cdk.workspace.names.hosting_stack),
        *assembly_problems(review, state, rerun_command=rerun_command),
        *stack_problems(reviewed, state, rerun_command=rerun_command),
    ]
    if not problems:
        made = remake(cdk, review, release, say, now=now)
        problems += given_problems(review, made, rerun_command=rerun_command)
    if problems:
        raise InputError(*problems)
    review, reviewed = made, [stack for stack in made.infrastructure.stacks if stack.stack in stacks]
    waits = waiting(cdk, release, reviewed)
    preparation = Preparation(cdk, stacks, change_set_name(review.assembly_sha256), say)
    with explained("removing the change sets of a former preparation"):
        preparation.remove_former()
    change_sets: list[ChangeSet] = []
    try:
        for stack in reviewed:
            if stack.stack in waits:
                reason = waits[stack.stack]
                change_sets.append(ChangeSet(stack=stack.stack, arn="", stack_arn="", waits_for=reason))
                say(f"{stack.stack}: no change set yet. {waits[stack.stack]}")
            else:
                change_sets.append(preparation.make(stack))
    except BaseException:
        preparation.take_back(change_sets)
        raise
    return review.model_copy(update={"change_sets": tuple(change_sets)})


def waiting(cdk: Cdk, release: Release | None, stacks: Sequence[StackChange]) -> dict[str, str]:
    """The stacks that cannot be prepared yet, each with what it waits for.

    Hosting waits where its model is to lie in a bucket that the training stack is still to make. Otherwise the model
    must be there, as must the CDK's bootstrap stack, and nothing of a destroyed environment may be in the way:
    KickstandError.
    """
    from deployment.deploy import require_deployable

    names = cdk.workspace.names
    exists = {stack.stack: stack.exists for stack in stacks}
    waits = {}
    own_bucket = not cdk.workspace.environment.storage.existing_bucket
    if names.hosting_stack in exists and own_bucket and not exists.get(names.training_stack, True):
        waits[names.hosting_stack] = (
            f"Hosting waits for {names.training_stack}, which makes the bucket that its model lies in: deploy training "
            f"first, bring the model there, then review again."
        )
    require_deployable(cdk, None if waits else release, may_bootstrap=False)
    with explained("looking for what a destroyed environment kept"):
        kept = retained_by_absent(cdk)
    if kept:
        message = f"What a destroyed environment kept is in the way of its stack: {', '.join(kept)}."
        fix = f"Take it back: {cdk.workspace.command('deploy', '--take-back')}. Then review again."
        raise KickstandError(Problem(message, names.prefix, fix))
    return waits


def scaling_problems(pairs: Sequence[StackPair], hosting: str) -> Iterator[Problem]:
    """A change of instance type of an endpoint that scales: no single change set can do it."""
    for pair in pairs:
        if pair.stack == hosting and (change := type_change(pair.live, pair.planned)) is not None:
            message = f"The instance type changes from {change.before} to {change.after} while the endpoint scales."
            fix = (
                "Two reviews do it: first take [hosting.scaling] out with the old type, then write it again with the "
                "new one."
            )
            yield Problem(f"{message} SageMaker refuses that.", f"stack {hosting}", fix)


@dataclass(frozen=True, slots=True)
class Preparation:
    """Makes, compares and removes the change sets of one assembly."""

    cdk: Cdk
    stacks: dict[str, AssembledStack]
    name: str
    say: Callable[[str], None]

    def make(self, review: StackChange) -> ChangeSet:
        """One stack's change set, by the CDK command line, equal in content to the review; with rollback triggers
        where it updates the hosting stack.

        KickstandError: it could not be made, or it is not equal; it is deleted then.
        """
        stack = self.stacks[review.stack]
        self.say(f"{review.stack}: making the change set {self.name} …")
        session, names = self.cdk.workspace.session, self.cdk.workspace.names
        with explained("looking for rollback triggers", f"stack {stack.name}"):
            triggers = find_triggers(session, names) if stack.name == names.hosting_stack else None
        if triggers is not None:
            self.say(f"{review.stack}: {triggers.sentence}")
        watching = () if triggers is None else triggers.words
        how = ("--exclusively", "--method=prepare-change-set", "--change-set-name", self.name, *watching)
        log = FailureLog.open(self._reader(), (stack.name,))
        try:
            self.cdk.run("deploy", stack.display_name, *how, "--require-approval", "never")
        except CdkFailedError as error:
            reasons = log.reasons()
            self._remove(stack, self.name)
            raise CdkFailedError(*reasons, *error.problems) from None
        except BaseException:
            self._remove(stack, self.name)
            raise
        with explained("reading the change set", f"stack {stack.name}"):
            described = describe_change_set(self._reader(), self.name, stack.name)
            if described is None:
                raise KickstandError(Problem("The CDK command line made no change set.", f"stack {stack.name}"))
            arn, empty = described["ChangeSetId"], is_empty(described)
            problems = list(self._problems(review, described, empty))
            if problems or empty:  # an empty one is FAILED: it can only be in the way
                delete_change_set(self._reader(), self._writer(stack), arn)
        if problems:
            raise KickstandError(*problems)
        self.say(f"{review.stack}: {'nothing to do' if empty else 'equal to the review'}.")
        return ChangeSet(stack=stack.name, arn=arn, stack_arn=described["StackId"], empty=empty)

    def _problems(self, review: StackChange, described: Mapping[str, Any], empty: bool) -> Iterator[Problem]:
        if described["Status"] != "CREATE_COMPLETE" and not empty:
            reason = described.get("StatusReason", "no reason given")
            yield Problem(f"CloudFormation could not make the change set: {reason}", f"stack {review.stack}")
            return
        for sentence in content_differences(review, [] if empty else described.get("Changes", [])):
            fix = f"Review again, or find out why they differ: {self.cdk.workspace.command('review')}"
            yield Problem(f"The change set is not what was reviewed. {sentence}", f"stack {review.stack}", fix)

    def remove_former(self) -> None:
        """Delete the change sets of earlier preparations: those of the stacks with our name, as CloudFormation lists
        them. What a review's file says of them is somebody's word."""
        for stack in self.stacks.values():
            reader = self._reader()
            for arn in sorted(_ours(reader, stack.name)):
                delete_change_set(reader, self._writer(stack), arn)

    def take_back(self, made: Sequence[ChangeSet]) -> None:
        """Delete what was made, after a failure."""
        for one in made:
            if one.arn and not one.empty:
                self._remove(self.stacks[one.stack], one.arn)

    def _remove(self, stack: AssembledStack, name: str) -> None:
        """Delete a change set by name or ARN, on the way out of a failure: its own failure must not hide that."""
        try:
            described = describe_change_set(self._reader(), name, stack.name)
            if described is not None:
                delete_change_set(self._reader(), self._writer(stack), described["ChangeSetId"])
        except Exception as error:
            self.say(f"The change set {name} of {stack.name} is left: {error}")

    def _reader(self) -> Any:
        """With the caller's own rights, as the reviewer policy gives them: an old deploy role lists no change sets."""
        return self.cdk.workspace.session.client("cloudformation")

    def _writer(self, stack: AssembledStack) -> Any:
        return deploy_session(self.cdk.workspace.session, stack).client("cloudformation")


def _ours(cloudformation: CloudFormationClient, stack: str) -> Iterator[str]:
    from botocore.exceptions import ClientError

    try:
        for page in cloudformation.get_paginator("list_change_sets").paginate(StackName=stack):
            for one in page["Summaries"]:
                # Executed ones are the record of what was done.
                if one["ChangeSetName"].startswith(PREFIX) and not one["ExecutionStatus"].startswith("EXECUTE_"):
                    yield one["ChangeSetId"]
    except ClientError as error:
        if not is_no_stack(error):
            raise
