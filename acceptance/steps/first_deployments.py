"""Stacks that are made from nothing, again and again: what IAM's delays and the endpoint's log group do to them."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from acceptance.leftovers import find
from acceptance.own_stacks import creation_failures, personas_stack
from acceptance.project import ENVIRONMENTS, SOURCE, TARGET
from acceptance.step import Assumption, NotRun, Observed, Step, World
from acceptance.waiting import Deadline
from deployment.destroy import delete_stack
from deployment.failures import is_role_race
from kickstand.aws.deployed import find_stack
from kickstand.aws.errors import AWS_FAILURES
from kickstand.workspace import Workspace

DEPLOY_MINUTES, DESTROY_MINUTES = 40, 25
RACES, ROLE, LOGS = "deployment/failures.py", "infra/policies/execution.py", "infra/constructs/storage.py"
WATCH_SECONDS = 1.0


def training_stacks(world: World) -> Observed:
    """Three first deployments of a training stack: both environments at once, then one from nothing again."""
    commands = world.commands
    both = [("deploy", name, "--yes") for name in ENVIRONMENTS]
    commands.together(*both, minutes=DEPLOY_MINUTES)
    commands.kickstand("destroy", TARGET, "--yes", minutes=DESTROY_MINUTES)
    commands.kickstand("deploy", TARGET, "--yes", *world.assembled(TARGET), minutes=DEPLOY_MINUTES)
    return Observed(("two training stacks were made at once, one was destroyed and made again",))


def again(world: World) -> Observed:
    """The hosting stack destroyed and deployed at once, twice; with the first deployment it is made three times."""
    for _ in range(2):
        with watched(world, SOURCE):
            world.commands.kickstand("destroy", SOURCE, "--hosting", "--yes", minutes=DESTROY_MINUTES)
            world.unhost(SOURCE)
        world.host(SOURCE)
        world.commands.kickstand("deploy", SOURCE, "--yes", *world.assembled(SOURCE), minutes=DEPLOY_MINUTES)
    return Observed(("the hosting stack was destroyed and deployed at once, twice, and served its release each time",))


def destroy(world: World) -> Observed:
    """Both environments, the roles that stand for people first: a policy in use cannot be deleted."""
    for name in ENVIRONMENTS:
        patience = Deadline("The stack of personas", 600)
        workspace = world.workspace(name)
        delete_stack(
            workspace.session, personas_stack(workspace.names.prefix), show=lambda line: None, sleep=patience.sleep
        )
    with watched(world, SOURCE):
        world.commands.together(*[("destroy", name, "--yes") for name in ENVIRONMENTS], minutes=DESTROY_MINUTES)
    world.unhost(*ENVIRONMENTS)
    left = [
        one.line() for name in ENVIRONMENTS for one in find(world.workspace(name)) if not _by_design(one.what, one.name)
    ]
    lines = ("`kickstand destroy` ended well for both", *(f"left: {line}" for line in left))
    return Observed(lines, frozenset({"deployment/destroy.py"} if left else ()))


def _by_design(what: str, name: str) -> bool:
    """What is the run's own, or of SageMaker's one log group for all jobs: removed after this step."""
    return name.endswith("-key") or what in ("training logs", "transform logs")


@contextmanager
def watched(world: World, name: str) -> Iterator[None]:
    """Look at the endpoint's log group while its stack goes: is there another of that name, if only for a moment?"""
    workspace, over, found = world.workspace(name), threading.Event(), threading.Event()
    before = created(workspace)

    def look() -> None:
        while not over.wait(WATCH_SECONDS):
            if created(workspace) not in (None, before):
                found.set()

    thread = threading.Thread(target=look, name="log-group", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        world.returned_logs.append(found.is_set() or orphaned(workspace))


def created(workspace: Workspace) -> int | None:
    """When the endpoint's log group was made, in milliseconds; None where there is none, or AWS does not answer."""
    group = workspace.names.endpoint_log_group
    try:
        groups = workspace.session.client("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    except AWS_FAILURES:
        return None
    return next((int(one["creationTime"]) for one in groups if one["logGroupName"] == group), None)


def orphaned(workspace: Workspace) -> bool:
    """Whether the endpoint's log group is there and its stack is not. Where AWS does not answer: no."""
    try:
        stack = find_stack(workspace.session.client("cloudformation"), workspace.names.hosting_stack)
    except AWS_FAILURES:
        return False
    return stack is None and created(workspace) is not None


def log_group(world: World) -> Observed:
    """What was seen at each destruction of the hosting stack, and what is there now."""
    if not world.returned_logs:
        raise NotRun("No hosting stack was destroyed in this run.")
    times = len(world.returned_logs)
    came = sum(world.returned_logs)
    now = orphaned(world.workspace(SOURCE))
    lines = (
        f"the hosting stack was deleted {times} times; the endpoint's log group was there without it {came} times",
        f"at the end of the run it is {'there again' if now else 'not there'}",
    )
    return Observed(lines, frozenset({ROLE} if came or now else ()))


@dataclass(frozen=True, slots=True)
class Creation:
    """One stack that was made from nothing, and the reasons of the resources that could not be made."""

    stack: str
    created: datetime
    reasons: tuple[str, ...]


def races(world: World) -> Observed:
    """The reasons of every resource that could not be made, in all stacks of the run."""
    made = [one for name in ENVIRONMENTS for one in creations(world.workspace(name), since=world.began)]
    if not made:
        raise NotRun("No stack was made in this run.")
    return evaluate_races(made)


def evaluate_races(made: Sequence[Creation]) -> Observed:
    """Wrong where a reason is not recognised as such a race, or no later creation of the same stack went well."""
    failed = [one for one in made if one.reasons]
    other = [reason for one in failed for reason in one.reasons if not is_role_race(reason)]
    lost = [
        one
        for one in failed
        if not any(each.stack == one.stack and each.created > one.created and not each.reasons for each in made)
    ]
    lines = (
        f"{len(made)} stacks were made from nothing in this run; the creation of {len(failed)} failed at first",
        *dict.fromkeys(f"{one.stack}: {reason}" for one in failed for reason in one.reasons),
        *(f"not recognised as a race: {reason}" for reason in dict.fromkeys(other)),
        *(f"{one.stack} was not made by a later attempt" for one in lost),
    )
    return Observed(lines, frozenset({RACES} if lost or other else ()))


def creations(workspace: Workspace, *, since: datetime) -> list[Creation]:
    """Kickstand's stacks of an environment that were made since then, also those that are gone."""
    cloudformation = workspace.session.client("cloudformation")
    wanted = (workspace.names.training_stack, workspace.names.hosting_stack)
    found = []
    for page in cloudformation.get_paginator("list_stacks").paginate():
        for one in page["StackSummaries"]:
            if one["StackName"] in wanted and one["CreationTime"] >= since:
                reasons = tuple(creation_failures(cloudformation, one["StackId"]))
                found.append(Creation(one["StackName"], one["CreationTime"], reasons))
    return found


TRAINING_STACKS = Step(
    "training-stacks",
    "Training stacks from nothing, three times",
    "Do first deployments of the training stack succeed although IAM knows its roles only after a while?",
    (
        Assumption(
            "infra/stacks/training_stack.py", "The stack comes up before any model exists, with a customer KMS key."
        ),
        Assumption(RACES, "A first deployment succeeds, by one more attempt where IAM's delay fails the first."),
        Assumption("deployment/destroy.py", "The destroyed stack leaves nothing that keeps it from being made again."),
    ),
    training_stacks,
    "The command's last lines hold CloudFormation's reason. A text of an IAM race that is not recognised belongs to "
    "those that the deployment repeats.",
    needs=("ready",),
    number=9,
)
AGAIN = Step(
    "hosting-again",
    "Hosting destroyed and deployed at once",
    "Does the hosting stack come up again right after it was destroyed, each time?",
    (
        Assumption(LOGS, "No log group is in the way of the next deployment."),
        Assumption(RACES, "A first deployment succeeds, by one more attempt where IAM's delay fails the first."),
    ),
    again,
    "“already exists” of an AWS::Logs::LogGroup: see the step on the log group. Other reasons: see the one on IAM.",
    needs=("host",),
    number=8,
)
DESTROY = Step(
    "destroy",
    "Destroy both environments",
    "Does `kickstand destroy` leave nothing?",
    (Assumption("deployment/destroy.py", "Stacks, data, models and packages go, in an order that AWS takes."),),
    destroy,
    "What is left is listed above; the run removes it by itself after this step.",
    needs=("training-stacks",),
)
LOG_GROUP = Step(
    "log-group",
    "The endpoint's log group",
    "Does the log group come back after its stack was deleted?",
    (Assumption(ROLE, "SageMaker does not make the log group again: the role may not create it."),),
    log_group,
    "SageMaker then makes it with rights of its own. `kickstand deploy` has to take such a group into the stack, or "
    "delete it, before every deployment.",
    needs=("host",),
    number=8,
)
IAM_RACES = Step(
    "iam-races",
    "IAM races of first deployments",
    "Which first deployments failed because IAM did not know a role yet, and by which text?",
    (Assumption(RACES, "What such races say is recognised, and one more attempt succeeds."),),
    races,
    "Compare the texts above with those that the module recognises.",
    needs=("training-stacks",),
    number=9,
)
