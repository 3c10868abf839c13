"""The line index: every key of a TOML text is found, on the line where it is written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstand.config.source import KeyPath, index_lines


def paths(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """Every path into parsed TOML, as the index counts them; nothing inside an array of tables."""
    found = {path} if path else set()
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= paths(inner, (*path, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            found |= paths(inner, (*path, str(i)))
    return found


TRICKY = '''\
# [comment]
a = 1 # b = 2
"quoted key" = 'x # no comment'
"esc\\"aped.\\u0041" = 1
'literal.key' = "[not.a.table]"
dotted.deep . er = 0x1F
text = """
fake = 1
\\""" still ""quoted"" """""
raw = \'\'\'
fake = 2 \\\'\'\'\'
list = [ # why
  1, "]", [2,
  3], { inline = "}", more.dots = [
  1979-05-27 07:32:00] },
]
[ table . "sub.table" ]
x = { y = { z = true } , w = -inf }
[table]
late = 07:32:00
'''

LINES = {
    ("a",): 2,
    ("quoted key",): 3,
    ('esc"aped.A',): 4,
    ("literal.key",): 5,
    ("dotted",): 6,
    ("dotted", "deep"): 6,
    ("dotted", "deep", "er"): 6,
    ("text",): 7,
    ("raw",): 10,
    ("list",): 12,
    ("list", "0"): 13,
    ("list", "1"): 13,
    ("list", "2"): 13,
    ("list", "2", "0"): 13,
    ("list", "2", "1"): 14,
    ("list", "3"): 14,
    ("list", "3", "inline"): 14,
    ("list", "3", "more"): 14,
    ("list", "3", "more", "dots"): 14,
    ("list", "3", "more", "dots", "0"): 15,
    ("table",): 19,
    ("table", "sub.table"): 17,
    ("table", "sub.table", "x"): 18,
    ("table", "sub.table", "x", "y"): 18,
    ("table", "sub.table", "x", "y", "z"): 18,
    ("table", "sub.table", "x", "w"): 18,
    ("table", "late"): 20,
}


def test_every_form_of_key_is_found_on_its_line() -> None:
    assert index_lines(TRICKY) == LINES


def test_the_index_has_the_keys_that_tomllib_has() -> None:
    assert set(LINES) == paths(tomllib.loads(TRICKY))


def test_windows_line_ends_count_once() -> None:
    assert index_lines("a = 1\r\n[t]\r\nb = 2\r\n") == {("a",): 1, ("t",): 2, ("t", "b"): 3}


def test_items_of_an_array_of_tables_share_the_last_header_line() -> None:
    assert index_lines("[[t]]\na = 1\n[[t]]\na = 2\n") == {("t",): 3, ("t", "a"): 2}


@pytest.mark.parametrize("text", ["", "\n", "# only a comment", "a=1", "[t]", "a = [\n]", "a={}", 'a=""', "a=''"])
def test_short_texts(text: str) -> None:
    assert set(index_lines(text)) == paths(tomllib.loads(text))


KEYS = st.text(alphabet="ab.]}=#\"'\\ é", max_size=4)
SCALARS = st.one_of(
    st.integers(-5, 5).map(str),
    st.booleans().map(lambda b: str(b).lower()),
    st.text(alphabet="x#[]{}=,'\"\\\n é", max_size=8).map(
        lambda s: '"' + s.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    ),
    st.text(alphabet='x#[]{}=,"\n', max_size=8).map(lambda s: f"'''{s}'''"),
)


def quoted(key: str) -> str:
    return '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'


VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda items: "[\n" + " , # ]\n".join(items) + "\n]"),
        st.dictionaries(KEYS, inner.filter(lambda v: "\n" not in v), max_size=3).map(
            lambda d: "{" + ", ".join(f"{quoted(k)} = {v}" for k, v in d.items()) + "}"
        ),
    ),
    max_leaves=8,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(KEYS, st.dictionaries(KEYS, VALUES, max_size=3)), max_size=3, unique_by=lambda t: t[0]))
def test_any_text_has_the_keys_that_tomllib_has_and_each_key_on_its_line(
    tables: list[tuple[str, dict[str, str]]],
) -> None:
    text = "".join(
        f"[{quoted(name)}]\n" + "".join(f"{quoted(k)} = {v}\n" for k, v in keys.items()) for name, keys in tables
    )
    index = index_lines(text)
    assert set(index) == paths(tomllib.loads(text))
    written = text.split("\n")
    for path, line in index.items():
        if len(path) == 2:
            assert written[line - 1].startswith(f"{quoted(path[1])} = ")
