"""A file is written whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from botocore.exceptions import ConnectTimeoutError

from kickstand.atomic_file import atomic_file
from kickstand.errors import KickstandError


def test_it_takes_the_place_of_the_former_file(tmp_path: Path) -> None:
    target = tmp_path / "folder" / "answers.csv"
    for text in (b"one", b"two"):
        with atomic_file(target) as stream:
            stream.write(text)
    assert target.read_bytes() == b"two"
    assert [path.name for path in target.parent.iterdir()] == ["answers.csv"]


@pytest.mark.parametrize("trouble", [KeyboardInterrupt(), ValueError("x"), ConnectTimeoutError(endpoint_url="x")])
def test_an_interrupt_leaves_the_former_file_and_nothing_else(tmp_path: Path, trouble: BaseException) -> None:
    target = tmp_path / "answers.csv"
    target.write_bytes(b"former")
    with pytest.raises(type(trouble)), atomic_file(target) as stream:
        stream.write(b"half")
        raise trouble
    assert target.read_bytes() == b"former"
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]


def test_a_full_disk_is_said_plainly(tmp_path: Path) -> None:
    target = tmp_path / "answers.csv"
    target.write_bytes(b"former")
    with pytest.raises(KickstandError) as failed, atomic_file(target):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert failed.value.problems[0].message == "The file could not be written: No space left on device."
    assert failed.value.problems[0].where == str(target)
    assert target.read_bytes() == b"former"
    assert [path.name for path in tmp_path.iterdir()] == ["answers.csv"]


def test_a_folder_made_for_a_file_that_failed_is_gone_too(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_file(tmp_path / "new" / "deep" / "answers.csv"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
