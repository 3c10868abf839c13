"""Which release a rollback goes back to, what refuses it, and what it leaves behind."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from release_repository import ACCOUNTS, Repository, made_for
from samples import environment
from typed import Terminal
from workspaces import workspace

from kickstand.config.promotion import Review, Signing
from kickstand.errors import InputError, KickstandError
from kickstand.release.file import write_release
from kickstand.release.model import GateResult, Override, Promotion
from kickstand.signing.envelope import signature_path
from promotion.gates.gate import Outcome
from promotion.rollback import EarlierRelease, earlier_release, require_committed, require_gates, require_good, restore
from promotion.view import commit_lines, review_lines, rollback_lines


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """dev served a, b, c."""
    made = Repository.make(tmp_path / "bikes")
    for letter in "abc":
        made.release(letter=letter)
        made.commit(f"Serve {letter}")
    return made


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "bikes").mkdir(exist_ok=True)


def found(repository: Repository, to: str) -> str:
    return earlier_release(repository.path("dev"), to).release.artifact.sha256[0]


def refused(repository: Repository, to: str) -> str:
    with pytest.raises(InputError) as caught:
        earlier_release(repository.path("dev"), to)
    return str(caught.value)


def test_releases_are_counted_back_from_the_committed_one(repository: Repository) -> None:
    assert [found(repository, to) for to in ("1", "2")] == ["b", "a"]
    assert found(repository, "HEAD~2") == "a"
    assert found(repository, repository.git("rev-parse", "HEAD~1")[:9]) == "b"


def test_its_bytes_are_those_of_the_commit(repository: Repository) -> None:
    path = repository.path("dev")
    earlier = earlier_release(path, "1")
    assert earlier.commit == repository.git("rev-parse", "HEAD~1")
    restore(earlier, path)
    assert repository.git("diff", "--stat", "HEAD~1", "--", "releases") == ""


def test_after_a_rollback_the_next_one_goes_on_backwards(repository: Repository) -> None:
    path = repository.path("dev")
    restore(earlier_release(path, "1"), path)
    repository.commit("dev: back to b")
    assert found(repository, "1") == "a"
    assert found(repository, "HEAD~1") == "c"
    assert "dev has 1 earlier release in git, not 2." in refused(repository, "2")


def test_too_far_back_says_what_there_is(repository: Repository) -> None:
    told = refused(repository, "3")
    first, second = repository.git("rev-parse", "HEAD~1")[:12], repository.git("rev-parse", "HEAD~2")[:12]
    assert told == (
        f"{repository.path('dev')}: dev has 2 earlier releases in git, not 3. "
        f"--to 1: {first} of 2026-03-04, model {'b' * 12}, validation:rmse 0.29; "
        f"--to 2: {second} of 2026-03-04, model {'a' * 12}, validation:rmse 0.29"
    )


def test_nothing_earlier(tmp_path: Path) -> None:
    made = Repository.make(tmp_path / "bikes")
    made.release(letter="a")
    assert "No commit has a release of dev: there is nothing to go back from." in refused(made, "1")
    made.commit("Serve a")
    assert "dev has no earlier release in git." in refused(made, "1")
    assert "is the one that is committed now" in refused(made, "HEAD")
    assert "git knows no commit 'v1'" in refused(made, "v1")
    assert "The commit HEAD~1 has no releases/dev.json." in refused(made, "HEAD~1")
    assert "--to counts releases back" in refused(made, "0")


def test_what_only_a_branch_tried_is_nothing_to_go_back_to(repository: Repository) -> None:
    repository.git("switch", "-qc", "topic")
    repository.release(letter="d")
    repository.commit("Try d")
    repository.git("switch", "-q", "main")
    repository.minutes += 1
    repository.git("merge", "-q", "-s", "ours", "-m", "Keep c", "topic")
    assert [found(repository, to) for to in ("1", "2")] == ["b", "a"]


def test_a_merged_pull_request_was_served(repository: Repository) -> None:
    repository.git("switch", "-qc", "topic")
    repository.release(letter="d")
    repository.commit("Promote d")
    repository.git("switch", "-q", "main")
    repository.minutes += 1
    repository.git("merge", "-q", "--no-ff", "-m", "Merge d", "topic")
    repository.release(letter="e")
    repository.commit("Serve e")
    assert [found(repository, to) for to in ("1", "2")] == ["d", "c"]


def test_what_cannot_be_read_is_passed_over(repository: Repository) -> None:
    good = repository.path("dev").read_text()
    repository.path("dev").write_text("<<<<<<< HEAD\n")
    repository.commit("Merge in a hurry")
    assert "The committed release of dev cannot be read" in refused(repository, "1")
    repository.path("dev").write_text(good)
    repository.commit("Fix it")
    repository.release(letter="d")
    repository.commit("Serve d")
    assert [found(repository, to) for to in ("1", "2")] == ["c", "b"]


def test_a_shallow_clone_cannot_be_counted_in(repository: Repository, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", "--depth=2", repository.folder.as_uri(), str(clone)], check=True)
    path = clone / "releases" / "dev.json"
    with pytest.raises(InputError, match="git fetch --unshallow"):
        earlier_release(path, "1")
    assert earlier_release(path, "HEAD~1").release.artifact.sha256 == "b" * 64


def test_the_signature_of_that_time_comes_with_it(repository: Repository) -> None:
    """Also one that came in a later commit than its release."""
    path = repository.path("dev")
    repository.release(letter="d")
    repository.commit("Serve d")
    signature_path(path).write_text("d signed\n")
    repository.commit("Sign d")
    repository.release(letter="e")
    signature_path(path).write_text("e signed\n")
    repository.commit("Serve e")
    back_to_d = earlier_release(path, "1")
    assert back_to_d.signature == "d signed\n"
    restore(back_to_d, path)
    assert signature_path(path).read_text() == "d signed\n"
    repository.git("checkout", "-q", "--", ".")
    restore(earlier_release(path, "2"), path)
    assert not signature_path(path).exists()


def test_what_is_in_no_commit_is_not_lost(repository: Repository) -> None:
    path = repository.path("dev")
    earlier = earlier_release(path, "1")
    require_committed(path, earlier)
    write_release(path, made_for("dev", "d"))
    with pytest.raises(InputError, match=r"dev.json in the working folder is not what HEAD has: going back would lose"):
        require_committed(path, earlier)
    restore(earlier, path)  # what a rollback that was killed has left
    require_committed(path, earlier)
    signature_path(path).write_text("mine\n")
    with pytest.raises(InputError, match=r"dev.dsse.json in the working folder"):
        require_committed(path, earlier)


def test_the_earlier_release_passes_every_check_of_today(repository: Repository) -> None:
    path = repository.path("dev")
    earlier = earlier_release(path, "1")
    assert require_good(earlier, path, environment()) == earlier.release
    with pytest.raises(InputError) as caught:
        require_good(earlier, path, environment(account=ACCOUNTS["prod"]))
    where = f"{earlier.commit[:12]}:dev.json"
    assert str(caught.value).startswith(
        f"{where}: The release names the account 111122223333; dev is account 777788889999."
    )
    with pytest.raises(InputError, match="The release of dev is not signed"):
        require_good(earlier, path, environment(signing=Signing(required=True)))


def outcome(gate: str, *, passed: bool) -> Outcome:
    return Outcome(gate, passed, "", "", "")


def test_a_gate_that_refuses_stops_it_unless_it_was_overridden_then() -> None:
    origin = Promotion(
        environment="dev",
        release_sha256="c" * 64,
        gates=(GateResult(name="metrics", passed=False, figure="", limit=""),),
        overrides=(Override(gate="metrics", reason="better than nothing", by="arn"),),
        by="arn",
        at="",
    )
    failed = (outcome("metrics", passed=False), outcome("policy", passed=True))
    require_gates(failed, made_for("staging", "a", promoted_from=origin))
    with pytest.raises(KickstandError, match="The gate metrics refuses the earlier release"):
        require_gates(failed, made_for("dev", "a"))


def test_the_screens(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(repository.folder)
    path = repository.path("dev")
    earlier: EarlierRelease = earlier_release(path, "1")
    short = earlier.commit[:12]
    shown = rollback_lines(earlier, "dev")
    assert shown[0] == (
        f"dev goes back to the release of commit {short}: release {earlier.release.sha256[:12]}, model {'b' * 12}."
    )
    assert f"    - {'c' * 64}" in shown
    assert f"    + {'b' * 64}" in shown
    assert commit_lines(earlier, path, "it's slow ")[-1] == (
        f"""  git add releases/dev.json && git commit -m 'dev: back to the release of {short}: it'"'"'s slow'"""
    )
    assert review_lines(workspace(of=environment(name="prod", review=Review(require_review=True))))[-1] == (
        "  kickstand deploy prod --reviewed review/prod/review.json"
    )


def test_history_tells_a_rollback_as_such(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository.folder)
    path = repository.path("dev")
    terminal = Terminal(monkeypatch, capsys)
    assert "ROLLED BACK" not in terminal.type("release", "history", "dev").out
    earlier = earlier_release(path, "2")
    restore(earlier, path)
    repository.commit("dev: back to a")
    blocks = terminal.type("release", "history", "dev").out.split("\n\n")
    assert f"  ROLLED BACK   to the release of commit {earlier.commit[:12]}\n" in blocks[0]
    assert all("ROLLED BACK" not in block for block in blocks[1:])
    told: list[dict[str, Any]] = json.loads(terminal.type("release", "history", "dev", "--json").out)
    assert [one["back_to"] for one in told] == [earlier.commit, None, None, None]


def test_under_local_there_is_no_history_to_go_back_in(
    repository: Repository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository.folder)
    screen = Terminal(monkeypatch, capsys).type("--local", "rollback", "dev")
    assert screen.code == 2
    assert (
        "The local cloud keeps only the last release of an environment, out of git: there is no earlier one."
        in screen.err
    )
