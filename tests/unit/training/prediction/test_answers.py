"""Reading back what the built-in XGBoost answers, row by row."""

from __future__ import annotations

import pytest

from kickstand.errors import KickstandError
from training.prediction.endpoint_client import rows_of, to_original_units


@pytest.mark.parametrize(
    ("body", "accept", "expected", "rows"),
    [
        (b"1.5\n2.25\n", "csv", 2, ["1.5", "2.25"]),
        (b"0.1,0.9\n0.7,0.3\n", "csv", 2, ["0.1,0.9", "0.7,0.3"]),
        (b"1.5,2.25,3.0", "csv", 3, ["1.5", "2.25", "3.0"]),  # images 1.0-1 and 1.2-1
        (b"0.1,0.2,0.7\n", "csv", 1, ["0.1,0.2,0.7"]),
        (
            b'{"predictions": [{"score": 1.5}, {"score": [0.1, 0.9]}]}',
            "json",
            2,
            ['{"score": 1.5}', '{"score": [0.1, 0.9]}'],
        ),
    ],
)
def test_one_text_a_row(body: bytes, accept: str, expected: int, rows: list[str]) -> None:
    assert rows_of(body, accept, expected) == rows  # type: ignore[arg-type]


def test_a_body_that_is_no_json_is_named() -> None:
    with pytest.raises(KickstandError, match=r"found '<html>'"):
        rows_of(b"<html>", "json", 1)


def test_log1p_is_undone_value_by_value() -> None:
    assert to_original_units("0.0,0.6931471805599453") == "0.0,1.0"
