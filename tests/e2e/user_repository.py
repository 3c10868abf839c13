"""A user's own repository: a clone of this one, with their project in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from workshop import REPOSITORY, make_project

NAME = "kite-makers/kites"
FOLDERS = (
    *("kickstand", "infra", "training", "deployment", "review", "promotion", "console", "cli"),
    *("localcloud", "scripts"),
)
FILES = (
    "app.py",
    "cdk.json",
    "Makefile",
    "package.json",
    "package-lock.json",
    "pyproject.toml",
    "requirements.lock",
    "requirements-uv.lock",
    ".gitignore",
    "docs/release.schema.json",
    "tests/conftest.py",
    "tests/run_end.py",
    "tests/run_order.py",
    "tests/kit/cached_synthesis.py",
    "tests/kit/once_a_run.py",
    "tests/kit/samples.py",
    "tests/unit/deployment/test_assembly.py",
)
"""What the workflows touch, with few of the tests, so that theirs take seconds."""

OWN_TEST = """\
from pathlib import Path

from kickstand.config.load import load_project


def test_staging_has_an_account_of_its_own():
    found = load_project(Path("kickstand.toml")).environments
    assert found["dev"].account != found["staging"].account
"""


def make_repository(folder: Path) -> Path:
    """The repository with one commit, main; its project has dev and staging, and no release."""
    make_project(folder)
    for name in FOLDERS:
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, folder / name)
    (folder / "tests" / "infra").mkdir()
    (folder / "tests" / "infra" / "test_place.py").write_text(OWN_TEST)
    with (folder / "kickstand.toml").open("a") as toml:
        toml.write('[environments.staging]\naccount = "444455556666"\nregion = "us-east-1"\npromotes_from = "dev"\n')
        toml.write('profile = "kites-staging"\n')
        toml.write(f'[pipeline]\nrepository = "{NAME}"\n')
    git(folder, "init", "-q", "-b", "main")
    commit(folder, "The project")
    return folder


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=Kim", "-c", "user.email=kim@example.com", *words],
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", message)
