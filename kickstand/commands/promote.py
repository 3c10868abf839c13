"""`kickstand promote`: the model of one environment to the next, through its gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kickstand.console import confirm

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console

    from kickstand.config.model import Project
    from kickstand.release import Release
    from promotion.gates.outcome import Outcome
    from promotion.place import Place
    from promotion.promote.promotion_work import PromotionWork


def promote(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(metavar="FROM", help="The environment that serves the model.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="The environment that takes it.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Ask the gates and say what would be done; write nothing.")
    ] = False,
    override: Annotated[
        list[str] | None,
        typer.Option("--override", metavar="GATE", help="Go on although this gate fails; each with its --reason."),
    ] = None,
    reason: Annotated[
        list[str] | None,
        typer.Option("--reason", metavar="TEXT", help="Why; it stays in the release for ever."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before gates are overridden.")] = False,
) -> None:
    """Ask TO's gates; then copy FROM's model under its digest, register it, and write releases/TO.json."""
    import sys

    from kickstand.commands.context import choose, load, root_of, typed
    from kickstand.console import make_console
    from promotion.promote.order import require_order
    from promotion.promote.overriding import asked_overrides, overrides_of
    from promotion.promote.release_role import release_session
    from promotion.promote.screen import begin_lines, done_lines, plan_lines

    asked = asked_overrides(override or (), reason or ())
    project, root, console = load(ctx), root_of(ctx), make_console(sys.stdout)
    require_order(project, choose(project, source), choose(project, target), lambda words: typed(root, words))
    work = _work(ctx, project, source, target, console)
    release, candidate = work.candidate()
    _print(console, begin_lines(release, work.target.environment))
    work.prove_source(release)
    outcomes = _ask(ctx, project, work, release, candidate, console)
    overrides = overrides_of(outcomes, asked, by=work.by, command=work.command, typed=work.typed)
    if dry_run:
        _print(console, plan_lines(release, candidate, overrides, work.target))
        return
    if overrides and not yes:
        gates = ", ".join(one.gate for one in overrides)
        confirm(f"Override {gates}, in the release for ever?")
    role = release_session(work.target, work.by, work.typed)
    written = work.carry_out(release, candidate, outcomes, overrides, role)
    _print(console, done_lines(release, written, work.target, work.typed, in_git=not root.local))


def _work(ctx: typer.Context, project: Project, source: str, target: str, console: Console) -> PromotionWork:
    """Both environments opened, each with its own credentials; the target's last."""
    from datetime import UTC, datetime

    from kickstand.commands.context import root_of, typed
    from kickstand.commands.places import open_place
    from promotion.promote.promotion_work import PromotionWork
    from promotion.promote.release_role import caller_arn

    root = root_of(ctx)
    origin, taker = _both(lambda name: open_place(root, project, name), source, target)
    return PromotionWork(
        source=origin,
        target=taker,
        by=caller_arn(taker.session),
        clock=lambda: datetime.now(UTC),
        report=lambda what, text: console.print(f"{what:<14} {text}"),
        typed=lambda words: typed(root, words),
    )


def _both(open_one: Callable[[str], Place], source: str, target: str) -> tuple[Place, Place]:
    """Both places, or what is wrong with the credentials of either, told at once."""
    from kickstand.errors import KickstandError

    opened: list[Place] = []
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


def _ask(
    ctx: typer.Context, project: Project, work: PromotionWork, release: Release, candidate: Release, console: Console
) -> tuple[Outcome, ...]:
    from kickstand.commands.context import root_of
    from kickstand.commands.places import open_place
    from promotion.gates.contest import Contest
    from promotion.gates.run import ask_gates
    from promotion.gates.screen import show_outcomes

    root = root_of(ctx)
    contest = Contest(
        project=project,
        source=work.source,
        target=work.target,
        release=release,
        candidate=candidate,
        now=work.clock(),
        open_place=lambda name: open_place(root, project, name),
        typed=work.typed,
    )
    with console.status("") as status:
        outcomes = ask_gates(contest, begun=lambda name: status.update(f"asking the gate {name}"))
    show_outcomes(console, outcomes)
    return outcomes


def _print(console: Console, lines: list[str]) -> None:
    for line in lines:
        console.print(line)
