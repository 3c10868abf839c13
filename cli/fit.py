"""`kickstand upload`, `fit` and `adopt`: check and upload the data, train in the environment's account, release."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pathlib import Path

    from cli.context import CommandContext
    from kickstand.release.model import Release
    from training.job.fit import Fit
    from training.job.jobs import JobDescription
    from training.upload.upload import SentData


def upload(
    ctx: typer.Context,
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
) -> None:
    """Check the data and upload it; what is there already is not sent again."""
    from cli.context import open_context
    from training.upload.channels import publish_manifest, s3_client
    from training.upload.upload import send_data

    context = open_context(ctx, environment)
    sent = send_data(context.environment, context.session, context.console, typed=context.typed)
    key = publish_manifest(s3_client(context.session), context.environment, sent.channels)
    context.console.print(f"manifest   s3://{context.names.bucket}/{key}")
    if context.environment.training.on_new_data:
        adopt = context.typed(f"adopt JOB {environment}")
        context.console.print(f"A job starts by itself where this is new (on_new_data). Then release it: {adopt}")
        return
    context.console.print(f"Train on it: {context.typed(f'fit {environment}')}")


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
    from cli.context import open_context
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
    from kickstand.release.file import release_path
    from training.model.release_maker import show_release, source_commit

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
    from kickstand.signing.envelope import read_claim
    from kickstand.signing.sign import sign_release

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


def adopt(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The name of a completed training job.")],
    environment: Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")],
) -> None:
    """Make a release of any completed training job of the account that ran the built-in XGBoost."""
    from cli.context import open_context

    context = open_context(ctx, environment)
    work = fitting(context)
    write_release(context, work, work.find(job))
