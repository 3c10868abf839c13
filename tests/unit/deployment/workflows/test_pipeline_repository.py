"""What `kickstand init --github` learns from GitHub, and writes into the project file."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from project_files import SMALLEST
from typer.testing import CliRunner

from cli.commands import app
from kickstand.config.load import load_project
from kickstand.config.promotion import Pipeline

PIPELINE = """\
[pipeline]  # whose workflows
repository = "octocat/my-repo"   # on GitHub
"""
REPOSITORY = {"id": 456789, "full_name": "octocat/my-repo", "owner": {"id": 123456, "login": "octocat"}}
NEW = {"use_default": True, "use_immutable_subject": True}
OLD = {"use_default": True, "use_immutable_subject": False}
SUB = "repos/octocat/my-repo/actions/oidc/customization/sub"


class Gh:
    """A `gh` on the PATH that knows some answers, and of everything else says what GitHub would."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file = folder / "answers.json"
        self.calls = folder / "calls"
        program = folder / "gh"
        program.write_text(
            f"#!{sys.executable}\n"
            "import json, pathlib, sys\n"
            f"pathlib.Path({str(self.calls)!r}).open('a').write(' '.join(sys.argv[1:]) + '\\n')\n"
            f"answers = json.loads(pathlib.Path({str(self.file)!r}).read_text())\n"
            "if sys.argv[-1] not in answers: sys.exit('gh: Not Found (HTTP 404)')\n"
            "print(json.dumps(answers[sys.argv[-1]]))\n"
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=":")
        self.knows({})

    def knows(self, answers: dict[str, Any]) -> None:
        self.file.write_text(json.dumps(answers))


@pytest.fixture
def gh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gh:
    (tmp_path / "bin").mkdir()
    return Gh(tmp_path / "bin", monkeypatch)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "bikes"
    folder.mkdir()
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    for name in ("app.py", "Makefile", "train.csv"):
        (folder / name).write_text("1,2\n")
    write(folder, SMALLEST + PIPELINE)
    return folder


def write(folder: Path, text: str) -> None:
    (folder / "kickstand.toml").write_bytes(text.encode())


def init(folder: Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["--config", str(folder / "kickstand.toml"), "init", "--github"])
    return done.exit_code, done.output if done.exception is None else str(done.exception)


def pipeline(folder: Path) -> Pipeline:
    return load_project(folder / "kickstand.toml").environments["dev"].pipeline


def test_the_ids_of_a_repository_made_today_are_written_below_its_name(repository: Path, gh: Gh) -> None:
    gh.knows({"repos/octocat/my-repo": REPOSITORY, SUB: NEW})
    code, said = init(repository)
    assert code == 0
    assert "kickstand.toml: written" in said
    text = (repository / "kickstand.toml").read_text()
    assert text == SMALLEST + PIPELINE + "owner_id = 123456\nrepository_id = 456789\n"
    assert gh.calls.read_text().splitlines()[0] == "api --hostname github.com repos/octocat/my-repo"
    assert "kickstand.toml: " not in init(repository)[1]
    assert (repository / "kickstand.toml").read_text() == text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            'pipeline.repository = "octocat/my-repo"\r\n' + SMALLEST.replace("\n", "\r\n"),
            'pipeline.repository = "octocat/my-repo"\r\npipeline.owner_id = 123456\r\n'
            "pipeline.repository_id = 456789\r\n" + SMALLEST.replace("\n", "\r\n"),
        ),
        (
            SMALLEST + '[pipeline]\n  repository = "octocat/my-repo"\n\n'
            '[environments.dev.pipeline]\nrepository = "octocat/my-repo"',
            SMALLEST + '[pipeline]\n  repository = "octocat/my-repo"\n  owner_id = 123456\n  repository_id = 456789\n\n'
            '[environments.dev.pipeline]\nrepository = "octocat/my-repo"\nowner_id = 123456\nrepository_id = 456789',
        ),
    ],
)
def test_the_rest_of_the_file_stays_letter_by_letter(repository: Path, gh: Gh, before: str, after: str) -> None:
    gh.knows({"repos/octocat/my-repo": REPOSITORY, SUB: NEW})
    write(repository, before)
    assert init(repository)[0] == 0
    assert (repository / "kickstand.toml").read_bytes() == after.encode()
    assert pipeline(repository) == Pipeline(repository="octocat/my-repo", owner_id=123456, repository_id=456789)


def test_a_file_that_cannot_be_added_to_is_left_and_the_ids_are_printed(repository: Path, gh: Gh) -> None:
    gh.knows({"repos/octocat/my-repo": REPOSITORY, SUB: NEW})
    text = 'pipeline = { repository = "octocat/my-repo" }\n' + SMALLEST
    write(repository, text)
    code, said = init(repository)
    assert code == 0
    assert "Write owner_id = 123456 and repository_id = 456789 beside repository in kickstand.toml" in said
    assert (repository / "kickstand.toml").read_text() == text


def test_an_older_repository_keeps_its_subject_and_learns_how_to_opt_in(repository: Path, gh: Gh) -> None:
    gh.knows({"repos/octocat/my-repo": REPOSITORY, SUB: OLD})
    code, said = init(repository)
    assert code == 0
    assert f"gh api --method PUT {SUB} -F use_default=true -F use_immutable_subject=true" in said
    assert pipeline(repository).owner_id is None


@pytest.mark.parametrize(("created", "owner_id"), [("2026-07-15T00:00:00Z", 123456), ("2026-07-14T23:59:59Z", None)])
def test_where_the_format_may_not_be_read_the_day_of_creation_counts(
    repository: Path, gh: Gh, created: str, owner_id: int | None
) -> None:
    gh.knows({"repos/octocat/my-repo": REPOSITORY | {"created_at": created}})
    code, said = init(repository)
    assert code == 0
    assert pipeline(repository).owner_id == owner_id
    assert ("GitHub does not say whether the tokens of octocat/my-repo hold its ids" in said) == (owner_id is None)


def test_without_an_answer_the_workflows_are_written_and_the_ids_are_asked_for(repository: Path, gh: Gh) -> None:
    code, said = init(repository)
    assert code == 0
    assert "The ids of octocat/my-repo are not known (gh api repos/octocat/my-repo: gh: Not Found (HTTP 404))" in said
    assert "gh api repos/octocat/my-repo --jq '.owner.id, .id'" in said
    assert (repository / ".github/workflows/kickstand-deploy.yml").exists()


def test_what_would_be_refused_by_aws_is_named_at_once_and_nothing_is_written(repository: Path, gh: Gh) -> None:
    renamed = REPOSITORY | {"full_name": "Octocat/My-Repo"}
    template = {"use_default": False, "include_claim_keys": ["repo"]}
    sub = "repos/Octocat/My-Repo/actions/oidc/customization/sub"
    gh.knows({"repos/octocat/my-repo": renamed, sub: template})
    text = SMALLEST + PIPELINE + "owner_id = 7\nrepository_id = 456789\n"
    write(repository, text)
    code, said = init(repository)
    assert code != 0
    assert 'GitHub spells the repository "Octocat/My-Repo", not "octocat/my-repo"' in said
    assert "owner_id is 7; of Octocat/My-Repo it is 123456 on GitHub. Write 123456." in said
    assert f"Put the default back: gh api --method PUT {sub} -F use_default=true" in said
    assert not (repository / ".github").exists()
    assert (repository / "kickstand.toml").read_text() == text


def test_ids_of_a_repository_whose_subjects_hold_none_are_refused(repository: Path, gh: Gh) -> None:
    gh.knows({"repos/octocat/my-repo": REPOSITORY, SUB: OLD})
    write(repository, SMALLEST + PIPELINE + "owner_id = 123456\nrepository_id = 456789\n")
    code, said = init(repository)
    assert code != 0
    assert "The project file has the ids of octocat/my-repo, whose subjects hold names alone." in said
