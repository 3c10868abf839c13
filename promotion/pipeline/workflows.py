"""The two workflow files of a project: their text, made from its environments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined

from kickstand.config.model import Environment, Project
from kickstand.github import preparing
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
    told: dict[str, Any] = {
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
    return {WORKFLOWS / name: templates.get_template(name).render(told) for name in FILES}


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
