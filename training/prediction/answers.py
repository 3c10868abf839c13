"""The endpoint's answers as rows: what the built-in XGBoost writes for each Accept, read back row by row."""

from __future__ import annotations

import json
import math
from typing import Literal

from kickstand.errors import KickstandError, Problem

Accept = Literal["csv", "json"]
MEDIA_TYPES: dict[Accept, str] = {"csv": "text/csv", "json": "application/json"}


def rows_of(body: bytes, accept: Accept, expected: int) -> list[str]:
    """One text a row, with the digits that the endpoint printed.

    csv:  each line of the body. Images 1.0-1 and 1.2-1 join a batch's answers with commas instead of
          newlines: told by one line that holds exactly the expected number of values.
    json: each member of `predictions`, as one line of JSON (JSON Lines); its
          numbers are re-written with the digits that give the same double.
    Raises KickstandError for a body that is neither.
    """
    text = body.decode("utf-8", "replace")
    if accept == "csv":
        rows = text.splitlines()
        if len(rows) == 1 and expected > 1:
            values = rows[0].split(",")
            return values if len(values) == expected else rows
        return rows
    try:
        predictions = json.loads(text)["predictions"]
        return [json.dumps(row) for row in predictions]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise KickstandError(
            Problem(f'Expected {{"predictions": [...]}} from the endpoint, found {text[:80]!r}.')
        ) from error


def to_original_units(row: str) -> str:
    """Undo `log1p` in a row of the csv form: `expm1` of each value, shortest digits that round-trip."""
    return ",".join(repr(math.expm1(float(value))) for value in row.split(","))
