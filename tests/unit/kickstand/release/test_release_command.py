"""`kickstand release …` as it is typed, in a repository with two environments."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from release_repository import Repository, made_for
from typed import Screen, Terminal

from kickstand.release.file import canonical, release_digest, write_release
from kickstand.release.model import Release


@pytest.fixture(autouse=True)
def made_up_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The samples' digests are of nothing; that such a release is refused is tested with the rules."""
    monkeypatch.setattr("kickstand.release.schema.content_faults", lambda release: ())


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository.make(tmp_path / "bikes")
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "bikes").mkdir(exist_ok=True)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


@pytest.fixture
def staging(repository: Repository) -> Release:
    """dev served a, then b; a was promoted to staging."""
    first = repository.release(letter="a")
    repository.commit("Serve a")
    repository.release(letter="b", metrics={"train:rmse": 0.2, "validation:rmse": 0.28})
    repository.commit("Serve b")
    promoted = repository.promote(first)
    repository.commit("Promote a to staging", author="Grace Hopper")
    return promoted


def lines(screen: Screen) -> list[str]:
    assert (screen.code, screen.err) == (0, "")
    return screen.out.splitlines()


def test_show_tells_what_an_auditor_asks(terminal: Terminal, staging: Release) -> None:
    shown = lines(terminal.type("release", "show", "staging"))
    assert shown[0] == f"staging of bikes: {Path('releases/staging.json')}"
    assert staging.promoted_from is not None
    for line in (
        f"  release       {staging.sha256}",
        f"  model         {'a' * 64}",
        f"  image         {staging.algorithm.image_uri}",
        f"  source commit {staging.source_commit}",
        "  promoted      dev to staging",
        "training job, in dev, account 111122223333",
        f"  name          {staging.training_job.name}",
        "  on            1 x ml.m5.xlarge, 60 billable seconds",
        "  num_round        150",
        "  validation:rmse  0.29",
        "data (label: log1p)",
        f"  sha256        {'ef' * 32}",
        "  1,2 -> 2.5",
    ):
        assert line in shown
    data = shown.index("data (label: log1p)")
    assert shown[data + 1 : data + 6] == [
        "  train         7,620 rows of 14 columns, sha256",
        f"                {staging.channels[0].sha256}",
        f"                {staging.channels[0].s3_uri}",
        "                train.csv: 7,620 rows, 457,200 bytes, sha256",
        f"                {'cd' * 32}",
    ]
    promoted = shown.index("promoted from dev into staging")
    assert shown[promoted + 1 : promoted + 7] == [
        "  by            arn:aws:iam::444455556666:user/ana, 2026-11-24T09:00:00Z",
        f"  its release   {staging.promoted_from.release_sha256}",
        "  approved      by nobody: staging did not require an approval",
        "  gates         1 passed: metrics",
        "    metrics        validation:rmse 0.29; limit: <= 0.35",
        "golden rows",
    ]


def test_show_says_that_there_are_several_models(terminal: Terminal, repository: Repository) -> None:
    repository.release(hyperparameters={"_kfold": "3", "objective": "reg:gamma"})
    shown = lines(terminal.type("release", "show", "dev"))
    place = shown.index("  models        3, one a fold (_kfold); the answer is the mean of theirs")
    assert shown[place + 1].startswith("  model package ")


def test_show_for_a_program_is_the_file(terminal: Terminal, repository: Repository, staging: Release) -> None:
    screen = terminal.type("release", "show", "staging", "--json")
    assert (screen.code, screen.out) == (0, repository.path("staging").read_text())


def test_a_terminal_obeys_nothing_that_stands_in_a_release(terminal: Terminal, repository: Repository) -> None:
    repository.release(hyperparameters={"note": "\x1b[2Jgone\u202e\n"})
    assert r"  note             \x1b[2Jgone\u202e\n" in lines(terminal.type("release", "show", "dev"))


def test_check_says_good_in_one_line(terminal: Terminal, staging: Release) -> None:
    assert lines(terminal.type("release", "check", "staging")) == [
        f"{Path('releases/staging.json')}: good. Release {staging.sha256[:12]} of bikes staging, "
        f"model {'a' * 12}, schema version 3."
    ]


def test_check_tells_all_problems_each_once(terminal: Terminal, repository: Repository) -> None:
    repository.release()
    fields = json.loads(repository.path("dev").read_text())
    del fields["artifact"]["size"], fields["promoted_from"]
    fields |= {"owner": "me", "metrics": {"validation:rmse": "good"}}
    fields["golden_rows"]["predictions"][0] = "2.5"
    repository.path("dev").write_text(canonical(fields))
    screen = terminal.type("release", "check", "dev")
    assert (screen.code, screen.out) == (2, "")
    told = [line.split(".json: ")[1] for line in screen.err.splitlines() if ".json: " in line]
    assert told[0].startswith("The release was changed after it was written: ")
    assert "artifact.size is missing." in told
    assert "owner is not a field of a release." in told
    assert "metrics.validation:rmse must be a valid number." in told
    assert told[-1] == "The release: 'promoted_from' is a required property, by the published schema."
    assert screen.err.count("owner") == screen.err.count("metrics") == screen.err.count("'size'") + 1 == 1


def test_check_finds_what_reading_forgives(terminal: Terminal, repository: Repository) -> None:
    repository.release()
    fields = json.loads(repository.path("dev").read_text())
    del fields["promoted_from"]
    repository.path("dev").write_text(canonical(fields | {"sha256": release_digest(fields)}))
    assert terminal.type("release", "show", "dev").code == 0
    screen = terminal.type("release", "check", "dev")
    assert screen.code == 2
    assert screen.err == (
        f"error: {repository.path('dev')}: The release: 'promoted_from' is a required property, "
        "by the published schema.\n       See release.schema.json.\n"
    )


def test_diff_of_what_is_committed_is_against_the_one_before(terminal: Terminal, staging: Release) -> None:
    shown = lines(terminal.type("release", "diff", "dev"))
    assert shown[0].endswith(f":releases/dev.json -> {Path('releases/dev.json')}")
    assert shown[2] == "artifact"
    assert shown[-3:] == ["metrics", "  train:rmse  0.21 -> 0.2  (-0.01)", "  validation:rmse  0.29 -> 0.28  (-0.01)"]


def test_diff_of_what_is_not_committed_is_against_head(
    terminal: Terminal, repository: Repository, staging: Release
) -> None:
    repository.release(letter="b", hyperparameters={"num_round": "9", "eta": "1"}, metrics={"train:rmse": 0.2})
    shown = lines(terminal.type("release", "diff", "dev"))
    assert shown[0] == f"HEAD:releases/dev.json -> {Path('releases/dev.json')}"
    assert shown[2:] == [
        "metrics",
        "  validation:rmse  removed: 0.28",
        "hyperparameters",
        "  eta  added: 1",
        "  num_round  150 -> 9",
        "  objective  removed: reg:squarederror",
    ]


@pytest.mark.parametrize("source", ["HEAD~1", "staging", "copy.json"])
def test_diff_takes_a_commit_an_environment_or_a_file(
    terminal: Terminal, repository: Repository, staging: Release, source: str
) -> None:
    write_release(repository.folder / "copy.json", made_for("staging", "c"))
    shown = json.loads(terminal.type("release", "diff", "dev", "--from", source, "--json").out)
    changes = {change["field"]: change for change in shown["changes"]}
    if source == "HEAD~1":
        assert changes == {}
    else:
        assert changes["environment"] == {"field": "environment", "before": "staging", "after": "dev", "delta": ""}
        letter = "a" if source == "staging" else "c"
        assert changes["artifact.sha256"]["before"] == letter * 64


def test_diff_says_when_there_is_nothing_to_compare_with(terminal: Terminal, repository: Repository) -> None:
    repository.release()
    repository.commit("Serve a")
    screen = terminal.type("release", "diff", "dev")
    assert screen.code == 2
    assert "git has no other release of dev to compare this one with: it is the first." in screen.err
    screen = terminal.type("release", "diff", "dev", "--from", "nothing")
    assert screen.code == 2
    assert "'nothing' is no environment of the project, no file, and no commit that git knows here." in screen.err
    assert terminal.type("release", "diff", "dev", "--from", "HEAD~1").err == (
        "error: The commit HEAD~1 has no releases/dev.json.\n       See: kickstand release history dev\n"
    )
    assert lines(terminal.type("release", "diff", "dev", "--from", "HEAD"))[-1] == "They are the same."


@pytest.mark.parametrize("command", ["show", "check", "diff"])
def test_an_environment_without_a_release(terminal: Terminal, repository: Repository, command: str) -> None:
    screen = terminal.type("release", command, "dev")
    assert (screen.code, screen.out) == (2, "")
    assert screen.err.startswith(f"error: {repository.path('dev')}: dev has no release yet.")


def test_local_reads_the_local_clouds_release_and_starts_nothing(
    terminal: Terminal, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    monkeypatch.setenv("KICKSTAND_LOCAL_STATE", str(state))
    path = state / "releases" / "bikes" / "dev.json"
    write_release(path, made_for("dev", "d"))
    assert f"  model         {'d' * 64}" in lines(terminal.type("--local", "release", "show", "dev"))
    for words in (("history", "dev"), ("diff", "dev")):
        screen = terminal.type("--local", "release", *words)
        assert screen.code == 2
        assert f"{path}: The local cloud keeps only the last release of an environment, out of git" in screen.err
    assert lines(terminal.type("--local", "release", "diff", "dev", "--from", path))[-1] == "They are the same."
    assert sorted(item.relative_to(state).as_posix() for item in state.rglob("*")) == [
        *("releases", "releases/bikes", "releases/bikes/dev.json")
    ]


def test_a_release_of_the_first_schema_is_shown_and_checked(terminal: Terminal, repository: Repository) -> None:
    for name in ("dev", "staging"):
        repository.path(name).parent.mkdir(exist_ok=True)
        shutil.copy(Path(__file__).with_name("releases_of_0_1_0") / f"{name}.json", repository.path(name))
    repository.commit("As 0.1.0 wrote them")
    shown = lines(terminal.type("release", "show", "staging"))
    promoted = shown.index("promoted from dev into staging")
    assert shown[promoted + 1 : promoted + 7] == [
        "  by            not recorded: see the commit",
        "  its release   3c4b97072c57e05af8e72d0d8f99131d3a30ce1df88544a959e49310caa59050",
        "  approved      by nobody: staging did not require an approval",
        "  gates         2 passed: golden-rows, metrics",
        "    golden-rows    passed, with a figure that was not recorded",
        "    metrics        passed, with a figure that was not recorded",
    ]
    assert lines(terminal.type("release", "check", "staging")) == [
        f"{Path('releases/staging.json')}: good. Release f062537df8a2 of bikes staging, model {'a' * 12}, "
        "schema version 1, read as 3."
    ]
