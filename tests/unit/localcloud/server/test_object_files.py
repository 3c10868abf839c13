"""The files of S3 objects after a kill in the middle of a write."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pytest

from localcloud.server.object_files import erase_bucket, repair_objects, write_durably

PLACE = "111122223333/models"


def etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'


def put(root: Path, key: str, content: bytes, **meta: Any) -> Path:
    path = root / PLACE / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    told = {"size": len(content), "etag": etag(content), "content_type": "text/csv", "key": key, **meta}
    path.with_name(path.name + ".meta.json").write_text(json.dumps(told))
    return path


def overwrite(path: Path, content: bytes) -> None:
    """What a killed server leaves: new bytes, and the description of the old ones."""
    path.write_bytes(content)
    later = path.with_name(path.name + ".meta.json").stat().st_mtime_ns + 1_000_000
    os.utime(path, ns=(later, later))


def meta(path: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(path.with_name(path.name + ".meta.json").read_text())
    return told


def test_whole_objects_are_left_alone(tmp_path: Path) -> None:
    path = put(tmp_path, "a/b.csv", b"1,2")
    assert repair_objects(tmp_path) == []
    assert path.read_bytes() == b"1,2"
    assert meta(path)["content_type"] == "text/csv"


@pytest.mark.parametrize("new", [b"9,9", b"longer,than,before"])
def test_a_torn_overwrite_becomes_the_new_object(tmp_path: Path, new: bytes) -> None:
    path = put(tmp_path, "b.csv", b"1,2", checksums={"ChecksumCRC32": "old"})
    overwrite(path, new)
    assert repair_objects(tmp_path) == [f"{PLACE}/b.csv"]
    assert (meta(path)["etag"], meta(path)["size"], meta(path)["checksums"]) == (etag(new), len(new), {})
    assert repair_objects(tmp_path) == []


def test_a_torn_overwrite_of_a_version_goes_back_to_it(tmp_path: Path) -> None:
    path = put(tmp_path, "a/b.csv", b"1,2", version_id="v1")
    before = tmp_path / ".versions" / PLACE / "v1" / "a" / "b.csv"
    before.parent.mkdir(parents=True)
    before.write_bytes(b"1,2")
    overwrite(path, b"9,9")
    assert repair_objects(tmp_path) == [f"{PLACE}/a/b.csv"]
    assert path.read_bytes() == b"1,2"
    assert (meta(path)["etag"], meta(path)["version_id"]) == (etag(b"1,2"), "v1")


def test_multipart_etags_are_not_taken_for_digests(tmp_path: Path) -> None:
    path = put(tmp_path, "big.csv", b"1,2", etag='"0123456789abcdef0123456789abcdef-2"')
    overwrite(path, b"1,2")
    assert repair_objects(tmp_path) == []


def test_bytes_that_were_never_described_are_no_object(tmp_path: Path) -> None:
    path = tmp_path / PLACE / "new.csv"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"1,2")
    assert repair_objects(tmp_path) == [f"{PLACE}/new.csv"]
    assert not path.exists()


def test_a_delete_marker_keeps_the_bytes_that_it_hides(tmp_path: Path) -> None:
    path = put(tmp_path, "b.csv", b"1,2", is_delete_marker=True, size=0, etag="")
    assert repair_objects(tmp_path) == []
    assert path.read_bytes() == b"1,2"


def test_leftovers_are_swept(tmp_path: Path) -> None:
    path = put(tmp_path, "b.csv", b"1,2")
    path.with_name("b.csv.tmp").write_bytes(b"half")
    (tmp_path / ".erased-x-0").mkdir()
    (tmp_path / ".erased-x-0" / "b.csv").write_bytes(b"gone")
    repair_objects(tmp_path)
    assert sorted(each.name for each in tmp_path.rglob("*") if each.is_file()) == ["b.csv", "b.csv.meta.json"]
    assert not (tmp_path / ".erased-x-0").exists()


def test_an_erased_bucket_takes_its_versions_along(tmp_path: Path) -> None:
    put(tmp_path, "b.csv", b"1,2")
    versions = tmp_path / ".versions" / PLACE / "v1"
    versions.mkdir(parents=True)
    (versions / "b.csv").write_bytes(b"0")
    erase_bucket(tmp_path, "111122223333", "models", "one")
    erase_bucket(tmp_path, "111122223333", "models", "two")
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


def test_a_failed_write_leaves_the_old_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "b.csv"
    write_durably(str(path), b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_durably(str(path), b"new")
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["b.csv"]
