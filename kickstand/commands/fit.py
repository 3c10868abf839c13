"""`kickstand fit`: train in the environment's account, follow the job, write the release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from kickstand.commands.context import CommandContext
    from kickstand.release import Release
    from training.job.description import JobDescription
    from training.job.fit import Fit
    from training.upload.send_data import SentData


def fit(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
    follow: Annotated[
        str | None, typer.Option("--follow", metavar="JOB", help="Follow a job that was started before.")
    ] = None,
    stop: Annotated[str | None, typer.Option("--stop", metavar="JOB", help="Stop a job that runs.")] = None,
    log: Annotated[bool, typer.Option("--log", help="Show the job's log as it comes.")] = False,
) -> None:
    """Check, upload, train, and write the release. Ctrl-C leaves the job running."""
    from kickstand.commands.context import open_context
    from kickstand.errors import InputError, KickstandError, Problem
    from training.model.figures import UnreleasableJobError

    if follow and stop:
        raise InputError(Problem("--follow and --stop were given together.", fix="Give one of them."))
    context = open_context(ctx, environment)
    work = fitting(context)
    if stop:
        _stop(context, work, stop)
        return
    known: SentData | None = None
    if follow:
        job = follow
    else:
        job, known = _start(work)
        hint = f"Ctrl-C leaves it running; follow it again: {context.typed(f'fit {environment} --follow {job}')}"
        context.console.print(hint, style="dim")
    completed = work.follow(job, show_log=log)
    try:
        write_release(context, work, completed, known)
    except UnreleasableJobError:
        raise
    except KickstandError as error:
        later = context.typed(f"adopt {completed.name} {environment}")
        kept = f"Training job {completed.name} has completed and is kept. Then make its release: {later}"
        *first, last = error.problems
        if later in last.fix or any(sign_later(context) in text for text in (last.fix, last.then)):
            raise
        raise type(error)(*first, last.followed_by(kept)) from error


def fitting(context: CommandContext) -> Fit:
    """The work on training jobs, at the edge: real clock, real sleep."""
    import time

    from training.job.fit import Fit

    return Fit(
        environment=context.environment,
        session=context.session,
        console=context.console,
        typed=context.typed,
        sleep=time.sleep,
        clock=time.monotonic,
    )


def write_release(context: CommandContext, work: Fit, job: JobDescription, known: SentData | None = None) -> None:
    """Make a completed job's release, sign it where the environment signs, and end on what to type next.

    known: what was just checked and uploaded, and its warnings.
    """
    from kickstand.release_file import release_path
    from training.model.release_summary import show_release
    from training.model.source_commit import source_commit

    file = release_path(context.releases, context.environment.name)
    commit = source_commit(context.project.file.parent, releases=context.releases)
    release = work.release(job, known, release_file=file, source_commit=commit)
    sign_written(context, release, file)
    show_release(context.console, release, file, next_command=context.typed(f"deploy {context.environment.name}"))


def sign_written(context: CommandContext, release: Release, file: Path) -> None:
    """Sign a release that has just been written, where the environment is set to; say so.

    An error ends on the command that signs it later: the release itself is kept.
    """
    from kickstand.errors import KickstandError
    from promotion.signing.sign import sign_release
    from promotion.signing.signature_file import read_claim

    try:
        signature = sign_release(release, file, context.environment, context.session)
    except KickstandError as error:
        *first, last = error.problems
        kept = f"The release is written, without a signature. Then sign it: {sign_later(context)}"
        raise type(error)(*first, last.followed_by(kept)) from error
    claim = signature and read_claim(signature)
    if claim:
        context.console.print(f"Signed {claim.sentence()}: {signature}")


def sign_later(context: CommandContext) -> str:
    """The command that signs the environment's release as it is."""
    return context.typed(f"release sign {context.environment.name}")


def _start(work: Fit) -> tuple[str, SentData]:
    import secrets
    from datetime import UTC, datetime

    return work.start(datetime.now(UTC), secrets.token_hex(2))


def _stop(context: CommandContext, work: Fit, job: str) -> None:
    stopped = work.stop(job)
    if stopped:
        context.console.print(f"Stopping {' and '.join(stopped)}.")
        return
    found = work.find(job)
    context.console.print(f"{found.name} does not run any more: it is {found.status}.")
