"""The workflow files: linted, pinned, with no more rights than a job needs, and written without losing a user's own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_files import write
from typer.testing import CliRunner

from cli.commands import app
from deployment.workflows.files import (
    ACTIONS,
    WORKFLOWS,
    project_problems,
    repository_root,
    workflow_files,
    write_workflows,
)
from kickstand.atomic_file import atomic_file
from kickstand.config.load import load_project
from kickstand.errors import InputError, KickstandError

TOML = """\
[project]
name = "bikes"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 5
[environments.dev]
account = "111122223333"
region = "us-east-1"
[environments.staging]
account = "444455556666"
region = "us-east-1"
promotes_from = "dev"
profile = "staging"
[environments.prod]
account = "777788889999"
region = "us-east-1"
promotes_from = "staging"
"""
PIPELINE = '[pipeline]\nrepository = "rides/bikes"\n'


@pytest.fixture(autouse=True)
def no_gh(monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub is never asked here, whoever is logged in on this machine."""
    monkeypatch.setattr("deployment.workflows.repository.shutil.which", lambda name: None)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A git repository as a clone of this one is laid out, with a project that has a pipeline."""
    folder = tmp_path / "bikes"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for name in ("app.py", "Makefile", "train.csv"):
        (folder / name).write_text("1,2\n")
    (folder / "kickstand.toml").write_text(TOML + PIPELINE)
    return folder


def files(repository: Path) -> dict[str, str]:
    project = load_project(repository / "kickstand.toml")
    return {path.name: text for path, text in workflow_files(project, repository).items()}


def jobs(repository: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for text in files(repository).values():
        document = yaml.safe_load(text)
        assert document["permissions"] == {}
        found |= document["jobs"]
    return found


def init(repository: Path, *words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["--config", str(repository / "kickstand.toml"), "init", *words])
    return done.exit_code, done.output if done.exception is None else str(done.exception)


def test_the_linter_finds_nothing(repository: Path) -> None:
    assert init(repository, "--github")[0] == 0
    linter = Path(sys.executable).with_name("zizmor")
    command = [linter, "--offline", "--pedantic", "--no-progress", "--format", "plain", repository / WORKFLOWS]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_actions_are_pinned_by_commit_with_their_version(repository: Path) -> None:
    used = [line for text in files(repository).values() for line in text.splitlines() if "uses:" in line]
    assert {line.split("uses: ")[1] for line in used} == set(ACTIONS.values())
    assert all(re.search(r"@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line) for line in used)


def test_only_the_comment_writes_and_it_runs_nothing_of_the_pull_request(repository: Path) -> None:
    writing = {name for name, job in jobs(repository).items() if job["permissions"].get("pull-requests") == "write"}
    assert writing == {"comment"}
    steps = jobs(repository)["comment"]["steps"]
    assert [step.get("uses") for step in steps] == [None]
    every = {
        scope for job in jobs(repository).values() for scope, level in job["permissions"].items() if level == "write"
    }
    assert every == {"id-token", "pull-requests"}


def test_a_token_for_aws_is_given_only_to_jobs_that_assume_a_role(repository: Path) -> None:
    for name, job in jobs(repository).items():
        assumes = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
        assert (job["permissions"].get("id-token") == "write") == assumes, name
        assert "timeout-minutes" in job


def test_forks_get_neither_credentials_nor_comments(repository: Path) -> None:
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    guarded = {name for name, job in jobs(repository).items() if same in str(job.get("if", ""))}
    assert guarded == {"review-dev", "review-staging", "review-prod", "comment"}
    assert "pull_request_target" not in "".join(files(repository).values())


def test_staging_and_prod_wait_for_an_approval_between_preparation_and_deployment(repository: Path) -> None:
    found = {name: job.get("environment") for name, job in jobs(repository).items() if "environment" in job}
    assert found == {
        "deploy-dev": "dev",
        "prepare-staging": "staging-prepare",
        "deploy-staging": "staging",
        "prepare-prod": "prod-prepare",
        "deploy-prod": "prod",
    }
    assert jobs(repository)["deploy-prod"]["needs"] == "prepare-prod"
    assert jobs(repository)["prepare-prod"]["needs"] == ["build", "deploy-dev", "prepare-staging", "deploy-staging"]
    groups = {
        name: job["concurrency"]["group"]
        for name, job in jobs(repository).items()
        if name.endswith("-prod") and "concurrency" in job
    }
    assert groups == {"prepare-prod": "kickstand-prod", "deploy-prod": "kickstand-prod"}


def test_a_project_elsewhere_in_the_repository_is_named_in_every_command(repository: Path) -> None:
    (repository / "rides").mkdir()
    for name in ("kickstand.toml", "train.csv"):
        (repository / name).rename(repository / "rides" / name)
    project = load_project(repository / "rides/kickstand.toml")
    for text in workflow_files(project, repository).values():
        document = yaml.safe_load(text)
        assert document["env"] == {"CONFIG": "rides/kickstand.toml"}
        runs = "".join(step.get("run", "") for job in document["jobs"].values() for step in job["steps"])
        assert runs.count('.venv/bin/kickstand --config "$CONFIG" ') == runs.count("bin/kickstand ") > 0


ODD = """a $(touch owned) `touch owned` b'"; touch owned #: {c}"""


def test_a_folders_name_reaches_the_shell_as_a_value_alone(repository: Path) -> None:
    """The steps are run, by a kickstand that writes down its words, in a folder that is made of shell syntax."""
    (repository / ODD / "releases").mkdir(parents=True)
    for name in ("kickstand.toml", "train.csv"):
        (repository / name).rename(repository / ODD / name)
    (repository / ODD / "releases/dev.json").write_text("{}")
    project = load_project(repository / ODD / "kickstand.toml")
    assert [*project_problems(project, repository)] == []
    program = repository / ".venv/bin/kickstand"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@" >> words\n')
    program.chmod(0o755)
    for text in workflow_files(project, repository).values():
        document = yaml.safe_load(text)
        for job in document["jobs"].values():
            for step in job["steps"]:
                assert "touch" not in step.get("run", "")
                assert "${{" not in step.get("run", "")
        if "test" in document["jobs"]:
            (step,) = [one for one in document["jobs"]["test"]["steps"] if one["name"] == "Check the releases"]
            variables = {"PATH": "/usr/bin:/bin", **document["env"], **step["env"]}
            subprocess.run(["bash", "-e", "-c", step["run"]], cwd=repository, env=variables, check=True)
    assert (repository / "words").read_text().splitlines() == [
        "--config",
        f"{ODD}/kickstand.toml",
        "release",
        "check",
        "dev",
    ]
    assert not (repository / "owned").exists()


@pytest.mark.parametrize("folder", ["a\nb", "a\u2028b", "${{ secrets.KEY }}"])
def test_a_folder_that_github_would_read_is_refused(repository: Path, folder: str) -> None:
    (repository / folder).mkdir()
    for name in ("kickstand.toml", "train.csv"):
        (repository / name).rename(repository / folder / name)
    project = load_project(repository / folder / "kickstand.toml")
    said = [problem.message for problem in project_problems(project, repository)]
    assert said == [
        f"The path {folder + end!a} cannot be written into a workflow." for end in ("/kickstand.toml", "/releases")
    ]


def test_nothing_that_was_fetched_lies_where_it_could_be_run(repository: Path) -> None:
    """Jobs that may get a token unpack artifacts outside the checkout, and deploy the assembly of their own commit."""
    for name, job in jobs(repository).items():
        runs = [step.get("run", "") for step in job["steps"]]
        if not name.startswith(("prepare-", "deploy-")):
            continue
        fetching = [run for run in runs if "gh run download" in run or "reviewed_artifact" in run]
        assert fetching, name
        for run in fetching:
            assert re.search(r' "\$RUNNER_TEMP/[a-z]+(/assembly)?"$', run.strip()), name
        environment = name.partition("-")[2]
        (compared,) = [run for run in runs if "--same-as" in run]
        assert f" assembly {environment} --out assembly --same-as " in compared
        acting = [run for run in runs if "--assembly" in run]
        assert acting
        assert all(word == f"assembly/{environment}" for run in acting for word in re.findall(r"--assembly (\S+)", run))
        # Before a role is assumed.
        uses = [step.get("uses", "") for step in job["steps"]]
        assume = next(number for number, use in enumerate(uses) if "configure-aws-credentials" in use)
        assert runs.index(compared) < assume


def test_a_file_that_differs_is_left_and_named(repository: Path) -> None:
    assert init(repository, "--github")[0] == 0
    assert "written" not in init(repository, "--github")[1]
    mine = repository / WORKFLOWS / "kickstand-review.yml"
    good = mine.read_text()
    mine.write_text("mine\n")
    (repository / WORKFLOWS / "kickstand-deploy.yml").unlink()
    code, said = init(repository, "--github")
    assert code != 0
    assert f"{mine}: This file is there and differs" in said
    assert mine.read_text() == "mine\n"
    assert not (repository / WORKFLOWS / "kickstand-deploy.yml").exists()
    assert init(repository, "--github", "--force")[0] == 0
    assert mine.read_text() == good


def test_a_failure_takes_back_what_was_written(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (repository / "a.yml").write_text("before")

    def full_disk(path: Path) -> Any:
        if path.name == "b.yml":
            raise KickstandError("The file could not be written.")
        return atomic_file(path)

    monkeypatch.setattr("deployment.workflows.files.atomic_file", full_disk)
    with pytest.raises(KickstandError):
        write_workflows(repository, {Path("a.yml"): "one", Path("b.yml"): "two"}, force=True)
    assert (repository / "a.yml").read_text() == "before"
    assert not (repository / "b.yml").exists()


def test_every_problem_is_told_at_once(repository: Path) -> None:
    (repository / "Makefile").unlink()
    role = 'role_arn = "arn:aws:iam::777788889999:role/x"\n'
    (repository / "kickstand.toml").write_text(TOML + role)
    project = load_project(repository / "kickstand.toml")
    said = [problem.message for problem in project_problems(project, repository)]
    assert len(said) == 3
    assert said[0].startswith("The workflows run `make setup`")
    assert said[1] == "It is not said which repository's workflows may act in dev, staging, prod."
    assert said[2].startswith("prod names a role_arn")


def test_without_a_git_repository_nothing_is_written(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("1,2\n")
    with pytest.raises(InputError, match="No git repository"):
        repository_root(load_project(write(tmp_path, TOML + PIPELINE)))
