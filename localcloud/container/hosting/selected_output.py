"""Selectable output: what SAGEMAKER_INFERENCE_OUTPUT asks to be said of each row, and its four forms.

Source: `algorithm_mode/serve_utils.py` of the container.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from localcloud.container.errors import UserError
from localcloud.container.hosting.prediction_text import CSV, JSON, JSON_LINES, rows_of
from localcloud.container.hosting.record_writer import write_record

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
