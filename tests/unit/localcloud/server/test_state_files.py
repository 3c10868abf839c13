"""The services' records on disk: one moment or the one before, never half of each."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstand.errors import KickstandError
from localcloud.server import persistence
from localcloud.server.persistence import Moment, StateFiles, misplaced


def saved(folder: Path, **documents: bytes) -> StateFiles:
    files = StateFiles(folder)
    files.load()
    files.save(Moment(documents))
    return files


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def no_room(descriptor: int, data: bytes) -> None:
    """Writes the half, as a disk that is full then."""
    os.write(descriptor, data[: len(data) // 2])
    raise OSError(28, "No space left on device")


def test_a_new_folder_is_empty(tmp_path: Path) -> None:
    assert StateFiles(tmp_path).load() == {}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"2")
    files.save(Moment({"iam": b"3"}))
    assert StateFiles(tmp_path).load() == {"iam": b"3", "s3": b"2"}


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"2")
    assert files.save(Moment({"iam": b"1", "s3": b"4"})) == ["s3"]
    size = (tmp_path / "journal-1").stat().st_size
    assert files.save(Moment({"iam": b"1", "s3": b"4"})) == []
    assert (tmp_path / "journal-1").stat().st_size == size
    assert names(tmp_path) == ["index.json", "journal-1"]


def test_what_is_gone_is_dropped(tmp_path: Path) -> None:
    files = saved(tmp_path, **{"iam/roles/a": b"1", "iam/roles/b": b"2", "logs/x": b"3", "s3/x": b"4"})
    assert files.save(Moment({}, ["iam/roles/a", "iam/roles/never"])) == []
    assert StateFiles(tmp_path).load() == {"iam/roles/b": b"2", "logs/x": b"3", "s3/x": b"4"}
    files.save(Moment({}, services={"iam", "s3"}))
    assert StateFiles(tmp_path).load() == {"iam/roles/b": b"2", "s3/x": b"4"}
    files.save(Moment({"iam/users/c": b"5"}, whole={"iam"}))
    assert StateFiles(tmp_path).load() == {"iam/users/c": b"5", "s3/x": b"4"}


def test_documents_of_a_failed_service_stay_and_its_namesakes_go(tmp_path: Path) -> None:
    files = saved(tmp_path, **{"logs": b"1", "logs/events/1": b"2", "logsother": b"3"})
    files.save(Moment({"iam": b"1"}, (), {"iam"}, {"iam"}, {"logs": "KeyError: 'eventId'"}))
    assert StateFiles(tmp_path).load() == {"logs": b"1", "logs/events/1": b"2", "iam": b"1"}


def test_a_save_that_was_cut_off_at_any_byte_is_none(tmp_path: Path) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"1")
    first = (tmp_path / "journal-1").read_bytes()
    files.save(Moment({"iam": b"2\n", "ssm": b"{}"}, ["s3"]))
    whole = (tmp_path / "journal-1").read_bytes()
    assert whole.startswith(first)
    for length in range(len(first), len(whole)):
        (tmp_path / "journal-1").write_bytes(whole[:length])
        again = StateFiles(tmp_path)
        assert again.load() == {"iam": b"1", "s3": b"1"}, length
        assert (tmp_path / "journal-1").read_bytes() == first
        again.save(Moment({"iam": b"3"}))
        assert StateFiles(tmp_path).load() == {"iam": b"3", "s3": b"1"}, length
    (tmp_path / "journal-1").write_bytes(whole)
    assert StateFiles(tmp_path).load() == {"iam": b"2\n", "ssm": b"{}"}


def test_a_full_disk_leaves_the_moment_before_and_the_next_save_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"1")
    size = (tmp_path / "journal-1").stat().st_size
    with monkeypatch.context() as patched:
        patched.setattr(persistence, "write", no_room)
        with pytest.raises(OSError, match="No space left"):
            files.save(Moment({"iam": b"2", "s3": b"2"}))
        assert (tmp_path / "journal-1").stat().st_size == size
    assert StateFiles(tmp_path).load() == {"iam": b"1", "s3": b"1"}
    assert files.save(Moment({"iam": b"2", "s3": b"2"})) == ["iam", "s3"]
    assert StateFiles(tmp_path).load() == {"iam": b"2", "s3": b"2"}


def test_the_rest_of_a_failed_save_that_stayed_is_written_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = saved(tmp_path, iam=b"1")

    def refused(descriptor: int, length: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(persistence, "write", no_room)
        patched.setattr(os, "ftruncate", refused)
        with pytest.raises(OSError, match="No space left"):
            files.save(Moment({"iam": b"a long one" * 100}))
    files.save(Moment({"iam": b"2"}))
    assert (tmp_path / "journal-1").read_bytes().endswith(b"\n2\n")
    assert StateFiles(tmp_path).load() == {"iam": b"2"}


def test_a_journal_that_is_no_longer_there_takes_nothing(tmp_path: Path) -> None:
    services = tmp_path / "services"
    services.mkdir()
    files = saved(services, iam=b"1")
    services.rename(tmp_path / "away")
    with pytest.raises(FileNotFoundError):
        files.save(Moment({"iam": b"2"}))
    (tmp_path / "away").rename(services)
    assert StateFiles(services).load() == {"iam": b"1"}
    (services / "journal-1").write_bytes(b"")
    with pytest.raises(OSError, match="has lost what was saved"):
        files.save(Moment({"iam": b"2"}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: change(folder / "journal-1"), "journal-1 was changed after it was written"),
        (lambda folder: (folder / "journal-1").write_bytes(b""), "journal-1 was changed after it was written"),
        (lambda folder: (folder / "journal-1").unlink(), "journal-1 cannot be read"),
        (lambda folder: (folder / "index.json").write_text("{"), "index.json is not JSON"),
        (
            lambda folder: (folder / "index.json").write_text(json.dumps({"format": 3})),
            r"format 3 is not the one that this version writes \(2\)",
        ),
    ],
)
def test_damage_is_told_with_what_to_do(tmp_path: Path, damage: Callable[[Path], None], message: str) -> None:
    saved(tmp_path, iam=b"1").flush()
    damage(tmp_path)
    with pytest.raises(KickstandError, match=message) as caught:
        StateFiles(tmp_path).load()
    assert "kickstand local reset" in str(caught.value)


def change(path: Path) -> None:
    text = path.read_bytes()
    path.write_bytes(text[:-2] + b"x\n")


def test_a_loss_of_power_costs_what_was_not_flushed(tmp_path: Path) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"1")
    files.save(Moment({"iam": b"2"}))
    files.flush()
    size = (tmp_path / "journal-1").stat().st_size
    for number in (3, 4):
        files.save(Moment({"iam": b"%d" % number}))
    text = (tmp_path / "journal-1").read_bytes()
    (tmp_path / "journal-1").write_bytes(text[:size] + bytes(len(text) - size))  # its bytes were in memory alone
    again = StateFiles(tmp_path)
    assert again.load() == {"iam": b"2", "s3": b"1"}
    assert StateFiles(tmp_path).load() == {"iam": b"2", "s3": b"1"}
    again.save(Moment({"iam": b"5"}))
    again.flush()
    assert StateFiles(tmp_path).load() == {"iam": b"5", "s3": b"1"}


def test_what_is_out_of_date_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistence, "SPARE", 1000)
    files = saved(tmp_path, **{"iam/a": b"a" * 500, "s3/b": b"b" * 5000})
    for number in range(20):
        files.save(Moment({"iam/a": b"%d" % number * 250}))
    files.flush()
    assert names(tmp_path) == ["index.json", "journal-2"]
    assert (tmp_path / "journal-2").stat().st_size < 6000
    assert StateFiles(tmp_path).load() == {"iam/a": b"19" * 250, "s3/b": b"b" * 5000}
    files.save(Moment({"iam/a": b"more"}))
    assert StateFiles(tmp_path).load() == {"iam/a": b"more", "s3/b": b"b" * 5000}


def test_what_was_dropped_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(persistence, "SPARE", 1000)
    files = saved(tmp_path, **{"iam/a": b"a" * 500, "s3/b": b"b" * 5000})
    files.flush()
    files.save(Moment({}, ["s3/b"]))
    files.flush()
    assert (names(tmp_path), (tmp_path / "journal-2").stat().st_size < 700) == (["index.json", "journal-2"], True)
    assert StateFiles(tmp_path).load() == {"iam/a": b"a" * 500}


@pytest.mark.parametrize("call", ["write", "replace"])
def test_a_journal_that_cannot_be_copied_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    monkeypatch.setattr(persistence, "SPARE", 0)
    files = saved(tmp_path, iam=b"1" * 100)
    for number in range(5):
        files.save(Moment({"iam": b"%d" % number * 100}))
    with monkeypatch.context() as patched:
        if call == "write":
            patched.setattr(persistence, "write", no_room)
        else:
            patched.setattr(Path, "replace", lambda *_: no_room(os.open(os.devnull, os.O_WRONLY), b""))
        with pytest.raises(OSError, match="No space left"):
            files.flush()
    assert names(tmp_path) == ["index.json", "journal-1"]
    assert StateFiles(tmp_path).load() == {"iam": b"4" * 100}
    files.save(Moment({"iam": b"5"}))
    files.flush()
    assert StateFiles(tmp_path).load() == {"iam": b"5"}


def of_the_first_format(folder: Path, documents: Mapping[str, bytes], index: str, generation: int) -> None:
    """A folder as versions up to 0.3.0 wrote it."""
    services = {}
    for name, document in documents.items():
        file = f"{name}-{generation}.json"
        (folder / file).write_bytes(document)
        services[name] = {"file": file, "sha256": hashlib.sha256(document).hexdigest()}
    text = json.dumps({"format": 1, "generation": generation, "services": services}, indent=2, sort_keys=True)
    (folder / index).write_text(text)


OLD = {"cloudwatch_logs": b"2", "cloudwatch_logs-events-0a-0": b"3", "iam": b"1"}
READ = {"cloudwatch_logs": b"2", "cloudwatch_logs/events/0a-0": b"3", "iam": b"1"}


def test_a_folder_of_the_first_format_is_read_and_becomes_a_journal(tmp_path: Path) -> None:
    of_the_first_format(tmp_path, {**OLD, "iam": b"0"}, "index.flushed.json", 1)
    of_the_first_format(tmp_path, OLD, "index.json", 2)
    files = StateFiles(tmp_path)
    assert files.load() == READ
    assert names(tmp_path) == ["index.json", "journal-1"]
    files.save(Moment({"iam/roles/a": b"4"}, whole={"iam"}))
    assert StateFiles(tmp_path).load() == {**{name: READ[name] for name in READ if name != "iam"}, "iam/roles/a": b"4"}


@pytest.mark.parametrize("damage", ["iam-2.json", "index.json"])
def test_a_folder_of_the_first_format_that_lost_power_is_that_of_its_flush(tmp_path: Path, damage: str) -> None:
    of_the_first_format(tmp_path, {**OLD, "iam": b"0"}, "index.flushed.json", 1)
    of_the_first_format(tmp_path, OLD, "index.json", 2)
    (tmp_path / damage).write_bytes(b"")
    assert StateFiles(tmp_path).load() == {**READ, "iam": b"0"}
    assert StateFiles(tmp_path).load() == {**READ, "iam": b"0"}


def test_a_damaged_folder_of_the_first_format_is_told(tmp_path: Path) -> None:
    of_the_first_format(tmp_path, OLD, "index.json", 2)
    (tmp_path / "iam-2.json").write_bytes(b"x")
    with pytest.raises(KickstandError, match=r"iam-2\.json was changed after it was written"):
        StateFiles(tmp_path).load()
    assert "iam-2.json" in names(tmp_path)


def test_a_folder_of_the_first_format_on_a_full_disk_waits_for_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_the_first_format(tmp_path, OLD, "index.json", 2)
    before = names(tmp_path)
    files = StateFiles(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(persistence, "write", no_room)
        assert files.load() == READ
        with pytest.raises(OSError, match="No space left"):
            files.save(Moment({"iam": b"2"}))
    assert names(tmp_path) == before
    files.save(Moment({"iam": b"2"}))
    assert StateFiles(tmp_path).load() == {**READ, "iam": b"2"}


@given(st.lists(st.integers(0, 9), unique=True), st.lists(st.integers(0, 9), unique=True))
def test_misplaced_names_come_back_in_order(before: list[int], after: list[int]) -> None:
    moved = misplaced(before, after)
    left = [each for each in before if each in after and each not in moved]
    assert left + [each for each in after if each not in left] == after


Step = tuple[str, int, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "put", "put", "drop", "again", "whole", "flush", "restart", "cut", "full"]),
              st.integers(0, 5), st.integers(0, 3)),
    max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_any_sequence_of_saves_is_read_back_in_order(steps: list[Step]) -> None:
    """The oracle is a dictionary; each step is checked as a process that starts then would read it."""
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patched:
        patched.setattr(persistence, "SPARE", 300)
        folder, state, files = Path(name), dict[str, bytes](), StateFiles(Path(name))
        for number, (step, key, length) in enumerate(steps):
            document, value = f"s/g/{key}", b"%d." % number * (1 + 40 * length)
            if step == "put":
                files.save(Moment({document: value}))
                state[document] = value
            elif step == "drop":
                files.save(Moment({}, [document]))
                state.pop(document, None)
            elif step == "again":
                files.save(Moment({document: value}, [document]))
                state.pop(document, None)
                state[document] = value
            elif step == "whole":
                state = {each: state[each] for each in sorted(state, reverse=bool(length % 2)) if each != document}
                files.save(Moment(state, whole={"s"}))
            elif step == "flush":
                files.flush()
            elif step == "full":
                with pytest.MonkeyPatch.context() as full:
                    full.setattr(persistence, "write", no_room)
                    with pytest.raises(OSError, match="No space"):
                        files.save(Moment({document: value}))
            else:
                if step == "cut":
                    for journal in folder.glob("journal-*"):
                        with journal.open("ab") as stream:
                            stream.write(b"0" * 64 + b" 000000000100\n{")
                files = StateFiles(folder)
                assert [*files.load().items()] == [*state.items()]
        assert [*StateFiles(folder).load().items()] == [*state.items()]
