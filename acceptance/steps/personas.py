"""What people can do who have nothing but Kickstand's own policies: register a model, detect drift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from acceptance.own_stacks import persona
from acceptance.step import Assumption, Observed, Step, World
from acceptance.waiting import Deadline, retried_until_allowed
from kickstand.aws.s3 import artifact_bucket
from review.drift import detect_drift
from training.model.artifact import Registration, model_quality, register, write_metrics

FITTER, PACKAGE, DRIFT = "infra/policies/people.py", "training/model/artifact.py", "infra/policies/drift.py"
DRIFT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class NamedJob:
    """What a package says of the job that made its artifact."""

    name: str
    metrics: dict[str, float]


def register_package(world: World) -> Observed:
    """The fitter alone registers the released artifact once more, under another job's name."""
    workspace, release = world.workspace(), world.workspace().release()
    session = persona(workspace, "Fitter", world.secret)
    quality = model_quality(release.metrics, release.hyperparameters.get("objective", ""))
    bucket = artifact_bucket(workspace.environment)
    metrics = retried_until_allowed(lambda: write_metrics(session.client("s3"), quality, bucket))
    registration = Registration(
        group=workspace.names.model_package_group,
        image_uri=release.algorithm.image_uri,
        artifact=release.artifact,
        job=NamedJob(f"{release.training_job.name}-by-a-fitter", dict(release.metrics)),
        metrics_uri=metrics,
    )
    arn = retried_until_allowed(
        lambda: register(
            session.client("sagemaker"), registration, deploy_command=f"kickstand deploy {workspace.environment.name}"
        ),
        seconds=30,
    )
    status = world.client("sagemaker").describe_model_package(ModelPackageName=arn)["ModelPackageStatus"]
    line = (
        f"a role with the policy {workspace.names.managed_policy('fitter')} alone registered {arn}, which is {status}"
    )
    return Observed((line,), frozenset() if status == "Completed" else frozenset({PACKAGE}))


def drift(world: World) -> Observed:
    """Detect drift as a reviewer, then with all rights; whatever the reviewer did not see is a missing permission."""
    workspace = world.workspace()
    reviewer = persona(workspace, "Reviewer", world.secret)
    patience = Deadline("Drift detection", DRIFT_SECONDS)
    now = datetime.now(UTC)
    report = retried_until_allowed(
        lambda: detect_drift(reviewer, workspace.names, now=now, sleep=patience.sleep), seconds=30
    )
    statuses = {one.stack: one.status for one in report.stacks}
    seen = _checked(world)
    detect_drift(workspace.session, workspace.names, now=now, sleep=patience.sleep)
    return evaluate_drift(statuses, [one.sentence for one in report.headlines], seen, _checked(world))


def _checked(world: World) -> dict[str, tuple[str, str]]:
    """Type and drift status of each resource of both stacks, by stack and logical id."""
    names, cloudformation = world.workspace().names, world.client("cloudformation")
    found = {}
    for stack in (names.training_stack, names.hosting_stack):
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        for one in (one for page in pages for one in page["StackResourceSummaries"]):
            status = one.get("DriftInformation", {}).get("StackResourceDriftStatus", "NOT_CHECKED")
            found[f"{stack}/{one['LogicalResourceId']}"] = (one["ResourceType"], status)
    return found


def evaluate_drift(
    statuses: dict[str, str],
    headlines: list[str],
    reviewer: dict[str, tuple[str, str]],
    owner: dict[str, tuple[str, str]],
) -> Observed:
    """statuses: status of each stack as the reviewer got it. reviewer, owner: type and status of each resource."""
    unseen = sorted(key for key, (_, status) in reviewer.items() if status in _UNSEEN and owner[key][1] not in _UNSEEN)
    never = sorted({kind for kind, status in owner.values() if status in _UNSEEN})
    lines = (
        *(f"{stack}: {status}" for stack, status in statuses.items()),
        f"of {len(reviewer)} resources the reviewer saw the drift of "
        f"{sum(status not in _UNSEEN for _, status in reviewer.values())}, all rights that of "
        f"{sum(status not in _UNSEEN for _, status in owner.values())}",
        f"NOT_CHECKED with all rights too: {', '.join(never) or 'none'}",
        *(f"not seen by the reviewer alone: {key} ({reviewer[key][0]}, {reviewer[key][1]})" for key in unseen),
        *headlines,
    )
    return Observed(lines, frozenset({DRIFT} if unseen or headlines else ()))


_UNSEEN = ("NOT_CHECKED", "UNKNOWN")


REGISTER = Step(
    "fitter",
    "A model package by the fitter alone",
    "Does CreateModelPackage work for a role that has the fitter policy and nothing else?",
    (
        Assumption(FITTER, "The policy has all that CreateModelPackage asks of its caller (ECR and S3 included)."),
        Assumption(PACKAGE, "The package is Completed as soon as it is made."),
    ),
    register_package,
    "The refusal names the action; the release role (infra/constructs/release_role.py) needs it too.",
    needs=("train",),
    number=5,
)
DETECT = Step(
    "drift",
    "Drift, seen with reviewer and drift alone",
    "Which resources come back as NOT_CHECKED for a role that has the policies reviewer and drift alone?",
    (Assumption(DRIFT, "Both policies suffice for the read handler of every resource type of the stacks."),),
    drift,
    "Add the read permissions of that type (aws cloudformation describe-type shows them) to the module.",
    needs=("host",),
    number=7,
)
