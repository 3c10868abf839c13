"""The JSONPath of batch transform's filters."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.jobs.transform.json_path import JsonPath, JsonPathError

ROW = ["7", "a", "b", "c"]
RECORD: dict[str, Any] = {
    "id": 7,
    "features": [1.5, 2.5, 3.5],
    "parts": [{"x": 1, "y": [1, 2]}, {"x": 2, "y": [3]}],
    "odd name": {"SageMakerOutput": 0},
}


@pytest.mark.parametrize(
    ("path", "record", "selected"),
    [
        ("$", ROW, ROW),
        ("$[1:]", ROW, ["a", "b", "c"]),
        ("$[:2]", ROW, ["7", "a"]),
        ("$[1:-1]", ROW, ["a", "b"]),
        ("$[0]", ROW, "7"),
        ("$[-1]", ROW, "c"),
        ("$[0,-1]", ROW, ["7", "c"]),
        ("$[0, 2:]", ROW, ["7", "b", "c"]),
        ("$[*]", ROW, ROW),
        ("$[2:9]", ROW, ["b", "c"]),
        ("$.features", RECORD, [1.5, 2.5, 3.5]),
        ("$['features'][0]", RECORD, 1.5),
        ("$.features[1:]", RECORD, [2.5, 3.5]),
        ("$['id','features']", RECORD, {"id": 7, "features": [1.5, 2.5, 3.5]}),
        ('$["odd name"].SageMakerOutput', RECORD, 0),
        ("$.['id']", RECORD, 7),
        ("$.parts[*].x", RECORD, [1, 2]),
        ("$.parts[*].y[*]", RECORD, [1, 2, 3]),
        ("$.parts[0].*", RECORD, [1, [1, 2]]),
    ],
)
def test_selection(path: str, record: Any, selected: Any) -> None:
    assert JsonPath.parse(path).select(record) == selected


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("features", "The JSONPath features must begin with $."),
        ("$..id", "The JSONPath $..id has an operator that is not supported: ..id."),
        ("$[?(@.x>1)]", "The JSONPath $[?(@.x>1)] has an operator that is not supported: [?(@.x>1)]."),
        ("$[]", "The JSONPath $[] has an operator that is not supported: []."),
        ("$['a',1]", "The JSONPath $['a',1] has an operator that is not supported: ['a',1]."),
        ("$[1:2:3]", "The JSONPath $[1:2:3] has an operator that is not supported: [1:2:3]."),
        ("$[0", "The JSONPath $[0 has an operator that is not supported: [0."),
    ],
)
def test_what_is_no_path_of_batch_transform(path: str, message: str) -> None:
    with pytest.raises(JsonPathError) as caught:
        JsonPath.parse(path)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("path", "record", "message"),
    [
        ("$[4]", ROW, "The JSONPath $[4] selects index 4, and the record has 4 members."),
        ("$.a", RECORD, "The JSONPath $.a selects 'a', which the record does not have."),
        ("$['id','a']", RECORD, "The JSONPath $['id','a'] selects 'a', which the record does not have."),
        ("$.id[0]", RECORD, "The JSONPath $.id[0] takes an index of what is no array."),
        ("$.id.*", RECORD, "The JSONPath $.id.* selects all of what is no object and no array."),
        ("$.x", ROW, "The JSONPath $.x selects 'x', which the record does not have."),
    ],
)
def test_what_is_not_in_the_record(path: str, record: Any, message: str) -> None:
    with pytest.raises(JsonPathError) as caught:
        JsonPath.parse(path).select(record)
    assert str(caught.value) == message


@given(st.lists(st.integers(), min_size=1, max_size=8), st.integers(-9, 9), st.integers(-9, 9))
def test_slices_are_pythons(row: list[int], start: int, end: int) -> None:
    assert JsonPath.parse(f"$[{start}:{end}]").select(row) == row[start:end]


@given(st.text(max_size=30))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    with contextlib.suppress(JsonPathError):
        JsonPath.parse(f"${text}").select(RECORD)
