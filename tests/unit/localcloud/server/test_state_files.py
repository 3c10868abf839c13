"""The services' records on disk: one moment or the one before, never half of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kickstand.errors import KickstandError
from localcloud.server.persistence import StateFiles


def saved(folder: Path, **documents: bytes) -> StateFiles:
    files = StateFiles(folder)
    files.load()
    files.save(documents)
    return files


def test_a_new_folder_is_empty(tmp_path: Path) -> None:
    assert StateFiles(tmp_path).load() == {}


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"2")
    files.save({"iam": b"3"})
    assert StateFiles(tmp_path).load() == {"iam": b"3", "s3": b"2"}


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"2")
    assert files.save({"iam": b"1", "s3": b"4"}) == ["s3"]
    assert files.save({"iam": b"1", "s3": b"4"}) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["iam-1.json", "index.json", "s3-2.json"]


def test_what_is_no_longer_present_is_dropped(tmp_path: Path) -> None:
    files = saved(tmp_path, iam=b"1", segment=b"2")
    assert files.save({}, present={"iam", "segment"}) == []
    assert files.save({}, present={"iam"}) == []
    assert StateFiles(tmp_path).load() == {"iam": b"1"}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["iam-1.json", "index.flushed.json", "index.json"]


def test_a_kill_before_the_index_leaves_the_moment_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"1")

    def killed(self: Path, target: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            files.save({"iam": b"2", "s3": b"2"})
    assert StateFiles(tmp_path).load() == {"iam": b"1", "s3": b"1"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "iam-1.json",
        "index.flushed.json",
        "index.json",
        "s3-1.json",
    ]


def test_a_full_disk_leaves_the_moment_before_and_the_next_save_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"1")
    written: list[Path] = []

    def full(path: Path, data: bytes) -> None:
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        path.write_bytes(data)

    with monkeypatch.context() as patched:
        patched.setattr("localcloud.server.persistence._write", full)
        with pytest.raises(OSError, match="No space left"):
            files.save({"iam": b"2", "s3": b"2"})
    assert StateFiles(tmp_path).load() == {"iam": b"1", "s3": b"1"}
    assert files.save({"iam": b"2", "s3": b"2"}) == ["iam", "s3"]
    assert StateFiles(tmp_path).load() == {"iam": b"2", "s3": b"2"}


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "iam-1.json").write_bytes(b"x"), "iam-1.json was changed after it was written"),
        (lambda folder: (folder / "iam-1.json").unlink(), "iam-1.json cannot be read"),
        (lambda folder: (folder / "index.json").write_text("{"), "index.json is not JSON"),
        (
            lambda folder: (folder / "index.json").write_text(json.dumps({"format": 2})),
            "format 2 is not the one that this version writes",
        ),
    ],
)
def test_damage_is_told_with_what_to_do(tmp_path: Path, damage: object, message: str) -> None:
    saved(tmp_path, iam=b"1")
    damage(tmp_path)  # type: ignore[operator]
    with pytest.raises(KickstandError) as caught:
        StateFiles(tmp_path).load()
    assert message in str(caught.value)
    assert "kickstand local reset" in str(caught.value)


def test_a_loss_of_power_costs_what_was_not_flushed(tmp_path: Path) -> None:
    files = saved(tmp_path, iam=b"1", s3=b"1")
    files.flush()
    files.save({"iam": b"2"})
    files.save({"iam": b"3"})
    (tmp_path / "iam-3.json").write_bytes(b"")  # its bytes were in memory alone
    again = StateFiles(tmp_path)
    assert again.load() == {"iam": b"1", "s3": b"1"}
    assert StateFiles(tmp_path).load() == {"iam": b"1", "s3": b"1"}
    again.save({"iam": b"4"})
    again.flush()
    assert StateFiles(tmp_path).load() == {"iam": b"4", "s3": b"1"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "iam-2.json",
        "index.flushed.json",
        "index.json",
        "s3-1.json",
    ]


def test_documents_of_a_failed_service_stay_and_its_namesakes_go(tmp_path: Path) -> None:
    files = saved(tmp_path, logs=b"1", **{"logs-events-1": b"2", "logsother": b"3"})
    files.save({"iam": b"1"}, present={"iam"}, failed={"logs"})
    assert StateFiles(tmp_path).load() == {"iam": b"1", "logs": b"1", "logs-events-1": b"2"}
