"""Input files of transform jobs, cut into records and gathered into payloads."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.jobs.transform.records import BatchStrategy, PayloadTooLarge, payloads_of, records_of


def cut(content: bytes, split: str, strategy: BatchStrategy, limit: int) -> list[bytes]:
    return [one.body() for one in payloads_of(records_of(io.BytesIO(content), split, limit), strategy, limit)]


@pytest.mark.contract("B01", "B02")
@pytest.mark.parametrize(
    ("content", "split", "strategy", "limit", "bodies"),
    [
        (b"1,2\n3,4\n5,6\n", "Line", "MultiRecord", 100, [b"1,2\n3,4\n5,6"]),
        (b"1,2\n3,4\n5,6", "Line", "MultiRecord", 100, [b"1,2\n3,4\n5,6"]),
        # 7 bytes are two records and the newline between them.
        (b"1,2\n3,4\n5,6\n", "Line", "MultiRecord", 7, [b"1,2\n3,4", b"5,6"]),
        (b"1,2\n3,4\n5,6\n", "Line", "MultiRecord", 6, [b"1,2", b"3,4", b"5,6"]),
        (b"1,2\n3,4\n5,6\n", "Line", "SingleRecord", 100, [b"1,2", b"3,4", b"5,6"]),
        (b"1,2\n3,4\n", "None", "MultiRecord", 8, [b"1,2\n3,4\n"]),
        (b"", "Line", "MultiRecord", 8, []),
        (b"", "None", "MultiRecord", 8, [b""]),
        (b"1\r\n2\r\n", "Line", "MultiRecord", 8, [b"1\r\n2\r"]),
    ],
)
def test_payloads(content: bytes, split: str, strategy: BatchStrategy, limit: int, bodies: list[bytes]) -> None:
    assert cut(content, split, strategy, limit) == bodies


@pytest.mark.parametrize(("split", "content"), [("Line", b"1\n12345\n"), ("Line", b"12345"), ("None", b"1\n2\n3")])
def test_a_record_over_the_limit_is_refused_in_the_data_logs_words(split: str, content: bytes) -> None:
    with pytest.raises(PayloadTooLarge, match=r"^Too much data for max payload size$"):
        cut(content, split, "MultiRecord", 4)


def test_a_line_without_end_is_not_read_whole() -> None:
    source = io.BytesIO(b"1" * (5 << 20))
    with pytest.raises(PayloadTooLarge):
        list(records_of(source, "Line", 1024))
    assert source.tell() == 1 << 20


LINES = st.lists(st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"")), max_size=40)


@pytest.mark.contract("B02")
@given(LINES, st.integers(12, 60))
def test_every_line_is_in_one_payload_in_order_and_none_is_too_large(lines: list[bytes], limit: int) -> None:
    content = b"".join(line + b"\n" for line in lines)
    bodies = cut(content, "Line", "MultiRecord", limit)
    assert [line for body in bodies for line in body.split(b"\n")] == lines
    assert all(len(body) <= limit for body in bodies)
    # None could have taken the first line of the next.
    for body, following in itertools.pairwise(bodies):
        assert len(body) + 1 + len(following.split(b"\n")[0]) > limit
