"""`kickstand deploy` and `destroy`: the pinned `cdk deploy` of an environment or the change sets of its review, and the
deletion of its stacks, hosting first.
"""

from __future__ import annotations

import math
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import open_workspace
from cli.options import DESPITE_ALARMS, ENV, YES, root_of
from deployment.cdk import Cdk
from kickstand.console import confirm
from kickstand.errors import InputError, KickstandError, Problem

if TYPE_CHECKING:
    from rich.console import Console

    from deployment.cdk import Cdk
    from deployment.destroy import DeletionPlan
    from deployment.endpoint.verify import Proof
    from kickstand.release.model import Release
    from kickstand.workspace import Workspace


def deploy(
    ctx: typer.Context,
    environment: ENV,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not prompt before security-relevant changes; needed without a terminal.")
    ] = False,
    reviewed: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Execute the change sets of this review.json, and no others."),
    ] = None,
    assembly: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Deploy this cloud assembly instead of synthesising one.")
    ] = None,
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Only import what a destroyed environment retained; deploy nothing.")
    ] = False,
    training: Annotated[
        bool, typer.Option("--training", help="Only deploy the training stack; what is served stays as it is.")
    ] = False,
    pipeline: Annotated[
        bool, typer.Option("--pipeline", help="Only deploy the roles of the repository's workflows ([pipeline]).")
    ] = False,
    despite_alarms: DESPITE_ALARMS = False,
) -> None:
    """Deploy the environment's stacks: training, and hosting once there is a release."""
    from deployment.assembly import require_assembly
    from deployment.deploy import deploy_environment, deploy_pipeline, deploy_training

    if not (yes or reviewed or take_back):
        _require_terminal(environment)
    workspace, console = open_workspace(ctx, environment)
    release, may_bootstrap = workspace.release_or_none(), root_of(ctx).local
    built = assembly.resolve() if assembly is not None else None
    cdk = Cdk(workspace, built)
    if built is not None:
        require_assembly(built, workspace.environment, release)
    if pipeline:
        deploy_pipeline(cdk, console.print, prompt=not yes, may_bootstrap=may_bootstrap)
        return
    if workspace.environment.max_monthly_usd is not None and not (take_back or reviewed):
        cdk = _within_budget(cdk, release)
    if training:
        deploy_training(cdk, console.print, prompt=not yes, may_bootstrap=may_bootstrap)
        return
    if take_back:
        _import_retained(cdk, console)
        return
    if reviewed:
        proof = _reviewed(cdk, release, reviewed, console, despite_alarms=despite_alarms)
    else:
        proof = deploy_environment(
            cdk,
            release,
            console.print,
            prompt=not yes,
            may_bootstrap=may_bootstrap,
            despite_alarms=despite_alarms,
        )
    if release is None:
        console.print(f"There is no release yet. Train a model: {workspace.command('fit')}")
    if proof is None:
        return
    console.print(proof.sentence())
    _show_end(workspace, console)
    console.print(f"Invoke it: {workspace.command('predict', 'ROWS.csv')}")


def _show_end(workspace: Workspace, console: Console) -> None:
    """Say when the endpoint stops by itself, if it does."""
    from deployment.endpoint.expiry import end_lines, endpoint_ends
    from kickstand.aws.errors import explained

    if workspace.environment.lifetime is None:
        return
    with explained("looking for when the endpoint stops"):
        ends = endpoint_ends(workspace.session, workspace.names, datetime.now(UTC))
    for line in end_lines(workspace.names.endpoint, ends, deploy_command=workspace.command("deploy")):
        console.print(line)


def _within_budget(cdk: Cdk, release: Release | None) -> Cdk:
    """Synthesise what is to be deployed, where it does not cost more a month than it may; else InputError."""
    from deployment.assembly import require_assembly
    from review.cost.budget import require_budget

    cdk = cdk.synthesise()
    stacks = require_assembly(cdk.assembly(), cdk.workspace.environment, release)
    require_budget(cdk.workspace, {name: stack.template for name, stack in stacks.items()})
    return cdk


def _require_terminal(environment: str) -> None:
    """Raise InputError where nobody could answer the CDK command line, which then fails in the middle."""
    if sys.stdin is None or not sys.stdin.isatty():
        message = "Security-relevant changes are asked about, and there is no terminal to answer in."
        raise InputError(Problem(f"{message} Nothing was deployed.", f"deploy {environment}", "Add --yes."))


def _reviewed(cdk: Cdk, release: Release | None, file: Path, console: Console, *, despite_alarms: bool) -> Proof | None:
    from review.bundle import read_bundle
    from review.execute import deploy_reviewed

    workspace = cdk.workspace
    bundle = read_bundle(file, workspace.environment, make=workspace.command("review"))
    cdk, now = cdk.synthesise(), lambda: datetime.now(UTC)
    return deploy_reviewed(cdk, bundle, release, console.print, now=now, despite_alarms=despite_alarms)


def _import_retained(cdk: Cdk, console: Console) -> None:
    from deployment.retained import import_retained
    from kickstand.aws.errors import explained

    with explained("looking for what a destroyed environment kept"):
        import_retained(cdk, console.print)


def destroy(
    ctx: typer.Context,
    environment: ENV,
    hosting: Annotated[
        bool, typer.Option("--hosting", help="The endpoint only: the bill stops, nothing is lost.")
    ] = False,
    yes: YES = False,
) -> None:
    """Delete the environment's stacks, hosting first; fail unless only what is retained is left."""
    from deployment.destroy import deletion_plan, empty
    from deployment.endpoint.expiry import end_watch
    from kickstand.aws.deployed import live_template
    from kickstand.aws.errors import explained

    workspace, console = open_workspace(ctx, environment)
    names = workspace.names
    with explained("reading the deployed stacks"):
        served = live_template(workspace.session, names.hosting_stack) is not None
        trained = None if hosting else live_template(workspace.session, names.training_stack)
    if not served and trained is None:
        console.print(f"No stack of {names.prefix} is deployed.")
    else:
        stacks = [names.hosting_stack] * served + [names.training_stack] * (trained is not None)
        plan = None if trained is None else deletion_plan(trained, names)
        _confirm_deletion(console, stacks, plan, yes=yes)
        if served:
            _delete_hosting(workspace, console)
        if plan is not None:
            end_watch(workspace.session, names, console.print, all_executions=True)
            with explained("emptying what the training stack deletes"):
                empty(workspace.session, plan)
            _delete_stack(workspace, console, names.training_stack)
    _delete_left_log_groups(workspace, console, hosting_only=hosting, yes=yes or served or trained is not None)
    _show_leftovers(workspace, console, hosting_only=hosting)


def _delete_hosting(workspace: Workspace, console: Console) -> None:
    """Delete the hosting stack, and what its updates have replaced and no deployment has deleted."""
    from deployment.destroy import wait_for_endpoint
    from deployment.endpoint.superseded import delete_superseded, superseded
    from kickstand.aws.errors import explained

    with explained("looking at the endpoint"):
        wait_for_endpoint(workspace.session, workspace.names, say=console.print)
    with explained("reading what the hosting stack has replaced"):
        replaced = superseded(workspace.session, workspace.names, with_serving=True)
    _delete_stack(workspace, console, workspace.names.hosting_stack)
    with explained("deleting what the hosting stack had replaced"):
        delete_superseded(workspace.session, replaced, console.print)


def _delete_left_log_groups(workspace: Workspace, console: Console, *, hosting_only: bool, yes: bool) -> None:
    """Delete log groups that came back after their stack was gone. yes: the deletion was agreed to before."""
    from deployment.destroy import delete_log_groups, left_log_groups
    from kickstand.aws.errors import explained

    with explained("looking for log groups that came back"):
        groups = left_log_groups(workspace.session, workspace.names, hosting_only=hosting_only)
    if not groups:
        return
    if not yes:
        console.print(f"To be deleted, left without their stack: {', '.join(groups)}")
        confirm("Go on?")
    with explained("deleting log groups that came back"):
        delete_log_groups(workspace.session, groups)
    for group in groups:
        console.print(f"Deleted the log group {group}: it was there without its stack.")


def _delete_stack(workspace: Workspace, console: Console, stack: str) -> None:
    """Delete one stack and wait, showing what goes; through CloudFormation, so that no release is needed."""
    from deployment.destroy import delete_stack
    from kickstand.aws.errors import explained

    console.print(f"Deleting {stack} …")
    try:
        with explained("deleting the stack", f"stack {stack}"):
            delete_stack(workspace.session, stack, show=lambda line: console.print(f"  {line}"))
    except KeyboardInterrupt:
        message = "Interrupted; CloudFormation goes on deleting what it has begun."
        raise KickstandError(Problem(message, f"stack {stack}", "For the rest, run the same command again.")) from None


def _confirm_deletion(console: Console, stacks: list[str], plan: DeletionPlan | None, *, yes: bool) -> None:
    console.print("To be deleted: " + ", ".join(stacks))
    if plan is not None and plan.bucket is not None:
        console.print(f"With them, for good: every object of {plan.bucket} (data, models, evidence)")
    if plan is not None and plan.model_package_group is not None:
        console.print(f"With them, for good: the model packages of {plan.model_package_group}")
    if not yes:
        confirm("Go on?")


def _show_leftovers(workspace: Workspace, console: Console, *, hosting_only: bool) -> None:
    """Say all that remains, by asking AWS; KickstandError where something costs that is not to be kept."""
    from deployment.leftovers import find_leftovers, retained_because, surplus
    from kickstand.aws.errors import explained

    with explained("asking what remains"):
        left = find_leftovers(workspace.session, workspace.names)
    environment = workspace.environment
    console.print("What remains:" if left else "Nothing remains.")
    for one in left:
        cost = "while it runs" if math.isinf(one.dollars_a_month) else f"${one.dollars_a_month:,.2f} a month"
        reason = retained_because(one, environment, hosting_only=hosting_only)
        kept = f"kept: {reason}" if reason else "not to be kept" if one.billable else "costs nothing"
        console.print(f"  {one.what:<16}{one.name}  {one.amount}  {cost}  ({kept})")
    path = workspace.release_file
    if path.exists() and not any(one.what == "artifact bucket" for one in left):
        console.print(f"{path} names a model that is gone with its bucket: remove the file before the next deploy.")
    problems = surplus(left, environment, hosting_only=hosting_only)
    if problems:
        raise KickstandError(*problems)
    if left:
        console.print("Nothing of it costs but what is to be kept.")
