"""What git prints, read without git."""

from __future__ import annotations

from kickstand.git import Commit, moved_from, parse_blobs, parse_log

ADA = (
    "1" * 40,
    "Ada",
    "ada@example.com",
    "2026-03-04T05:00:00+01:00",
    "Bot",
    "2026-03-05T05:00:00Z",
    "2" * 40,
    "Begin; \x1e|",
)
OWN = ("2" * 40, "Ωna", "", "2026-03-03T05:00:00+01:00", "Ωna", "2026-03-03T05:00:00+01:00", "", "")


def test_a_log_is_read_field_by_field() -> None:
    output = "".join("\0".join(fields) + "\0" for fields in (ADA, OWN)).encode()
    assert parse_log(output, "releases/dev.json") == (
        Commit(*ADA, path="releases/dev.json"),
        Commit(*OWN, path="releases/dev.json"),
    )


def test_an_empty_log_has_no_commits() -> None:
    assert parse_log(b"", "releases/dev.json") == ()


def test_a_name_in_another_encoding_does_not_end_the_story() -> None:
    output = "\0".join(ADA).encode().replace(b"Ada", b"\xc5da") + b"\0"
    assert parse_log(output, "x")[0].author == "\ufffdda"


def test_a_moved_folder_is_followed_another_file_is_not() -> None:
    output = b"R100\0old/app.py\0new/app.py\0R098\0old/dev.json\0new/dev.json\0R090\0new/a.json\0new/prod.json\0"
    assert moved_from(output, "new/dev.json") == "old/dev.json"
    assert moved_from(output, "new/prod.json") is None
    assert moved_from(output, "new/staging.json") is None
    assert moved_from(b"", "new/dev.json") is None


def test_blobs_are_read_by_their_size() -> None:
    blob = b'{"a":\r\n1}\n'
    output = b"1111 blob %d\n%s\n" % (len(blob), blob) + b"HEAD:x y missing\n" + b"2222 tree 3\na\nb\n3333 blob 0\n\n"
    assert parse_blobs(output, 4) == ['{"a":\n1}\n', None, None, ""]


def test_bytes_that_are_no_text_are_marked() -> None:
    assert parse_blobs(b"1111 blob 2\n\xff{\n", 1) == ["\ufffd{"]
