"""Opening a model archive that nobody vouches for."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from pathlib import Path

import pytest

from training.model.inspection.archive import ArchiveError, extract_model


def _archive(*members: tuple[str, bytes] | tarfile.TarInfo) -> io.BytesIO:
    """A model.tar.gz of files given as (name, content), and of members given as they are."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for given in members:
            if isinstance(given, tarfile.TarInfo):
                tar.addfile(given)
                continue
            member = tarfile.TarInfo(given[0])
            member.size = len(given[1])
            tar.addfile(member, io.BytesIO(given[1]))
    out.seek(0)
    return out


def _plain_tar() -> bytes:
    return gzip.decompress(_archive(("xgboost-model", b"m")).getvalue())


def _member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def test_plain_files_are_unpacked_sorted(tmp_path: Path) -> None:
    files = extract_model(_archive(("xgboost-model", b"m"), ("code/a.py", b"a")), tmp_path / "model")
    assert files == [tmp_path / "model/code/a.py", tmp_path / "model/xgboost-model"]
    assert [file.read_bytes() for file in files] == [b"a", b"m"]


def test_an_archive_may_be_a_path_and_may_say_dot_slash(tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    archive.write_bytes(_archive(_member("./", tarfile.DIRTYPE), ("./xgboost-model", b"m")).getvalue())
    assert extract_model(archive, tmp_path / "model") == [tmp_path / "model/xgboost-model"]


@pytest.mark.parametrize(
    ("member", "fault"),
    [
        (("/etc/model", b""), "has an absolute or unportable path"),
        (("C:\\model", b""), "has an absolute or unportable path"),
        (("../model", b""), "climbs out of its folder"),
        (("a/../../model", b""), "climbs out of its folder"),
        (_member("link", tarfile.SYMTYPE, "/etc/passwd"), "is a link, to '/etc/passwd'"),
        (_member("link", tarfile.LNKTYPE, "xgboost-model"), "is a link, to 'xgboost-model'"),
        (_member("null", tarfile.CHRTYPE), "is neither a file nor a folder"),
        (_member("pipe", tarfile.FIFOTYPE), "is neither a file nor a folder"),
        (("xgboost-model", b"again"), "is there twice"),
        (("xgboost-model/below", b""), "is there twice"),
        (_member("xgboost-model", tarfile.DIRTYPE), "is there twice"),
        (("./xgboost-model", b""), "is there twice"),
        (_member("sparse", tarfile.GNUTYPE_SPARSE), "is neither a file nor a folder"),
        (("a\x1b[31m", b""), "has no name, or one with control characters"),
        (("a\u202eb", b""), "has no name, or one with control characters"),
        (("/".join("d" * 17), b""), "lies deeper than 16 folders, or its name is longer than 255 characters"),
        (("ö" * 128, b""), "lies deeper than 16 folders, or its name is longer than 255 characters"),
    ],
)
def test_an_unsafe_member_is_named_and_nothing_is_written(
    tmp_path: Path, member: tuple[str, bytes] | tarfile.TarInfo, fault: str
) -> None:
    folder = tmp_path / "model"
    with pytest.raises(ArchiveError) as error:
        extract_model(_archive(("xgboost-model", b"m"), member), folder)
    name = member.name if isinstance(member, tarfile.TarInfo) else member[0]
    assert [problem.message for problem in error.value.problems] == [f"Member {name!r} {fault}."]
    assert not folder.exists()


def test_names_that_differ_in_case_alone_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as error:
        extract_model(_archive(("xgboost-model", b"m"), ("XGBoost-Model", b"m")), tmp_path / "model")
    said = "Members 'xgboost-model' and 'XGBoost-Model' differ in case alone."
    assert [problem.message for problem in error.value.problems] == [said]


def test_a_name_of_two_million_characters_and_a_thousand_bad_members_are_short_to_read(tmp_path: Path) -> None:
    deep = _archive(("xgboost-model", b"m"), ("/".join(["d" * 200] * 1500), b""))
    with pytest.raises(ArchiveError, match=r"Member 'd{60}'… of 301,499 characters lies deeper than 16 folders"):
        extract_model(deep, tmp_path / "model")
    with pytest.raises(ArchiveError) as error:
        extract_model(_archive(*[(f"../{number}", b"") for number in range(1000)]), tmp_path / "model")
    assert len(error.value.problems) == 21
    assert error.value.problems[20].message == "So are 980 more of its members."


def _raw(kind: bytes, size: bytes) -> bytes:
    """A tar header of a kind, with the twelve bytes of its size as they are."""
    header = bytearray(_member("x", kind).tobuf(tarfile.GNU_FORMAT))
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
def test_a_header_of_gigabytes_is_not_read(tmp_path: Path, kind: bytes) -> None:
    bomb = gzip.compress(_raw(kind, b"77777777777\0") + bytes(1 << 20))
    with pytest.raises(ArchiveError, match=r"archive: a header says that 8,589,934,591 bytes follow it\."):
        extract_model(io.BytesIO(bomb), tmp_path / "model")


def test_a_size_below_zero_is_refused(tmp_path: Path) -> None:
    archive = gzip.compress(_raw(tarfile.REGTYPE, b"\xff" * 11 + b"\x00") + bytes(10240))
    with pytest.raises(ArchiveError, match=r"archive: a header says that -256 bytes follow it\."):
        extract_model(io.BytesIO(archive), tmp_path / "model")


@pytest.mark.parametrize(
    ("content", "named"),
    [(b"PK\x03\x04", "a zip archive"), (b"BZh9", "bzip2"), (_plain_tar(), "a tar archive that is not gzipped")],
)
def test_another_form_of_archive_is_named(tmp_path: Path, content: bytes, named: str) -> None:
    with pytest.raises(ArchiveError, match=f"^.*This is not a whole gzipped tar archive but {named}: "):
        extract_model(io.BytesIO(content), tmp_path)


def test_all_unsafe_members_are_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError) as error:
        extract_model(_archive(("../a", b""), ("/b", b"")), tmp_path)
    assert len(error.value.problems) == 2


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"unpacks to more than 1,000,000 bytes"):
        extract_model(_archive(("xgboost-model", bytes(2_000_000))), tmp_path / "model", max_bytes=1_000_000)
    assert not (tmp_path / "model").exists()


def test_above_a_gigabyte_an_archive_unpacks_to_a_hundred_times_its_size_at_most(tmp_path: Path) -> None:
    header = tarfile.TarInfo("xgboost-model")
    header.size = 3 << 30
    archive = gzip.compress(header.tobuf() + os.urandom(10_000))
    with pytest.raises(ArchiveError, match=r"unpacks to more than 1,073,741,824 bytes"):
        extract_model(io.BytesIO(archive), tmp_path / "model")


@pytest.mark.parametrize("cut", [0, 1, 20, -12])
def test_a_broken_archive_is_refused(tmp_path: Path, cut: int) -> None:
    whole = _archive(("xgboost-model", bytes(range(256)) * 40)).getvalue()
    with pytest.raises(ArchiveError, match="not a whole gzipped tar archive"):
        extract_model(io.BytesIO(whole[:cut]), tmp_path)


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    for content in (b"not gzip", gzip.compress(b"not tar")):
        with pytest.raises(ArchiveError, match="not a whole gzipped tar archive"):
            extract_model(io.BytesIO(content), tmp_path)
