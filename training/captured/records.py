"""One captured request, read from its line of JSON: the rows that were sent, and the answers to them.

What AWS leaves open is read either way: members may be absent or in another order, and text may be in base64.
https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kickstand.errors import KickstandError
from kickstand.json_text import JsonError, parse_json
from kickstand.xgboost_container import CONTENT_TYPES
from training.data.csv.float_text import delimiter_of
from training.prediction.endpoint_client import rows_of

_JSON, _JSON_LINES = "application/json", "application/jsonlines"
_MOST_BYTES = 64 << 20
"""Of a line: requests of 6 MB and answers, in base64 or with escapes."""


@dataclass(frozen=True, slots=True)
class Captured:
    """A captured request.

    time:    `2026-11-29T14:51:15Z`, as SageMaker wrote it.
    id:      the request's InferenceId, else SageMaker's own id of it.
    rows:    the cells of each row that was sent, as they were written; None where the record has no rows of CSV.
    answers: the values that answered each row; None where the record has no predictions for all of them.
    fault:   why there are no rows, for a count of such; empty where there are.
    """

    time: str
    id: str
    rows: tuple[tuple[str, ...], ...] | None
    answers: tuple[tuple[str, ...], ...] | None
    fault: str = ""


def read_record(line: bytes) -> Captured:
    """A line of an object of captured requests. Raises nothing: what cannot be read is its fault."""
    try:
        record = parse_json(line, most=_MOST_BYTES)
        data, event = record["captureData"], record["eventMetadata"]
        moment, name = str(event["inferenceTime"]), str(event.get("inferenceId") or event["eventId"])
    except (JsonError, KeyError, TypeError, AttributeError):
        return Captured("", "", None, None, "no record of a captured request")
    sent = data.get("endpointInput")
    if sent is None:
        return Captured(moment, name, None, None, "no request, only an answer")
    content_type = str(sent.get("observedContentType") or "text/csv").partition(";")[0].strip().lower()
    if CONTENT_TYPES.get(content_type) != "csv":
        return Captured(moment, name, None, None, f"{content_type}, not CSV")
    body = _body(sent)
    rows = None if body is None else _rows(body)
    if rows is None:
        return Captured(moment, name, None, None, "not readable as CSV")
    return Captured(moment, name, rows, _answers(data.get("endpointOutput"), len(rows)))


def _body(side: Mapping[str, Any]) -> bytes | None:
    """What was sent or answered; None where it cannot be told."""
    text, encoding = side.get("data"), side.get("encoding")
    if not isinstance(text, str):
        return None
    if encoding != "BASE64":
        return text.encode()
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def _rows(body: bytes) -> tuple[tuple[str, ...], ...] | None:
    try:
        lines = [line for line in body.decode("utf-8").splitlines() if line]
    except UnicodeDecodeError:
        return None
    if not lines:
        return None
    delimiter = "," if "," in lines[0] else delimiter_of(lines[0].encode())
    return tuple(tuple(line.split(delimiter)) for line in lines)


def _answers(side: Mapping[str, Any] | None, count: int) -> tuple[tuple[str, ...], ...] | None:
    """The numbers that answered so many rows; None where there are others, or none: an error of the model is text."""
    if side is None or (body := _body(side)) is None:
        return None
    content_type = str(side.get("observedContentType") or "text/csv").partition(";")[0].strip().lower()
    if content_type in (_JSON, _JSON_LINES):
        return _scores(body.splitlines() if content_type == _JSON_LINES else [body], count)
    try:
        texts = rows_of(body, "csv", count)
    except KickstandError:
        return None
    answers = tuple(tuple(text.split(",")) for text in texts)
    return answers if len(answers) == count and all(_is_number(one) for row in answers for one in row) else None


def _scores(texts: Sequence[bytes], count: int) -> tuple[tuple[str, ...], ...] | None:
    """The scores of an answer, `{"predictions": [{"score": 0.5}]}` or a line of JSON a row, with the digits it has."""
    try:
        found = [parse_json(text, number=str) for text in texts]
        predictions = found[0]["predictions"] if len(found) == 1 and "predictions" in found[0] else found
        scores = [one["score"] for one in predictions]
    except (JsonError, KeyError, TypeError):
        return None
    rows = tuple(tuple(str(one) for one in (score if isinstance(score, list) else [score])) for score in scores)
    return rows if len(rows) == count else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
