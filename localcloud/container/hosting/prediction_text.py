"""Predictions as the container writes them: every digit of the float32's exact double."""

from __future__ import annotations

import json
from collections.abc import Sequence

CSV = "text/csv"
JSON = "application/json"
JSON_LINES = "application/jsonlines"
RECORDIO = "application/x-recordio-protobuf"

PLAIN_ACCEPTS = (JSON, CSV)
"""What an answer of plain predictions may be."""
ACCEPTS = (JSON, JSON_LINES, RECORDIO, CSV)
"""What a request may ask for: all are forms of selected output (SAGEMAKER_INFERENCE_OUTPUT), and batch transform
(SAGEMAKER_BATCH) writes the same lines under the name of each."""


class NoEncoderError(Exception):
    """A form that is accepted and that plain predictions do not have: the container fails on it."""


def encode(values: Sequence[float], columns: int, accept: str, *, batch: bool = False) -> bytes:
    """One response body.

    values, columns: the predictions, row after row, of so many columns; 0 columns: one value a row.
    accept:          CSV gives one value a line and a trailing newline, a softprob row joined by commas; JSON gives
                     `{"predictions": [{"score": x}]}`, x a list for softprob.
    batch:           the form of batch transform (SAGEMAKER_BATCH): `str(prediction)` a line, whatever is accepted.
    Raises NoEncoderError for JSON Lines and recordio, of which only batch transform makes lines.
    """
    if not batch and accept not in PLAIN_ACCEPTS:
        raise NoEncoderError(f"Content type {accept} is not supported by this framework.")
    if columns == 0:
        if batch or accept == CSV:
            return ("\n".join(map(repr, values)) + "\n").encode()
        return json.dumps({"predictions": [{"score": value} for value in values]}).encode()
    rows = rows_of(values, columns)
    if batch:
        return ("\n".join(map(str, rows)) + "\n").encode()
    if accept == CSV:
        return ("\n".join([",".join(map(repr, row)) for row in rows]) + "\n").encode()
    return json.dumps({"predictions": [{"score": row} for row in rows]}).encode()


def rows_of(values: Sequence[float], columns: int) -> list[list[float]]:
    """Values, row after row, as rows."""
    return [list(values[start : start + columns]) for start in range(0, len(values), columns)]


def negotiate(accept: str, default: str) -> str:
    """The response's content type for an Accept header. Raises ValueError in the container's words."""
    name = accept.split(";", 1)[0].strip()
    wanted = name.lower()
    if not wanted or wanted == "*/*":
        return default
    if wanted not in ACCEPTS:
        raise ValueError(f"Accept type {name} is not supported. Please use supported accept types: {list(ACCEPTS)}.")
    return wanted


def media_type(accept: str) -> str:
    """The Content-Type header of an answer."""
    return f"{accept}; charset=utf-8" if accept.startswith("text/") else accept
