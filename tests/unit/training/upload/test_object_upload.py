"""An object that is there already: by what it is known to hold the file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from memory_s3 import MemoryS3

from kickstand.errors import KickstandError
from training.data.files import FileReport
from training.upload.objects import PART, ObjectUpload


def uploaded(tmp_path: Path, content: bytes) -> tuple[MemoryS3, ObjectUpload, FileReport]:
    path = tmp_path / "train.csv"
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    file = FileReport(path=path, name="train.csv", size=len(content), sha256=digest, rows=1)
    s3 = MemoryS3()
    upload = ObjectUpload(s3, "b", {}, {})
    assert upload.put("train.csv", file, present=False)
    s3.requests.clear()
    return s3, upload, file


def test_parts_are_proved_by_their_own_checksum(tmp_path: Path) -> None:
    s3, upload, file = uploaded(tmp_path, b"1" * (PART + 1))
    assert not upload.put("train.csv", file, present=True)
    assert s3.operations() == ["head_object"]


def test_a_note_of_the_digest_is_no_proof(tmp_path: Path) -> None:
    """Whoever may write an object may write its metadata too."""
    s3, upload, file = uploaded(tmp_path, b"1,2\n3,4\n")
    s3.put("s3://b/train.csv", b"1,2\n3,5\n", metadata={"sha256": file.sha256})
    with pytest.raises(KickstandError, match="stands at its key; nothing is written over it"):
        upload.put("train.csv", file, present=True)
