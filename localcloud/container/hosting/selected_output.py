"""What the container answers: content types, predictions written so, and selectable output.

SAGEMAKER_INFERENCE_OUTPUT selects for each row, in four forms; in RecordIO-protobuf each prediction is one record, its
numbers float32 tensors under `label`. Numbers are written with every digit of the float32's exact double. Source of a
request's types: `data_utils.get_content_type` of the container.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localcloud.container.contract import UserError
from training.data.formats.protobuf import framed, message

CSV_BODY = "csv"
LIBSVM_BODY = "libsvm"
PARQUET_BODY = "parquet"
RECORDIO_BODY = "recordio-protobuf"

_NAMES = {
    "csv": CSV_BODY,
    "libsvm": LIBSVM_BODY,
    "parquet": PARQUET_BODY,
    "recordio-protobuf": RECORDIO_BODY,
    "text/csv": CSV_BODY,
    "text/libsvm": LIBSVM_BODY,
    "text/x-libsvm": LIBSVM_BODY,
    "application/x-parquet": PARQUET_BODY,
    "application/x-recordio-protobuf": RECORDIO_BODY,
}


class ContentTypeError(Exception):
    """A content type that the container does not take, in its words."""


def content_type_of(header: str | None) -> str:
    """CSV, LIBSVM or RECORDIO. No header means libsvm. Raises ContentTypeError."""
    if not header:
        return LIBSVM_BODY
    name, *parameters = (part.strip() for part in header.lower().split(";"))
    kind = _NAMES.get(name)
    if kind is None:
        raise ContentTypeError(f"{header} is not an accepted ContentType: {', '.join(_NAMES)}.")
    if kind == PARQUET_BODY:
        raise ContentTypeError(f"Content-type {header} is not supported.")
    sizes = [value.strip('" ') for key, _, value in (part.partition("=") for part in parameters) if key == "label_size"]
    if kind == CSV_BODY and sizes and sizes[-1] != "1":
        raise ContentTypeError(
            f"{header} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
        )
    return kind


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


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer. more: headers beyond the content's type and length."""

    status: int
    body: bytes = b""
    content_type: bytes = b"text/html; charset=utf-8"
    more: tuple[tuple[bytes, bytes], ...] = ()

    def headers(self) -> list[tuple[bytes, bytes]]:
        """The headers; none of content where there is no content."""
        if self.status == 204:
            return []
        return [(b"content-type", self.content_type), (b"content-length", b"%d" % len(self.body)), *self.more]


_LABEL, _KEY, _VALUE, _FLOAT32, _VALUES = 2, 1, 2, 2, 1


def write_record(label: Mapping[str, Sequence[float]]) -> bytes:
    """One framed record with a float32 tensor for each name."""
    return framed(
        b"".join(
            message(_LABEL, message(_KEY, name.encode()) + message(_VALUE, _tensor(values)))
            for name, values in label.items()
        )
    )


def _tensor(values: Sequence[float]) -> bytes:
    return message(_FLOAT32, message(_VALUES, struct.pack(f"<{len(values)}f", *values)))


KEYS = (
    "predicted_label",
    "labels",
    "probability",
    "probabilities",
    "raw_score",
    "raw_scores",
    "predicted_score",
)
_REGRESSION = ("predicted_score",)
_SCORED = ("predicted_label", "labels", "raw_score", "raw_scores")
_LIKELY = KEYS[:-1]
_FITTING: Mapping[str, tuple[str, ...]] = {
    "reg:squarederror": _REGRESSION,
    "reg:logistic": _REGRESSION,
    "reg:gamma": _REGRESSION,
    "reg:absoluteerror": _REGRESSION,
    "reg:tweedie": _REGRESSION,
    "binary:logistic": _LIKELY,
    "binary:logitraw": _SCORED,
    "binary:hinge": _SCORED,
    "multi:softmax": _SCORED,
    "multi:softprob": _LIKELY,
}

Value = float | int | list[float] | list[int]
Selected = dict[str, Value]


@dataclass(frozen=True, slots=True)
class SelectedOutput:
    """Writes answers of the asked keys.

    keys: in the order asked for. objective, classes: the model's. batch: a newline stands at the end of a CSV.
    Raises UserError, in the container's words, for an objective that has no selectable output.
    """

    keys: tuple[str, ...]
    objective: str
    classes: int
    batch: bool = False

    def __post_init__(self) -> None:
        if self.objective not in _FITTING:
            raise UserError(f"Objective `{self.objective}` unsupported for selectable inference predictions.")

    @property
    def warning(self) -> str:
        """What the log says of keys that do not fit the objective, which are NaN; "" where all do."""
        fitting = _FITTING[self.objective]
        odd = [key for key in self.keys if key not in fitting]
        if not odd:
            return ""
        return (
            f"Selected key(s) {odd} incompatible for objective '{self.objective}'. Please use list of compatible "
            f"selectable inference predictions: {list(fitting)}"
        )

    def encode(self, values: Sequence[float], columns: int, accept: str) -> bytes:
        """One response body. values, columns: the predictions as for `prediction_text.encode`."""
        predictions = rows_of(values, columns) if columns else [[value] for value in values]
        selected = [self._selected(prediction) for prediction in predictions]
        if accept == JSON:
            return json.dumps({"predictions": selected}).encode()
        if accept == JSON_LINES:
            return "".join(json.dumps(row) + "\n" for row in selected).encode()
        if accept == CSV:
            return ("\n".join(map(self._line, selected)) + ("\n" if self.batch else "")).encode()
        return b"".join(
            write_record({key: value if isinstance(value, list) else [value] for key, value in row.items()})
            for row in selected
        )

    def _selected(self, prediction: list[float]) -> Selected:
        fitting = _FITTING[self.objective]
        found: Selected = {key: self._value(key, prediction) for key in KEYS if key in self.keys and key in fitting}
        return {**found, **{key: math.nan for key in self.keys if key not in fitting}}

    def _value(self, key: str, prediction: list[float]) -> Value:
        if key == "predicted_label":
            return self._label(prediction)
        if key == "labels":
            return [0, 1] if self.objective.startswith("binary:") else list(range(self.classes))
        if self.objective == "multi:softprob":
            return max(prediction) if key in ("probability", "raw_score") else prediction
        value = prediction[0]
        return [1.0 - value, value] if key in ("probabilities", "raw_scores") else value

    def _label(self, prediction: list[float]) -> float:
        if self.objective == "multi:softprob":
            return prediction.index(max(prediction))
        if self.objective in ("binary:hinge", "multi:softmax"):
            return prediction[0]
        return int(prediction[0] > (0.5 if self.objective == "binary:logistic" else 0))

    def _line(self, row: Selected) -> str:
        return ",".join(f'"{row[key]}"' if isinstance(row[key], list) else str(row[key]) for key in self.keys)


def selected_keys(text: str) -> tuple[str, ...]:
    """The keys of a SAGEMAKER_INFERENCE_OUTPUT, in their order."""
    return tuple(text.replace(" ", "").lower().split(","))
