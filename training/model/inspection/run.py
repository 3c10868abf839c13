"""The program that loads a trained model and predicts: `python -m training.model.inspection.run`, JSON in and out.

A process of its own, because xgboost ends the whole process on some damaged models (an empty file is one), and because
bytes from a bucket are best parsed where no credentials are. `model_run` runs it. One thread: the same rows give the
same bits.

stdin, a few rows:   {"models": [PATH, ...], "rows": ["1,2.5,,4", ...]}   rows as CSV text without the label
stdout:              {"features": 13, "rounds": [150], "predictions": [0.25, ...]}
stdin, many rows:    {"models": [PATH, ...], "files": [PATH, ...], "label_columns": 1, "columns": 14, "answers": PATH}
stdout:              {"features": 13, "rows": 6493, "width": 1, "gain": {"0": 12.5, ...}}
stdout, of failures: {"error": TEXT} of xgboost, {"damaged": TEXT} of a model that xgboost does not open

answers: float64 of this machine's byte order, `width` a row; files are streamed, so that memory does not grow with
them. gain: of each feature that has a split, summed over its splits, of an ensemble the mean of its models'; empty for
linear models, which do not split. Where the rows have another width than the model, nothing is predicted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from training.model.inspection.boosters import Boosters

Answer = dict[str, object]

_BATCH = 20_000
_CELLS = 2_000_000
"""Of a batch: its memory does not grow with the columns either."""


def read_rows(rows: Sequence[str]) -> np.ndarray:
    """CSV rows as float32, an empty cell as NaN: what the endpoint makes of a text/csv request."""
    import numpy as np

    return np.array([[float(cell) if cell.strip() else np.nan for cell in row.split(",")] for row in rows], "float32")


def feature_rows(files: Sequence[Path], label_columns: int) -> Iterator[str]:
    """The rows of checked CSV files without their label columns, with commas."""
    from training.data.csv.float_text import delimiter_of

    for file in files:
        with file.open(encoding="utf-8-sig") as opened:
            delimiter = ""
            for line in opened:
                if not line.strip():
                    continue
                delimiter = delimiter or delimiter_of(line.encode())
                features = line.rstrip("\r\n").split(delimiter, label_columns)[label_columns:]
                yield features[0].replace(delimiter, ",") if features else ""


def answer(models: Sequence[Path], rows: Sequence[str]) -> Answer:
    """The number of features, the boosting rounds of each model, and the answers: a float a row, or a list of them.

    models: one file, or those of an ensemble.
    """
    width = rows[0].count(",") + 1 if rows else None

    def predicted(model: Boosters) -> Answer:
        # float32 widened to Python's float has the very digits that the endpoint prints.
        fits = width == model.features
        given = model.predict(read_rows(rows)).astype("float64").tolist() if fits else []
        return {"features": model.features, "rounds": model.rounds, "predictions": given}

    return _opened(models, width, {"rounds": [0] * len(models), "predictions": []}, predicted)


def score(models: Sequence[Path], files: Sequence[Path], label_columns: int, columns: int, answers: Path) -> Answer:
    """Write the model's answers to all rows; its width and gain. columns: of the files, with the label."""
    nothing: Answer = {"rows": 0, "width": 1, "gain": {}}

    def predicted(model: Boosters) -> Answer:
        if model.features != columns - label_columns:
            return {"features": model.features, **nothing}
        rows, width = 0, 1
        with answers.open("wb") as out:
            every = feature_rows(files, label_columns)
            size = max(1, min(_BATCH, _CELLS // columns))
            while batch := tuple(islice(every, size)):
                given = model.predict(read_rows(batch))
                rows, width = rows + len(batch), given.size // len(batch)
                out.write(given.astype("float64").tobytes())
        return {"features": model.features, "rows": rows, "width": width, "gain": model.gain()}

    return _opened(models, columns - label_columns, nothing, predicted)


def _opened(
    models: Sequence[Path], width: int | None, other: Answer, predicted: Callable[[Boosters], Answer]
) -> Answer:
    """What models that xgboost loads predict.

    width: of the rows; xgboost does not open models that have another one by their own word, and `other` is the answer.
    """
    from training.model.inspection.boosters import Boosters, width_of
    from training.model.inspection.structure import StructureError

    try:
        features = width_of(models)
    except StructureError as error:
        return {"damaged": str(error)}
    if width is not None and features not in (None, width):
        return {"features": features, **other}
    import xgboost as xgb  # half a second, which most models that are refused never come to

    with xgb.config_context(verbosity=0):
        try:
            return predicted(Boosters(models))
        except (xgb.core.XGBoostError, ValueError) as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            return {"error": lines[0] if lines else type(error).__name__}


def respond(request: Mapping[str, Any]) -> Answer:
    """The answer to one request; see the module."""
    models = [Path(model) for model in request["models"]]
    if "rows" in request:
        return answer(models, request["rows"])
    files = [Path(file) for file in request["files"]]
    return score(models, files, request["label_columns"], request["columns"], Path(request["answers"]))


def main() -> None:
    """Answer one request."""
    json.dump(respond(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()
