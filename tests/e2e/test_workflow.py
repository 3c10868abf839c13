"""A pull request's whole path, run from the workflow files themselves, command by command, on two local accounts.

One story in order: a first release of dev, its review, its merge and deployment; then its promotion to staging.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cached_setup import PACKAGES, PYTHON
from once_a_run import FOLDER
from run_end import MARK
from typed_command import Typed, type_here
from user_repository import commit, git, make_repository
from warm_cdk import cdk_program, node_package
from warm_server import warm_python
from workshop import REPOSITORY, Workshop, open_workshop

from localcloud.root_keys import RootKeys
from localcloud.state import StateFolder

STAGING = "444455556666"
HOSTING = "kites-staging-hosting"
DEPLOYING = "kites-staging-deploy-us-east-1"
JSII = REPOSITORY / ".kickstand" / "cache" / "jsii"
"""Where `make` keeps the CDK library, unpacked."""
WORKERS = "PYTEST_XDIST_AUTO_NUM_WORKERS"
CHEAPER = ("CDK_APP", "CDK_VALIDATION", "JSII_RUNTIME_PACKAGE_CACHE_ROOT", WORKERS)
"""Each assembly is synthesised once, without the CDK's own check of its template; the tests of the user's repository
run in the process of their pytest, where each other one would take two seconds of CPU to begin."""
MODULES = (
    *(
        "boto3",
        "cfnlint.config",
        "cfnlint.decode.decode",
        "cfnlint.runner",
        "cryptography.hazmat.primitives.serialization",
    ),
    *(
        "jinja2",
        "matplotlib.backends.backend_svg",
        "matplotlib.figure",
        "numpy",
        "pydantic",
        "rich.progress",
        "rich.table",
    ),
    *("typer.main", "yaml", "kept_lint:preload", "shared_models:preload"),
)
"""The packages that the steps' programs import, for one to four seconds of CPU each time."""


@dataclass(frozen=True)
class User:
    """Somebody with a repository, and with credentials of both accounts for what is done once."""

    workshop: Workshop
    repository: Path
    hub: Path
    python: str
    """The command line of the steps' Python."""
    packages: Path
    """Where it finds a Node.js that has loaded the CDK."""

    def kickstand(self, *words: str, **more: str) -> Typed:
        """As on AWS: dev's credentials in the process's environment, staging's under its profile."""
        variables = {**self.workshop.variables(), **self.workshop.cloud_environment(), **more}
        config = ("--config", self.repository / "kickstand.toml")
        return type_here(REPOSITORY, variables, *config, *words).good()

    def propose(self, branch: str, message: str) -> None:
        """Commit what there is now to a branch."""
        git(self.repository, "switch", "-q", "-c", branch)
        commit(self.repository, message)

    def run(self, *words: str) -> Typed:
        """The workflows of a branch's pull request: many commands, so they are given more time than one."""
        script = REPOSITORY / "scripts" / "run_workflow.py"
        folders = ["--repository", str(self.repository), "--state", str(self.hub)]
        # GitHub's runners have none of them: they make the steps cheaper, and what is left of them ends with the tests.
        variables = [word for name in (*CHEAPER, FOLDER, MARK, PACKAGES, PYTHON) for word in ("--env", name)]
        done = subprocess.run(
            [sys.executable, str(script), *words, *folders, *variables],
            env={
                "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(JSII),
                WORKERS: "0",
                PACKAGES: str(self.packages),
                PYTHON: self.python,
                **self.workshop.variables(),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1800,
        )
        return Typed(done.returncode, done.stdout, done.stderr)

    def pull(self) -> None:
        git(self.repository, "switch", "-q", "main")
        git(self.repository, "pull", "-q", str(self.hub / "origin.git"), "main")

    def told(self, what: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.hub / f"{what}.json").read_text())
        return found

    def change_sets(self, stack: str) -> dict[str, str]:
        found = self.workshop.client("cloudformation", key=STAGING).list_change_sets(StackName=stack)["Summaries"]
        return {one["ChangeSetId"]: one["ExecutionStatus"] for one in found}


@pytest.fixture(scope="module")
def user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    """The project's accounts have what a person deploys once: training stacks, and the pipeline's roles."""
    folder = tmp_path_factory.mktemp("user")
    repository = make_repository(folder / "kites")
    packages = tmp_path_factory.mktemp("packages")
    with warm_python(*MODULES) as python, cdk_program(packages) as cdk:
        node_package(packages, cdk)
        for workshop in open_workshop(tmp_path_factory.mktemp("workshop")):
            user = User(workshop, repository, folder / "github", shlex.join(python), packages)
            workshop.kickstand(repository, "local", "start").good()
            with_gh = f"{make_gh(folder / 'bin')}{os.pathsep}{workshop.variables()['PATH']}"
            user.kickstand("init", "--github", PATH=with_gh)
            commit(repository, "The workflows")
            for name in ("dev", "staging"):
                for what in ([], ["--pipeline"]):
                    workshop.kickstand(repository, "deploy", name, "--yes", *what).good()
            yield user


def make_gh(folder: Path) -> Path:
    """A `gh` that knows the user's repository, which was made today."""
    folder.mkdir()
    subject = '{"use_default": true, "use_immutable_subject": true}'
    answer = '{"id": 456789, "full_name": "kite-makers/kites", "owner": {"id": 123456}}'
    cases = f"*/customization/sub) echo '{subject}';; repos/kite-makers/kites) echo '{answer}';; *) exit 1;;"
    (folder / "gh").write_text(f'#!/bin/sh\nfor last; do :; done\ncase "$last" in {cases} esac\n')
    (folder / "gh").chmod(0o755)
    return folder


def test_1_a_new_release_is_reviewed_and_its_merge_deploys_dev_alone(user: User) -> None:
    user.kickstand("fit", "dev")
    user.propose("release-dev", "A model for dev")
    done = user.run("release-dev", "--merge", "squash").good()

    review, deployment = done.out.split("kickstand-deploy.yml (push")
    assert "assumed arn:aws:iam::111122223333:role/kites-dev-review-us-east-1" in review
    assert "as repo:kite-makers@123456/kites@456789:pull_request" in review
    assert "── review-staging: skipped" in review
    assert "assumed arn:aws:iam::111122223333:role/kites-dev-deploy-us-east-1" in deployment
    assert "as repo:kite-makers@123456/kites@456789:environment:dev" in deployment
    assert "kites-dev is InService" in deployment
    assert "── prepare-staging: skipped" in deployment

    (comment,) = user.told("comments").values()
    assert comment["body"].startswith("<!-- kickstand-review dev -->")
    reviewed = json.loads((user.hub / "runs/1/artifacts/kickstand-dev/review/dev/review.json").read_bytes())
    assert json.dumps({"dev": reviewed["assembly_sha256"]})[1:-1] in deployment


def test_2_a_promotion_is_prepared_and_its_very_change_sets_deploy_staging(user: User) -> None:
    user.pull()
    user.kickstand("promote", "dev", "staging", "--yes")
    user.propose("promote-staging", "Promote the model to staging")
    done = user.run("promote-staging", "--merge", "merge").good()

    review, deployment = done.out.split("kickstand-deploy.yml (push")
    assert "── review-dev: skipped" in review
    assert "assumed arn:aws:iam::444455556666:role/kites-staging-review-us-east-1" in review
    assert "── deploy-dev: skipped" in deployment
    assert (
        "role/kites-staging-prepare-us-east-1 as repo:kite-makers@123456/kites@456789:environment:staging-prepare"
        in deployment
    )
    assert (
        "role/kites-staging-deploy-us-east-1 as repo:kite-makers@123456/kites@456789:environment:staging\n"
        in deployment
    )
    assert "kites-staging is InService" in deployment

    _, staging = sorted(one["body"] for one in user.told("comments").values())
    assert staging.startswith("<!-- kickstand-review staging -->")
    prepared = json.loads((user.hub / "runs/4/artifacts/prepared-staging/review/staging/review.json").read_bytes())
    (arn,) = [one["arn"] for one in prepared["change_sets"] if one["stack"] == HOSTING]
    assert user.change_sets(HOSTING) == {arn: "EXECUTE_COMPLETE"}
    assert f"{HOSTING}: executing {arn}" in deployment


def test_3_the_deploying_role_is_given_to_no_other_subject(user: User) -> None:
    """Neither the preparing job nor a pull request gets the role that deploys, nor who took the repository's name."""
    repository, role = "repo:kite-makers@123456/kites@456789", f"arn:aws:iam::{STAGING}:role/{DEPLOYING}"
    wanted = f"{repository}:environment:staging"
    assert assume(user, role, wanted, "456789") == f"arn:aws:sts::{STAGING}:assumed-role/{DEPLOYING}/somebody"
    for subject, repository_id in (
        (f"{repository}:environment:staging-prepare", "456789"),
        (f"{repository}:pull_request", "456789"),
        ("repo:kite-makers/kites:environment:staging", "456789"),
        ("repo:kite-makers@123456/kites@456780:environment:staging", "456780"),
        (wanted, "456780"),
    ):
        assert assume(user, role, subject, repository_id) == "AccessDenied", subject


def assume(user: User, role: str, subject: str, repository_id: str) -> str:
    """Whose session a token of GitHub's gets, or the error's code."""
    claims = {
        "iss": "https://token.actions.githubusercontent.com",
        "aud": "sts.amazonaws.com",
        "sub": subject,
        "repository_id": repository_id,
        "exp": 4102444800,
    }
    token = RootKeys(StateFolder(user.workshop.state)).web_identity_token(claims)
    client = user.workshop.client("sts", key=STAGING)
    try:
        made = client.assume_role_with_web_identity(RoleArn=role, RoleSessionName="somebody", WebIdentityToken=token)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return str(made["AssumedRoleUser"]["Arn"])
