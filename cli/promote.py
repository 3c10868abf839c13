"""`kickstand gate`, `approve`, `reject` and `promote`: what an environment requires of a model."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import choose, load, open_workspace, workspace_of
from cli.options import AS_JSON, options_of, root_of
from kickstand.console import confirm, echo_json, make_console
from kickstand.errors import KickstandError
from kickstand.images import image_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from kickstand.config.model import Project
    from kickstand.release.model import Release
    from kickstand.workspace import Workspace
    from promotion.gates.approval import Package, Status
    from promotion.gates.context import GateContext
    from promotion.gates.gate import Outcome
    from promotion.promote import PromotionWork


def promote(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The environment that serves the model.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The environment that takes it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the gates and show what would be done; write nothing.")
    ] = False,
    override: Annotated[
        list[str] | None,
        typer.Option("--override", metavar="GATE", help="Go on although this gate fails; each with its --reason."),
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option("--reason", metavar="TEXT", help="Why; it is on record in the release."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not prompt before gates are overridden.")] = False,
) -> None:
    """Check TO's gates; then copy FROM's model under its digest, register it, and write releases/TO.json."""
    from promotion.candidate import require_order
    from promotion.release_role import release_session
    from promotion.view import asked_overrides, begin_lines, done_lines, overrides_of, plan_lines

    requested = asked_overrides(override or (), reason or ())
    project, root, console = load(ctx), root_of(ctx), make_console(sys.stdout)
    require_order(project, choose(project, source), choose(project, target), options_of(root))
    work = _work(ctx, project, source, target, console)
    release, candidate = work.candidate()
    _print(console, begin_lines(release, work.target.environment))
    work.prove_source(release)
    outcomes = _ask(work, release, candidate, console)
    overrides = overrides_of(outcomes, requested, by=work.by, rerun_command=work.target.typed(work.command))
    if dry_run:
        _print(console, plan_lines(release, candidate, overrides, work.target))
        return
    if overrides and not yes:
        gates = ", ".join(one.gate for one in overrides)
        confirm(f"Override {gates}, on record in the release?")
    role = release_session(work.target, work.by)
    written = work.carry_out(release, candidate, outcomes, overrides, role)
    _print(console, done_lines(release, written, work.target, in_git=not root.local))


def _work(ctx: typer.Context, project: Project, source: str, target: str, console: Console) -> PromotionWork:
    """Both environments opened, each with its own credentials; the target's last."""
    from promotion.promote import PromotionWork
    from promotion.release_role import caller_arn

    root = root_of(ctx)
    origin, taker = _both(lambda name: workspace_of(root, project, name), source, target)
    return PromotionWork(
        source=origin,
        target=taker,
        by=caller_arn(taker.session),
        clock=lambda: datetime.now(UTC),
        report=lambda what, text: console.print(f"{what:<14} {text}"),
    )


def _both(open_one: Callable[[str], Workspace], source: str, target: str) -> tuple[Workspace, Workspace]:
    """Both environments opened, or what is wrong with the credentials of either, told at once."""
    opened: list[Workspace] = []
    failures: list[KickstandError] = []
    for name in (source, target):
        try:
            opened.append(open_one(name))
        except KickstandError as failure:
            failures.append(failure)
    if failures:
        raise type(failures[0])(*dict.fromkeys(problem for failure in failures for problem in failure.problems))
    origin, taker = opened
    return origin, taker


def _ask(work: PromotionWork, release: Release, candidate: Release, console: Console) -> tuple[Outcome, ...]:
    from promotion.gates.context import GateContext
    from promotion.gates.gate import show_outcomes
    from promotion.gates.run import evaluate_gates

    context = GateContext(
        source=work.source,
        target=work.target,
        release=release,
        candidate=candidate,
        now=work.clock(),
    )
    with console.status("") as status:
        outcomes = evaluate_gates(context, begun=lambda name: status.update(f"checking the gate {name}"))
    show_outcomes(console, outcomes)
    return outcomes


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line)


def gate(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="The environment that would take the model.")],
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="ENV", help="Whose release is checked. Default: ENV's promotes_from, else ENV."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="GATE", help="Check this gate only; may be repeated.")
    ] = None,
    as_json: AS_JSON = False,
) -> None:
    """Check the gates of an environment for the release that would be promoted into it; change nothing."""
    from promotion.gates.gate import show_outcomes
    from promotion.gates.run import evaluate_gates

    console = make_console(sys.stderr if as_json else sys.stdout)
    context = open_gate_context(ctx, environment, origin)
    source, release = context.source.environment.name, context.release
    if not as_json:
        way = f"for {environment}" if context.moves else "against its own gates"
        console.print(f"The model {release.artifact.sha256[:12]} of {source}'s release, {way}:")
    with console.status("") as status:
        outcomes = evaluate_gates(
            context, only=only or (), begun=lambda name: status.update(f"checking the gate {name}")
        )
    if as_json:
        echo_json(outcomes_json(context, outcomes))
    else:
        show_outcomes(console, outcomes)
    raise typer.Exit(0 if all(outcome.passed for outcome in outcomes) else 1)


def open_gate_context(ctx: typer.Context, environment: str, origin: str | None) -> GateContext:
    """Both environments opened, and the source's release as the target would have it.

    Raises InputError for unknown environments and for a release that does not pass its checks.
    """
    from promotion.candidate import candidate_release
    from promotion.gates.context import GateContext

    root, project = root_of(ctx), load(ctx)
    taker = choose(project, environment)
    giver = choose(project, origin or taker.promotes_from or environment)
    source = workspace_of(root, project, giver.name)
    target = source if giver is taker else workspace_of(root, project, taker.name)
    release = source.release()
    candidate = release
    if giver is not taker:
        candidate = candidate_release(release, taker, image_uri=image_uri(taker.region, release.algorithm.version))
    return GateContext(
        source=source,
        target=target,
        release=release,
        candidate=candidate,
        now=datetime.now(UTC),
    )


def outcomes_json(context: GateContext, outcomes: tuple[Outcome, ...]) -> str:
    """The outcomes as a JSON text."""
    fields = {
        "environment": context.target.environment.name,
        "from": context.source.environment.name,
        "release_sha256": context.release.sha256,
        "artifact_sha256": context.release.artifact.sha256,
        "passed": all(outcome.passed for outcome in outcomes),
        "outcomes": [_outcome_fields(outcome) for outcome in outcomes],
    }
    return json.dumps(fields, indent=2)


def _outcome_fields(outcome: Outcome) -> dict[str, object]:
    return {"see" if name == "how_to_check" else name: value for name, value in asdict(outcome).items()}


_Environment = Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod: whose model it is.")]
_Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why. It stays in the model registry.")]
_Again = Annotated[bool, typer.Option("--again", help="Decide again where somebody has already decided.")]


def approve(ctx: typer.Context, environment: _Environment, reason: _Reason, again: _Again = False) -> None:
    """Approve the model of ENV's release, in the model registry: who and why."""
    _decide(ctx, environment, "Approved", reason, again=again)


def reject(ctx: typer.Context, environment: _Environment, reason: _Reason, again: _Again = False) -> None:
    """Reject the model of ENV's release, in the model registry: who and why."""
    _decide(ctx, environment, "Rejected", reason, again=again)


def _decide(ctx: typer.Context, environment: str, status: Status, reason: str, *, again: bool) -> None:
    from kickstand.aws.errors import explained
    from kickstand.signing.verify import require_signature
    from promotion.gates.approval import approval_description, package_of, same_model, to_be_done

    workspace, console = open_workspace(ctx, environment)
    path, release = workspace.release_file, workspace.release()
    require_signature(release, path, workspace.environment)
    arn = release.model_package_arn
    with explained("asking AWS who you are"):
        caller = str(workspace.session.client("sts").get_caller_identity()["Arn"])
    description = approval_description(caller, reason)
    sagemaker = workspace.session.client("sagemaker")
    with explained("reading the model package", arn):
        package = package_of(sagemaker.describe_model_package(ModelPackageName=arn))
    same_model(package, release, str(path))
    for line in _package_lines(package, release):
        console.print(line)
    if not to_be_done(package, status, again=again):
        console.print(f"It is so already: {package.decision()}")
        return
    with explained(f"setting the model package to {status}", arn):
        sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus=status, ApprovalDescription=description)
        kept = package_of(sagemaker.describe_model_package(ModelPackageName=arn))
    console.print(kept.decision())


def _package_lines(package: Package, release: Release) -> list[str]:
    metrics = ", ".join(f"{name} {value:g}" for name, value in sorted(release.metrics.items()))
    return [
        f"{package.arn}",
        f"  model      {release.artifact.s3_uri}",
        f"  sha256     {release.artifact.sha256}",
        f"  trained by {release.training_job.name}",
        f"  metrics    {metrics or 'none'}",
        f"  until now  {package.decision() if package.decided else package.status}",
    ]
