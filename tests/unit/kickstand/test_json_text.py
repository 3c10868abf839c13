"""The reader of JSON: a value, or one message with its place; and nothing else reads JSON of ours."""

from __future__ import annotations

import ast
import json
import re
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from source_tree import dotted_name

from kickstand.errors import Problem
from kickstand.json_text import JsonError, parse_json, read_bounded

ROOT = Path(__file__).resolve().parents[3]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    # a character of its own, not half of one
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@given(VALUES, st.booleans())
def test_what_json_writes_is_read_as_it_was(value: object, escapes: bool) -> None:
    assert parse_json(json.dumps(value, ensure_ascii=escapes).encode()) == value


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        (b'{"a": NaN}', 1, 7, "NaN is no number of JSON"),
        (b'["NaN",\n  -Infinity]', 2, 3, "-Infinity is no number of JSON"),
        (b'{"1e400": 1,\n "a": 1e400}', 2, 7, "the number 1e400 is beyond a 64-bit float"),
        (b"[1, " + b"7" * 5000 + b"]", 1, 5, "the number 77777777777777777777… is beyond 64 bits (5000 characters)"),
        (b"[18446744073709551616]", 1, 2, "the number 18446744073709551616… is beyond 64 bits (20 characters)"),
        (b"[0." + b"1" * 5000 + b"]", 1, 2, "the number 0.111111111111111111… has 5,002 characters"),
        (b'{"a": {"x": 1,\n "b": 2,\n "x": 3}}', 3, 2, "the name x stands twice in one object"),
        (rb'{"a": 1, "\u0061": 2}', 1, 10, "the name a stands twice in one object"),
        (b"\xef\xbb\xbf{}", 1, 1, "it begins with a byte order mark; save it as UTF-8 without one"),
        (b'{"a":\n "\xff"}', 2, 3, "it is not UTF-8, byte 0xff"),
        ("{}".encode("utf-16"), 1, 1, "it is not UTF-8, byte 0xff"),
        (rb'{"a": "\ud800"}', 1, 8, "half of a surrogate pair is no character"),
        (b'{"a": "\x01"}', 1, 8, "Invalid control character at"),
        (b"", 1, 1, "Expecting value"),
        (b"{} {}", 1, 4, "Extra data"),
        (b"\n" + b"[" * 1500 + b"]" * 1500, 2, 101, "it is nested deeper than 100 brackets"),
        (b'{"a":' * 1500 + b"1" + b"}" * 1500, 1, 501, "it is nested deeper than 100 brackets"),
        (b"[" * 200_000, 1, 101, "it is nested deeper than 100 brackets"),
    ],
)
def test_what_is_not_taken_is_named_with_its_place(text: bytes, line: int, column: int, message: str) -> None:
    with pytest.raises(JsonError) as refused:
        parse_json(text)
    assert (refused.value.message, refused.value.line, refused.value.column) == (message, line, column)


def test_brackets_and_numbers_in_strings_are_none() -> None:
    text = json.dumps({"a": "[" * 500 + '"\\' + "NaN 1e400", "b": "\\ud83d\\ude42 \\\\ud800"})
    assert parse_json(text) == json.loads(text)


def test_numbers_with_a_fraction_may_be_decimal() -> None:
    assert parse_json('{"a": 0.10, "b": 2}', number=Decimal) == {"a": Decimal("0.10"), "b": 2}


def test_a_file_is_bounded_and_so_is_a_device_without_end(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b"[1,2,3]")
    assert parse_json(read_bounded(file, 7)) == [1, 2, 3]
    with pytest.raises(OSError, match="larger than 6 bytes"):
        read_bounded(file, 6)
    with pytest.raises(OSError, match="larger than 1,000 bytes"):
        read_bounded(Path("/dev/zero"), 1000)
    with pytest.raises(JsonError, match=r"^it has 3 bytes; 2 are taken$"):
        parse_json(b"[1]", most=2)
    with pytest.raises(JsonError) as refused:
        parse_json(b"[1,\nNaN]")
    assert refused.value.problem(file, "Do.") == Problem("Not JSON: NaN is no number of JSON.", f"{file}:2:1", "Do.")


@pytest.mark.parametrize("text", ['["' + "\\\\" * 2_000_000, "[" + '"",' * 1_000_000, '{"a":' + "9" * 4_000_000])
def test_time_grows_with_the_length_alone(text: str) -> None:
    began = time.process_time()
    with pytest.raises(JsonError):
        parse_json(text)
    assert time.process_time() - began < 5


OTHER_READERS = {
    "kickstand/json_text.py": "the reader",
    "kickstand/aws/resource_schema.py": "a package's own tables",
    "deployment/workflows/repository.py": "what gh says, and copies of what is in memory",
    "training/model/inspection/boosters.py": "xgboost's own configuration",
    "training/model/inspection/document.py": "a model, which xgboost writes with NaN; its depth is checked there",
    "training/model/inspection/model_run.py": "a child's answer",
    "training/model/inspection/run.py": "a child's request, from its parent",
    "training/prediction/endpoint_client.py": "an endpoint's answer: AWS's image writes NaN",
}
"""Files that call Python's own reader, and why."""


def test_nothing_else_reads_json() -> None:
    found = set()
    for folder in ("kickstand", "infra", "training", "deployment", "review", "promotion", "console", "cli"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text("utf-8")
            for node in ast.walk(ast.parse(text)) if re.search(r"\bjson\b", text) else ():
                called = dotted_name(node) if isinstance(node, ast.Attribute) else ""
                from_json = isinstance(node, ast.ImportFrom) and node.module == "json"
                if called in ("json.loads", "json.load", "json.JSONDecoder") or from_json:
                    found.add(str(file.relative_to(ROOT)))
    assert found - OTHER_READERS.keys() == set()
