"""`kickstand gate`: what an environment demands of a model before it takes it, asked now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from kickstand.console import echo_json

if TYPE_CHECKING:
    from promotion.gates.contest import Contest
    from promotion.gates.outcome import Outcome


def gate(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="The environment that would take the model.")],
    origin: Annotated[
        str | None,
        typer.Option("--from", metavar="ENV", help="Whose release is judged. Default: ENV's promotes_from, else ENV."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="GATE", help="Ask this gate alone; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The outcomes as JSON, for machines.")] = False,
) -> None:
    """Ask the gates of an environment about the release that would be promoted into it; change nothing."""
    import sys

    from kickstand.console import make_console
    from promotion.gates.run import ask_gates
    from promotion.gates.screen import show_outcomes

    console = make_console(sys.stderr if as_json else sys.stdout)
    contest = open_contest(ctx, environment, origin)
    source, release = contest.source.environment.name, contest.release
    if not as_json:
        way = f"for {environment}" if contest.moves else "against its own gates"
        console.print(f"The model {release.artifact.sha256[:12]} of {source}'s release, {way}:")
    with console.status("") as status:
        outcomes = ask_gates(contest, only=only or (), begun=lambda name: status.update(f"asking the gate {name}"))
    if as_json:
        echo_json(document(contest, outcomes))
    else:
        show_outcomes(console, outcomes)
    raise typer.Exit(0 if all(outcome.passed for outcome in outcomes) else 1)


def open_contest(ctx: typer.Context, environment: str, origin: str | None) -> Contest:
    """Both environments opened, and the source's release as the target would have it.

    Raises InputError for unknown environments and for a release that does not pass its checks.
    """
    from datetime import UTC, datetime

    from infra.images import image_uri
    from kickstand.commands.context import choose, load, root_of, typed
    from kickstand.commands.places import open_place
    from promotion.gates.contest import Contest
    from promotion.promote.candidate import candidate_release

    root, project = root_of(ctx), load(ctx)
    taker = choose(project, environment)
    giver = choose(project, origin or taker.promotes_from or environment)
    source = open_place(root, project, giver.name)
    target = source if giver is taker else open_place(root, project, taker.name)
    release = source.release()
    candidate = release
    if giver is not taker:
        candidate = candidate_release(release, taker, image_uri=image_uri(taker.region, release.algorithm.version))
    return Contest(
        project=project,
        source=source,
        target=target,
        release=release,
        candidate=candidate,
        now=datetime.now(UTC),
        open_place=lambda name: open_place(root, project, name),
        typed=lambda command: typed(root, command),
    )


def document(contest: Contest, outcomes: tuple[Outcome, ...]) -> str:
    """The outcomes as a JSON text."""
    import json
    from dataclasses import asdict

    fields = {
        "environment": contest.target.environment.name,
        "from": contest.source.environment.name,
        "release_sha256": contest.release.sha256,
        "artifact_sha256": contest.release.artifact.sha256,
        "passed": all(outcome.passed for outcome in outcomes),
        "outcomes": [asdict(outcome) for outcome in outcomes],
    }
    return json.dumps(fields, indent=2)
