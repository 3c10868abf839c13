"""The CDK app: one stage for each environment of the project file, and nothing else.

Context: `-c config=FILE` (default: kickstand.toml beside this file), `-c releases=DIR` (default: releases/ beside
the project file), `-c environment=NAME` (default: all), `-c policy=on`, `-c pipeline=on` (default: off).
"""

from __future__ import annotations

from pathlib import Path

from kickstand.console import end_without_traceback

if __name__ == "__main__":
    end_without_traceback()  # on Ctrl-C, and where TMPDIR is full, which jsii meets in the import below

import aws_cdk as cdk

from infra.checks.policy_checks import add_policy_checks
from infra.stacks.environment_stage import environment_stage
from kickstand.config.load import load_project
from kickstand.console import show_error
from kickstand.errors import InputError, Problem
from kickstand.release.file import read_release, release_path


def build(app: cdk.App) -> None:
    """Fill the app; InputError where the project file, a release or the context is wrong."""
    project = load_project(Path(app.node.try_get_context("config") or Path(__file__).with_name("kickstand.toml")))
    wanted = app.node.try_get_context("environment")
    if wanted and wanted not in project.environments:
        known = ", ".join(project.environments)
        raise InputError(Problem(f'There is no environment "{wanted}".', str(project.file), f"It has: {known}."))
    for name, environment in project.environments.items():
        if wanted in (None, "", name):
            path = release_path(Path(app.node.try_get_context("releases") or project.releases), name)
            environment_stage(app, project, environment, read_release(path, environment) if path.exists() else None)
    add_policy_checks(app, project)


def main() -> None:
    app = cdk.App(analytics_reporting=False, stack_traces=False)
    try:
        build(app)
    except InputError as error:
        raise SystemExit(show_error(error, to_program=True)) from None
    app.synth()


if __name__ == "__main__":
    main()
