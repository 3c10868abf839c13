"""docs/releases.md: every command on it runs, in a project whose prod has a history."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from release_repository import Repository
from typed import Terminal

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "releases.md").read_text(encoding="utf-8")
BLOCKS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
IN_LINE = sorted(set(re.findall(r"`(kickstand release [^`]+)`", PAGE)))


@pytest.fixture(autouse=True)
def made_up_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples' digests are of nothing; that such a release is refused is tested with the rules."""
    monkeypatch.setattr("kickstand.release.schema.content_faults", lambda release: ())


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    made = Repository.make(tmp_path_factory.mktemp("page"))
    first = made.release(letter="a")
    made.commit("Serve a in dev")
    made.promote(first, name="prod")
    made.commit("Promote a to prod")
    second = made.release(letter="b")
    made.commit("Serve b in dev")
    made.promote(second, "b", name="prod")
    made.commit("Promote b to prod")
    return made


def test_every_command_of_the_program_is_on_the_page() -> None:
    assert [shlex.split(line)[2] for line in BLOCKS] == ["show", "history", "check", "diff", "diff", "diff"]
    assert len(IN_LINE) == 4


@pytest.mark.parametrize("line", [*BLOCKS, *IN_LINE])
def test_a_command_of_the_page_runs(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    monkeypatch.chdir(repository.folder)
    _, *words = shlex.split(line.replace("COMMIT", repository.git("rev-parse", "HEAD~2")))
    screen = Terminal(monkeypatch, capsys).type(*words)
    assert (screen.code, screen.err) == (0, "")
    assert "prod" in screen.out
