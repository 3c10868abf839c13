"""`kickstand upload`, `fit` and `adopt`: check and upload the data, train in the environment's account, release."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import open_workspace
from cli.options import ENV, FOLLOW, STOP
from kickstand.errors import InputError, KickstandError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from kickstand.release.model import Release
    from kickstand.workspace import Workspace
    from training.job.fit import Fit
    from training.job.jobs import JobDescription
    from training.upload.upload import SentData


def upload(
    ctx: typer.Context,
    environment: ENV,
) -> None:
    """Check the data and upload it; what is there already is not sent again."""
    from training.upload.channels import publish_manifest, s3_client
    from training.upload.upload import send_data

    workspace, console = open_workspace(ctx, environment)
    sent = send_data(workspace, console)
    key = publish_manifest(s3_client(workspace.session), workspace.environment, sent.channels)
    console.print(f"manifest   s3://{workspace.names.bucket}/{key}")
    if workspace.environment.training.on_new_data:
        adopt = workspace.command("adopt JOB")
        console.print(f"A job starts by itself where this is new (on_new_data). Then release it: {adopt}")
        return
    console.print(f"Train on it: {workspace.command('fit')}")


def fit(
    ctx: typer.Context,
    environment: ENV,
    follow: FOLLOW = None,
    stop: STOP = None,
    log: Annotated[bool, typer.Option("--log", help="Show the job's log as it comes.")] = False,
) -> None:
    """Check, upload, train, and write the release. Ctrl-C leaves the job running."""
    from training.job.fit import Fit
    from training.model.figures import UnreleasableJobError

    if follow and stop:
        raise InputError(Problem("--follow and --stop were given together.", fix="Give one of them."))
    workspace, console = open_workspace(ctx, environment)
    work = Fit(workspace, console)
    if stop:
        _stop(console, work, stop)
        return
    known: SentData | None = None
    if follow:
        job = follow
    else:
        job, known = _start(work)
        hint = f"Ctrl-C leaves it running; follow it again: {workspace.command('fit', '--follow', job)}"
        console.print(hint, style="dim")
    completed = work.follow(job, show_log=log)
    try:
        write_release(workspace, console, work, completed, known)
    except UnreleasableJobError:
        raise
    except KickstandError as error:
        later = workspace.command(f"adopt {completed.name}")
        kept = f"Training job {completed.name} has completed and is kept. Then make its release: {later}"
        *first, last = error.problems
        if later in last.fix or any(sign_later(workspace) in text for text in (last.fix, last.then)):
            raise
        raise type(error)(*first, last.followed_by(kept)) from error


def write_release(
    workspace: Workspace, console: Console, work: Fit, job: JobDescription, known: SentData | None = None
) -> None:
    """Make a completed job's release, sign it where the environment signs, and end on what to type next.

    known: what was just checked and uploaded, and its warnings.
    """
    from training.model.release_maker import show_release, source_commit

    file = workspace.release_file
    commit = source_commit(workspace.project.file.parent, releases=workspace.releases)
    release = work.release(job, known, release_file=file, source_commit=commit)
    sign_written(workspace, console, release, file)
    show_release(console, release, file, next_command=workspace.command("deploy"))


def sign_written(workspace: Workspace, console: Console, release: Release, file: Path) -> None:
    """Sign a release that has just been written, where the environment is set to; say so.

    An error ends on the command that signs it later: the release itself is kept.
    """
    from kickstand.signing.envelope import read_claim
    from kickstand.signing.sign import sign_release

    try:
        signature = sign_release(release, file, workspace.environment, workspace.session)
    except KickstandError as error:
        *first, last = error.problems
        kept = f"The release is written, without a signature. Then sign it: {sign_later(workspace)}"
        raise type(error)(*first, last.followed_by(kept)) from error
    claim = signature and read_claim(signature)
    if claim:
        console.print(f"Signed {claim.sentence()}: {signature}")


def sign_later(workspace: Workspace) -> str:
    """The command that signs the environment's release as it is."""
    return workspace.command("release sign")


def _start(work: Fit) -> tuple[str, SentData]:
    return work.start(datetime.now(UTC), secrets.token_hex(2))


def _stop(console: Console, work: Fit, job: str) -> None:
    stopped = work.run.stop(job)
    if stopped:
        console.print(f"Stopping {' and '.join(stopped)}.")
        return
    found = work.run.find(job)
    console.print(f"{found.name} does not run any more: it is {found.status}.")


def adopt(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="The name of a completed training job.")],
    environment: ENV,
) -> None:
    """Make a release of any completed training job of the account that ran the built-in XGBoost."""
    from training.job.fit import Fit

    workspace, console = open_workspace(ctx, environment)
    work = Fit(workspace, console)
    write_release(workspace, console, work, work.run.find(job))
