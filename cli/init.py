"""`kickstand init --github`: the workflow files of a project, and what is to be done once for them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import load
from cli.options import options_of, root_of
from deployment.workflows.repository import (
    GithubError,
    GithubRepository,
    opt_in,
    read_repository,
    repository_problems,
    with_ids,
)
from kickstand.aws.github_oidc import IMMUTABLE_SINCE, Repository, preparing
from kickstand.config.source import read_source
from kickstand.console import make_console
from kickstand.errors import InputError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from kickstand.config.model import Project


def init(
    ctx: typer.Context,
    github: Annotated[bool, typer.Option("--github", help="Write .github/workflows/kickstand-*.yml.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over workflow files that differ.")] = False,
) -> None:
    """Write the workflows that review pull requests and deploy merges, from the project file."""
    from deployment.workflows.files import project_problems, repository_root, workflow_files, write_workflows
    from kickstand.workspace import command_line

    if not github:
        raise InputError(Problem("Say for whom: GitHub is the one there is.", "kickstand init", "Add: --github"))
    project = load(ctx)
    root = repository_root(project)
    problems = list(project_problems(project, root))
    if problems:
        raise InputError(*problems)
    named = _repository(project)
    found: GithubRepository | None = None
    unread = ""
    try:
        found = read_repository(named.name)
    except GithubError as error:
        unread = str(error)
    if found is not None and (problems := list(repository_problems(named, found, str(project.file)))):
        raise InputError(*problems)
    edited, notes = _ids(project, root, named, found, unread)
    files = workflow_files(project, root)
    written = write_workflows(root, files, force=force, edited=edited)
    console = make_console(sys.stdout)
    for path in (*files, *edited):
        console.print(f"{path}: {'written' if path in written else 'as it should be'}")
    for line in notes:
        console.print(line, soft_wrap=True)
    options = options_of(root_of(ctx))
    deployments = [command_line(options, f"deploy {name} --pipeline") for name in project.environments]
    for line in _to_do(project, deployments):
        console.print(line, soft_wrap=True)


def _repository(project: Project) -> Repository:
    """The repository that every environment names, with ids where every one of them has the ids."""

    named = [one for one in map(Repository.of, (e.pipeline for e in project.environments.values())) if one]
    return next((one for one in named if not one.is_immutable), named[0])


def _ids(
    project: Project, root: Path, named: Repository, found: GithubRepository | None, unread: str
) -> tuple[dict[Path, bytes], list[str]]:
    """The project file with GitHub's ids, by its path below root, where it lacks them; and what there is to say."""

    if named.is_immutable:
        return {}, []
    since = f"Repositories created, renamed or transferred since {IMMUTABLE_SINCE} need them."
    by_hand = f"gh api repos/{named.name} --jq '.owner.id, .id' prints owner_id and repository_id of [pipeline]."
    if found is None:
        return {}, [f"The ids of {named.name} are not known ({unread}). {since}", f"  {by_hand}"]
    if found.immutable is False:
        return {}, [
            f"The tokens of {found.name} hold names alone: whoever gets the name gets the roles. To have ids in them:",
            f"  {opt_in(found.name)}, then kickstand init --github and the deployments below",
        ]
    if found.immutable is None:
        return {}, [f"GitHub does not say whether the tokens of {found.name} hold its ids. {since}", f"  {by_hand}"]
    edited = with_ids(project.file.read_bytes().decode(), read_source(project.file), found)
    if edited is None:
        values = f"owner_id = {found.owner_id} and repository_id = {found.repository_id}"
        return {}, [f"Write {values} beside repository in {project.file.name}: no role is given without them."]
    return {project.file.resolve().relative_to(root): edited.encode()}, []


def _to_do(project: Project, deployments: list[str]) -> list[str]:
    """What a person does once: the roles in AWS, the environments on GitHub."""
    from deployment.workflows.files import is_reviewed

    (repository,) = {str(one.pipeline.repository) for one in project.environments.values()}
    reviewed = [name for name, one in project.environments.items() if is_reviewed(one)]
    unprotected = [name for name in project.environments if name not in reviewed] + [preparing(n) for n in reviewed]
    return [
        "Once, each by whoever owns the account (the pipeline never changes its own rights):",
        *(f"  {command}" for command in deployments),
        f"Once, on GitHub: https://github.com/{repository}/settings/environments",
        f"  {', '.join(unprotected)}: deployment branches: main alone",
        *([f"  {', '.join(reviewed)}: the same, and required reviewers"] if reviewed else []),
    ]
