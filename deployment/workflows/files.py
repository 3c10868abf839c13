"""The two workflow files of a project: their text, made from its environments, and writing them into its repository.

Both are written or none is, and nothing of the user's own is lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined

from kickstand.atomic_file import atomic_file
from kickstand.aws.github_oidc import preparing
from kickstand.config.model import Environment, Project
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.git import GitFile
from kickstand.names import Names

WORKFLOWS = Path(".github/workflows")
FILES = ("kickstand-review.yml", "kickstand-deploy.yml")
RUNNER = "ubuntu-24.04"
"""Has git, make, gh and a Python that is new enough."""

ACTIONS = {
    "checkout": "actions/checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd # v6.0.2",
    "upload": "actions/upload-artifact@b7c566a772e6b6bfb58ed0dc250532a479d7789f # v6.0.0",
    "credentials": "aws-actions/configure-aws-credentials@8df5847569e6427dd6c4fb1cf565c83acfa8afa7 # v6.0.0",
}
"""What others wrote and the workflows run, by commit: a tag can be moved."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """One environment, as the templates know it."""

    name: str
    region: str
    profile: str | None
    review_role: str
    prepare_role: str
    deploy_role: str
    preparing: str
    """The GitHub environment of its preparation."""
    reviewed: bool
    """Whether it is deployed by the change sets of a review, after an approval."""
    after: list[str]
    """The jobs of the environments before it: where several change, each waits for the one before."""


def workflow_files(project: Project, root: Path) -> dict[Path, str]:
    """The text of each workflow file, by its path below `root`, the top of the git repository."""
    config = project.file.relative_to(root)
    # A folder's name is the user's: the shell gets it from the environment, never as part of a command's text.
    elsewhere = "" if config.as_posix() == "kickstand.toml" else ' --config "$CONFIG"'
    variables: dict[str, Any] = {
        "config": config.as_posix(),
        "releases": project.releases.relative_to(root).as_posix(),
        "kickstand": f".venv/bin/kickstand{elsewhere}",
        "runner": RUNNER,
        "actions": ACTIONS,
        "environments": list(_deployed(project)),
    }
    templates = Templates(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        # Actions have ${{ … }} of their own.
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701  YAML; paths and profiles go into it as JSON, the rest by the project file's rules
    )
    return {WORKFLOWS / name: templates.get_template(name).render(variables) for name in FILES}


def is_reviewed(environment: Environment) -> bool:
    """Whether the pipeline deploys an environment by a review: all but dev, and dev where it demands one."""
    return environment.name != "dev" or environment.review.require_review


def _deployed(project: Project) -> Iterator[Deployed]:
    jobs: list[str] = []
    for environment in project.environments.values():
        names, reviewed = Names(environment), is_reviewed(environment)
        yield Deployed(
            name=environment.name,
            region=environment.region,
            profile=environment.profile,
            review_role=names.pipeline_role_arn("review"),
            prepare_role=names.pipeline_role_arn("prepare"),
            deploy_role=names.pipeline_role_arn("deploy"),
            preparing=preparing(environment.name),
            reviewed=reviewed,
            after=list(jobs),
        )
        jobs += [f"prepare-{environment.name}"] if reviewed else []
        jobs.append(f"deploy-{environment.name}")


def repository_root(project: Project) -> Path:
    """The top of the git repository that the project file is in. InputError: it is in none."""
    return GitFile.of(project.file).folder.resolve()


def project_problems(project: Project, root: Path) -> Iterator[Problem]:
    """Why no workflows can be made of a project, all of it."""
    if not (root / "app.py").is_file() or not (root / "Makefile").is_file():
        message = "The workflows run `make setup` and the CDK app at the top of the repository; there is none."
        yield Problem(message, str(root), "Keep the project file in a clone or a fork of Kickstand's repository.")
    for path in sorted({project.file.resolve(), project.releases.resolve()}):
        named = str(path.relative_to(root)) if path.is_relative_to(root) else ""
        if not named.isprintable() or "${{" in named:
            message = f"The path {named!a} cannot be written into a workflow."
            fix = "Rename its folders: without control characters, and without ${{, which begins GitHub's expressions."
            yield Problem(message, str(root), fix)
    silent = [name for name, environment in project.environments.items() if environment.pipeline.repository is None]
    if silent:
        message = f"It is not said which repository's workflows may act in {', '.join(silent)}."
        yield Problem(
            message, str(project.file), 'Add: [pipeline] with repository = "OWNER/NAME", as GitHub spells it.'
        )
    for name, environment in project.environments.items():
        if not re.fullmatch(r"[\w.@+=,/-]*", environment.profile or ""):
            message = f"The name of the profile {environment.profile!r} cannot be written into a workflow."
            yield Problem(message, environment.where("profile"), "Use letters, digits, - and _.")
        if environment.role_arn:
            message = f"{name} names a role_arn, which the pipeline's own roles may not assume."
            fix = "Put it into a profile of ~/.aws/config, and name that: the workflows know profiles."
            yield Problem(message, environment.where("role_arn"), fix)
    repositories = {one.pipeline.repository for one in project.environments.values()} - {None}
    if len(repositories) > 1:
        message = f"The environments name different repositories: {', '.join(sorted(map(str, repositories)))}."
        yield Problem(message, str(project.file), "One repository holds all workflows of a project: name it once.")


def write_workflows(
    root: Path, files: Mapping[Path, str], *, force: bool, edited: Mapping[Path, bytes] | None = None
) -> list[Path]:
    """Write the files that are not there as they should be; those that were written.

    force:  whether files that differ are written over; else InputError, which names them all.
    edited: files of the user's that the caller has added to: they are written over, after the others.
    KickstandError: the system refuses; what was written by then is taken back.
    """
    wanted = {path: text.encode() for path, text in files.items()} | dict(edited or {})
    before = {path: _read(root / path) for path in wanted}
    differ = [path for path in files if before[path] not in (None, wanted[path])]
    if differ and not force:
        fix = "Look at what differs (git diff after --force shows it), then: kickstand init --github --force"
        raise InputError(*(Problem("This file is there and differs; it was left.", str(root / p), fix) for p in differ))
    written: list[Path] = []
    try:
        for path, content in wanted.items():
            if before[path] != content:
                with atomic_file(root / path) as stream:
                    stream.write(content)
                written.append(path)
    except BaseException:
        for path in written:
            _restore(root / path, before[path])
        raise
    return written


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KickstandError(Problem(f"The file cannot be read: {error.strerror or error}.", str(file))) from error


def _restore(file: Path, before: bytes | None) -> None:
    if before is None:
        file.unlink(missing_ok=True)
    else:
        file.write_bytes(before)
