"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
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


@pytest.fixture(params=[0o022, 0o077, 0o002, 0o027], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    former = os.umask(request.param)
    yield request.param
    os.umask(former)


def test_file_and_folder_have_the_modes_that_the_umask_gives(tmp_path: Path, umask: int) -> None:
    target = tmp_path / "folder" / "answers.csv"
    with atomic_file(target) as stream:
        stream.write(b"1")
    assert (target.stat().st_mode & 0o777, target.parent.stat().st_mode & 0o777) == (0o666 & ~umask, 0o777 & ~umask)


def test_so_has_a_review(tmp_path: Path, umask: int) -> None:
    from review.bundle import write_folder

    for _ in range(2):  # the second takes the place of the first
        write_folder(tmp_path / "review" / "dev", {"review.json": b"{}"})
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / "review/dev", tmp_path / "review/dev/review.json")]
    assert modes == [0o777 & ~umask, 0o666 & ~umask]


def test_a_long_name_is_written_too(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 250)
    with atomic_file(target) as stream:
        stream.write(b"1")
    assert [path.name for path in tmp_path.iterdir()] == ["n" * 250]
