"""libsvm text: what is read, what is refused, and agreement with xgboost's own reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.container.contract import UserError
from localcloud.container.training import channel_readers
from localcloud.container.training.channel_readers import read_libsvm
from localcloud.container.training.channel_rows import DataError
from training.data.formats.libsvm_numbers import LibsvmError, parse_libsvm


def test_label_weight_query_and_pairs_are_read() -> None:
    rows = parse_libsvm(b"+1:0.5 qid:7 1:0.25 3:-2e1\r\n\n-1:2 qid:7\n\n0:1\tqid:8  0:+1e-3 # a word: 5\n")
    np.testing.assert_array_equal(rows.label, np.array([1, -1, 0], np.float32))
    assert rows.weight is not None and rows.weight.tolist() == [0.5, 2.0, 1.0]
    assert rows.query is not None and rows.query.tolist() == [7, 7, 8]
    assert rows.starts.tolist() == [0, 2, 2, 3]
    assert rows.indices.tolist() == [1, 3, 0]
    np.testing.assert_array_equal(rows.values, np.array([0.25, -20, 1e-3], np.float32))


def test_labels_alone_are_rows_without_features() -> None:
    rows = parse_libsvm(b"1\n0")
    assert (rows.label.tolist(), rows.starts.tolist(), rows.weight, rows.query) == ([1.0, 0.0], [0, 0, 0], None, None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 1:2\n1 x:2\n", "line 2: a number was expected, found 'x'"),
        ("1 1:2\n\n\nlabel 1:2\n", "line 4: a number was expected, found 'label'"),
        ("1 1:2 3\n", "line 1: index:value was expected, found '3'"),
        ("1 1:2:3\n", "line 1: label, label:weight or index:value was expected, found '3'"),
        ("1 1: 2\n", "line 1: a colon stands between two numbers, found '1'"),
        ("1 :2\n", "line 1: a colon stands between two numbers, found '1'"),
        (":\n", "a colon stands between two numbers, found it alone"),
        ("1 -1:2\n", "line 1: an index is a whole number, 0 to 2147483646, found '-1'"),
        ("1 1.5:2\n", "line 1: an index is a whole number, 0 to 2147483646, found '1.5'"),
        ("1 2147483648:2\n", "line 1: an index is a whole number, 0 to 2147483646, found '2147483648'"),
        ("1 1:nan\n", "line 1: a number was expected, found 'nan'"),
        ("nan 1:1\n", "line 1: a number was expected, found 'nan'"),
        ("1 1:1_000\n", "line 1: a number was expected, found '1_000'"),
        ("1 1:0x10\n", "line 1: a number was expected, found '0x10'"),
        ("1:1 1:1\n1 1:1\n", "1 of 2 rows have a weight; all or none must"),
        ("1 qid:1 1:1\n1 1:1\n", "1 of 2 rows have a qid; all or none must"),
        ("1 qid:x 1:1\n", "line 1: a number was expected, found 'x'"),
        ("1,2,3\n", "line 1: a number was expected, found '1,2,3'"),
        ("1 1:2\x0c3\n", "line 1: a number was expected, found '2\\x0c3'"),
    ],
)
def test_what_is_not_libsvm_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(LibsvmError) as error:
        parse_libsvm(text.encode())
    assert str(error.value) == message


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_rows_or_a_refusal(junk: bytes) -> None:
    try:
        rows = parse_libsvm(junk)
    except LibsvmError:
        return
    assert len(rows.starts) == len(rows.label) + 1
    assert rows.starts[-1] == len(rows.indices) == len(rows.values)


NUMBERS = st.integers(-1000, 1000).map(lambda number: number / 8)


@settings(deadline=None)
@given(st.lists(st.tuples(NUMBERS, st.dictionaries(st.integers(0, 9), NUMBERS, max_size=5)), min_size=1, max_size=20))
def test_what_is_written_is_read(rows: list[tuple[float, dict[int, float]]]) -> None:
    text = "".join(f"{label} {' '.join(f'{i}:{v}' for i, v in pairs.items())}\n" for label, pairs in rows)
    found = parse_libsvm(text.encode())
    assert found.label.tolist() == [label for label, _ in rows]
    assert found.indices.tolist() == [index for _, pairs in rows for index in pairs]
    assert found.values.tolist() == [value for _, pairs in rows for value in pairs.values()]


@pytest.mark.filterwarnings("ignore:.*deprecated:UserWarning")
def test_rows_are_those_of_xgboosts_own_reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(1)
    lines = []
    for _ in range(200):
        columns = np.flatnonzero(draw.random(30) < 0.2)
        pairs = [f"{column}:{draw.integers(-99, 99) / 4}" for column in columns]
        lines.append(" ".join([f"{draw.integers(0, 2)}:{draw.integers(1, 5) / 2}", *pairs]))
    (tmp_path / "a").write_text("\n".join(lines[:50]) + "\n")
    (tmp_path / "b").write_text("\n".join(lines[50:]))
    monkeypatch.setattr(channel_readers, "_LIBSVM_BLOCK", 500)

    ours = read_libsvm([tmp_path / "a", tmp_path / "b"], weights=False, threads=2).matrix(2)

    (tmp_path / "whole").write_text("\n".join(lines) + "\n")
    theirs = xgboost.DMatrix(f"{tmp_path}/whole?format=libsvm")
    assert (ours.num_row(), ours.num_col()) == (theirs.num_row(), theirs.num_col())
    np.testing.assert_array_equal(ours.get_label(), theirs.get_label())
    np.testing.assert_array_equal(ours.get_weight(), theirs.get_weight())
    assert (ours.get_data() != theirs.get_data()).nnz == 0


def test_a_first_line_that_is_none_fails_in_the_containers_words(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,2,3\n")
    with pytest.raises(UserError) as error:
        read_libsvm([tmp_path / "a.csv"], weights=False, threads=1)
    assert str(error.value) == (
        "UserError: First line '1,2,3\n...' of file 'a.csv' is not 'LIBSVM' format. "
        "Please ensure the file is in 'LIBSVM' format."
    )


def test_a_later_line_is_named_with_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channel_readers, "_LIBSVM_BLOCK", 8)
    (tmp_path / "a").write_text("1 1:2 2:3\n" * 9 + "\n1 1:x\n")
    with pytest.raises(DataError, match=r"^a: line 11: a number was expected, found 'x'$"):
        read_libsvm([tmp_path / "a"], weights=False, threads=1)
