"""The thread that saves: who waits is told, one service that cannot be saved does not keep the others back."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.server.persistence import Moment, StateFiles
from localcloud.server.persistence_thread import PersistenceThread


class Records:
    """Records that a test changes; `failures` are those of services that cannot be saved."""

    def __init__(self) -> None:
        self.documents: dict[str, bytes] = {"iam": b"1", "logs": b"1", "logs/events/1": b"1"}
        self.failures: dict[str, str] = {}
        self.forgotten = 0
        self.taken = 0

    def __call__(self) -> Moment:
        self.taken += 1
        whole = {name: text for name, text in self.documents.items() if name.split("/")[0] not in self.failures}
        services = {name.split("/")[0] for name in whole}
        return Moment(whole, (), services, services, self.failures)

    def forget(self) -> None:
        self.forgotten += 1


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def saver(tmp_path: Path, records: Records) -> Iterator[PersistenceThread]:
    thread = PersistenceThread(StateFiles(tmp_path), records)
    thread.start()
    yield thread
    thread.stop()


def saved(saver: PersistenceThread) -> str:
    """Wait for a save; why it failed."""
    done, told = threading.Event(), list[str]()

    def tell(reason: str) -> None:
        told.append(reason)
        done.set()

    saver.when_saved(tell)
    assert done.wait(10)
    return told[0]


def test_what_was_so_when_it_was_asked_is_on_the_disk(
    saver: PersistenceThread, records: Records, tmp_path: Path
) -> None:
    for number in range(20):
        records.documents["iam"] = str(number).encode()
        assert saved(saver) == ""
        assert StateFiles(tmp_path).load()["iam"] == str(number).encode()


def test_a_service_that_cannot_be_saved_keeps_its_last_good_copy(
    saver: PersistenceThread, records: Records, tmp_path: Path
) -> None:
    assert saved(saver) == ""
    records.failures = {"logs": "KeyError: 'eventId'"}
    records.documents = {"iam": b"2", "logs": b"2"}
    assert saved(saver) == ""
    assert StateFiles(tmp_path).load() == {"iam": b"2", "logs": b"1", "logs/events/1": b"1"}
    assert saver.failure == ("the records of logs (KeyError: 'eventId'); the last good copy stays, the rest is saved")
    records.failures = {}
    assert saved(saver) == ""
    assert (saver.failure, StateFiles(tmp_path).load()) == ("", {"iam": b"2", "logs": b"2"})


def test_a_full_disk_is_told_to_who_waits_and_saved_when_there_is_room(
    saver: PersistenceThread, records: Records, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert saved(saver) == ""

    def full(descriptor: int, data: bytes) -> None:
        os.write(descriptor, data[:1])
        raise OSError(28, "No space left on device")

    records.documents["iam"] = b"22"
    with monkeypatch.context() as patched:
        patched.setattr("localcloud.server.persistence.write", full)
        assert saved(saver) == "No space left on device"
        assert saver.failure == "No space left on device"
        assert StateFiles(tmp_path).load()["iam"] == b"1"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["index.json", "journal-1"]
    assert saved(saver) == ""
    assert (saver.failure, StateFiles(tmp_path).load()["iam"]) == ("", b"22")
    assert records.forgotten >= 1


def test_a_failure_is_logged_once_and_its_end(
    saver: PersistenceThread, records: Records, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "kickstand.persistence")
    records.failures = {"logs": "ValueError: no"}
    for _ in range(5):
        saved(saver)
    records.failures = {}
    saved(saver)
    assert [record.message for record in caplog.records] == [
        "the state is not saved: the records of logs (ValueError: no); the last good copy stays, the rest is saved",
        "the state is saved again",
    ]
