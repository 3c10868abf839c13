"""`kickstand init --github`: the workflow files of a project, and what is to be done once for them."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kickstand.config.model import Project


def init(
    ctx: typer.Context,
    github: Annotated[bool, typer.Option("--github", help="Write .github/workflows/kickstand-*.yml.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over workflow files that differ.")] = False,
) -> None:
    """Write the workflows that review pull requests and deploy merges, from the project file."""
    from kickstand.commands.context import load, root_of, typed
    from kickstand.console import make_console
    from kickstand.errors import InputError, Problem
    from promotion.pipeline.files import project_problems, repository_root, write_workflows
    from promotion.pipeline.workflows import workflow_files

    if not github:
        raise InputError(Problem("Say for whom: GitHub is the one there is.", "kickstand init", "Add: --github"))
    project = load(ctx)
    root = repository_root(project)
    problems = list(project_problems(project, root))
    if problems:
        raise InputError(*problems)
    files = workflow_files(project, root)
    written = write_workflows(root, files, force=force)
    console = make_console(sys.stdout)
    for path in files:
        console.print(f"{path}: {'written' if path in written else 'as it should be'}", markup=False)
    for line in _to_do(project, [typed(root_of(ctx), f"deploy {name} --pipeline") for name in project.environments]):
        console.print(line, markup=False, soft_wrap=True)


def _to_do(project: Project, deployments: list[str]) -> list[str]:
    """What a person does once: the roles in AWS, the environments on GitHub."""
    from kickstand.github import preparing
    from promotion.pipeline.workflows import is_reviewed

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
