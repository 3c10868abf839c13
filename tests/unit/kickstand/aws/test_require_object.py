"""An object is read in one way: hashed as it passes, compared with its digest, never longer than it may be."""

from __future__ import annotations

import hashlib
import io
import re
from typing import Any

import pytest
from memory_s3 import MemoryS3
from source_tree import SourceTree

from kickstand.aws.s3 import ChangedObjectError, S3Location, read_object, require_object
from kickstand.errors import KickstandError

PLACE = S3Location("b", "golden/x.json")
SHA256 = hashlib.sha256(b"content").hexdigest()


def stored(content: bytes) -> MemoryS3:
    s3 = MemoryS3()
    s3.put(PLACE.uri, content)
    return s3


def test_the_bytes_of_a_digest_are_read() -> None:
    out = io.BytesIO()
    require_object(stored(b"content"), PLACE, SHA256, out, what="test rows", most=7)
    assert out.getvalue() == b"content"


@pytest.mark.parametrize(("what", "told"), [("test rows", "test rows were"), ("model artifact", "model artifact was")])
def test_other_bytes_are_refused_in_one_wording(what: str, told: str) -> None:
    with pytest.raises(ChangedObjectError) as refused:
        require_object(stored(b"other"), PLACE, SHA256, io.BytesIO(), what=what)
    (problem,) = refused.value.problems
    found = hashlib.sha256(b"other").hexdigest()
    assert problem.message == f"The {told} changed: expected SHA-256 {SHA256}, found {found}."
    assert (problem.where, problem.fix) == (PLACE.uri, "Find out who wrote it; delete that object version.")


def test_an_object_that_is_too_long_is_not_read() -> None:
    out = io.BytesIO()
    with pytest.raises(ChangedObjectError, match="The object has 7 bytes; at most 6 are read"):
        require_object(stored(b"content"), PLACE, SHA256, out, what="test rows", most=6)
    assert out.getvalue() == b""


def test_an_object_that_is_not_there_is_told() -> None:
    with pytest.raises(KickstandError, match=r"Failed while reading the test rows: .*NoSuchKey"):
        require_object(MemoryS3(), PLACE, SHA256, io.BytesIO(), what="test rows")


def test_each_piece_is_counted_and_a_download_that_breaks_off_is_told() -> None:
    counts: list[int] = []
    read = read_object(stored(b"content"), PLACE, io.BytesIO(), doing="reading it", on_bytes=counts.append)
    assert (read.sha256, read.size, counts) == (SHA256, 7, [7])

    class Broken(MemoryS3):
        def get_object(self, **request: Any) -> Any:
            return {**super().get_object(**request), "ContentLength": 9}

    s3 = Broken(stored(b"content").objects)
    with pytest.raises(KickstandError, match="The download broke off after 7 of 9 bytes"):
        read_object(s3, PLACE, io.BytesIO(), doing="reading it")


def test_no_other_module_says_what_was_found_in_a_changed_object() -> None:
    said = re.compile(r"changed[^\"]*expected (?:\{|SHA-256)")
    assert {path for path, text in SourceTree().texts.items() if said.search(text)} == {"kickstand/aws/s3.py"}
