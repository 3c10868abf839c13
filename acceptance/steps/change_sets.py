"""Change sets: what CloudFormation lists where only a stack's tags change, and what it asks of who makes one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from acceptance.own_stacks import persona
from acceptance.project import PROBE_TAG
from acceptance.step import Assumption, Observed, Step, World
from acceptance.waiting import Deadline, retried_until_allowed
from deployment.change_set import delete_change_set, describe_change_set
from kickstand.aws.errors import error_code
from kickstand.names import Names, partition
from review.change_set_content import content_differences
from review.changes.resources import stack_change
from review.changes.stacks import live_pairs
from review.changes.template import StackScope as StackPlace

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

NAME = "kickstand-acceptance"
SECONDS = 300.0
PREDICTED, PREPARING = "review/changes/resources.py", "infra/policies/automation.py"
_PREPARERS = ("Preparer", "PreparerWithoutParameters", "PreparerWithoutTags")


def retag(world: World) -> Observed:
    """Twice for each stack: a change set of the template as it is, with one more tag, beside what a review predicts."""
    workspace, cloudformation = world.workspace(), world.client("cloudformation")
    lines: list[str] = []
    wrong = False
    for pair in live_pairs(cloudformation, workspace.names):
        tags = {**pair.live_tags, PROBE_TAG: "1"}
        planned = replace(pair, planned=pair.live, planned_tags=tags)
        where = StackPlace(workspace.environment.account, workspace.environment.region, pair.stack)
        predicted = stack_change(planned, where)
        seen = []
        for _ in range(2):
            made = make(cloudformation, workspace.names, pair.stack, tags)
            delete_change_set(cloudformation, cloudformation, made["ChangeSetId"])
            seen.append(made.get("Changes", []))
        listed = sorted({one["ResourceChange"]["ResourceType"] for one in seen[0]})
        lines.append(f"{pair.stack}: the change set lists {len(seen[0])} resources: {', '.join(listed) or 'none'}")
        differing = [*content_differences(predicted, seen[0]), *_between(seen)]
        lines += differing or [f"{pair.stack}: the same as a review predicts, both times"]
        wrong = wrong or bool(differing)
    return Observed(tuple(lines), frozenset({PREDICTED} if wrong else ()))


def _between(seen: list[list[dict[str, Any]]]) -> list[str]:
    """What the second change set lists otherwise than the first."""
    first, second = ({one["ResourceChange"]["LogicalResourceId"] for one in changes} for changes in seen)
    return [f"{name} is listed in one of two equal change sets" for name in sorted(first ^ second)]


def make(cloudformation: CloudFormationClient, names: Names, stack: str, tags: Mapping[str, str]) -> Mapping[str, Any]:
    """A change set of a stack's own template with some tags, described when CloudFormation is done with it."""
    environment = names.environment
    iam = f"arn:{partition(environment.region)}:iam::{environment.account}"
    role = f"cdk-{environment.bootstrap.qualifier}-cfn-exec-role-{environment.account}-{environment.region}"
    arn = cloudformation.create_change_set(
        StackName=stack,
        ChangeSetName=NAME,
        UsePreviousTemplate=True,
        Parameters=[{"ParameterKey": "BootstrapVersion", "UsePreviousValue": True}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
        RoleARN=f"{iam}:role/{role}",
    )["Id"]
    patience = Deadline(f"The change set {arn}", SECONDS)
    while True:
        described = describe_change_set(cloudformation, arn) or {"Status": "FAILED", "ChangeSetId": arn}
        if described["Status"] in ("CREATE_COMPLETE", "FAILED"):
            return described
        patience.sleep(1)


def prepare(world: World) -> Observed:
    """The pipeline's preparing role makes a change set: as it is, and twice with one permission taken away."""
    workspace, lines, refused = world.workspace(), [], False
    owner = world.client("cloudformation")
    tags = {**workspace.environment.tags, PROBE_TAG: "2"}
    for who in _PREPARERS:
        cloudformation = persona(workspace, who, world.secret).client("cloudformation")
        answer = _attempt(cloudformation, owner, workspace.names, tags, patient=who == "Preparer")
        lines.append(f"{_WORDS[who]}: {answer or 'the change set is made'}")
        refused = refused or (who == "Preparer" and bool(answer))
    return Observed(tuple(lines), frozenset({PREPARING} if refused else ()))


_WORDS = {
    "Preparer": "with the statements of the pipeline's prepare role",
    "PreparerWithoutParameters": "without ssm:GetParameters",
    "PreparerWithoutTags": "without cloudformation:TagResource",
}


def _attempt(
    cloudformation: CloudFormationClient,
    owner: CloudFormationClient,
    names: Names,
    tags: Mapping[str, str],
    *,
    patient: bool,
) -> str:
    """Make a change set of the training stack and delete it; empty where it could be made, else AWS's refusal."""

    def call() -> Mapping[str, Any]:
        return make(cloudformation, names, names.training_stack, tags)

    try:
        made = retried_until_allowed(call, seconds=30) if patient else call()
    except ClientError as error:
        return f"{error_code(error)}: {error.response['Error']['Message']}"
    finally:
        left = describe_change_set(owner, NAME, names.training_stack)
        if left is not None:
            delete_change_set(owner, owner, left["ChangeSetId"])
    return "" if made["Status"] == "CREATE_COMPLETE" else str(made.get("StatusReason", "no reason given"))


RETAG = Step(
    "stack-tags",
    "Change sets of stack tags alone",
    "Which resources does a change set list where nothing but the stack's tags changes?",
    (
        Assumption(
            PREDICTED, "It lists every resource of the template but those of the types that the module leaves out."
        ),
    ),
    retag,
    "The types that differ belong into (or out of) the module's table of untagged types; until then "
    "`review --prepare` refuses a change of tags as “not what was reviewed”.",
    needs=("host",),
    number=3,
)
PREPARE = Step(
    "prepare-role",
    "The role that prepares change sets",
    "Does CreateChangeSet by the pipeline's prepare role work, and does it need ssm:GetParameters and "
    "cloudformation:TagResource?",
    (Assumption(PREPARING, "The role's statements suffice for a change set of a stack with tags."),),
    prepare,
    "The refusal names the action that the role lacks. What is made without a permission does not need that one.",
    needs=("train",),
    number=4,
)
