"""The program that asks a trained model for many rows: `python -m training.model.inspection.scores`, JSON in and out.

A process of its own for the reasons of `answers`; `scoring` runs it. Rows are streamed, so that memory does not grow
with the files, and answers go to a file. One thread: the same rows give the same bits.

stdin:  {"models": [PATH, ...], "files": [PATH, ...], "label_columns": 1, "columns": 14, "answers": PATH}
stdout: {"features": 13, "rows": 6493, "width": 1, "gain": {"0": 12.5, ...}} or {"error": TEXT},
        {"damaged": TEXT}, as `answers`

answers: float64 of this machine's byte order, `width` a row. gain: of each feature that has a split, summed over
its splits, of an ensemble the mean of its models'; empty for linear models, which do not split.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from training.data.csv.float_text import delimiter_of
from training.model.inspection.answers import read_rows

_BATCH = 20_000
_CELLS = 2_000_000
"""Of a batch: its memory does not grow with the columns either."""


def feature_rows(files: Sequence[Path], label_columns: int) -> Iterator[str]:
    """The rows of checked CSV files without their label columns, with commas."""
    for file in files:
        with file.open(encoding="utf-8-sig") as opened:
            delimiter = ""
            for line in opened:
                if not line.strip():
                    continue
                delimiter = delimiter or delimiter_of(line.encode())
                features = line.rstrip("\r\n").split(delimiter, label_columns)[label_columns:]
                yield features[0].replace(delimiter, ",") if features else ""


def score(
    models: Sequence[Path], files: Sequence[Path], label_columns: int, columns: int, answers: Path
) -> dict[str, object]:
    """Write the model's answers to all rows; what else is asked of it."""
    import xgboost as xgb

    from training.model.inspection.boosters import Boosters, width_of
    from training.model.inspection.structure import StructureError

    try:
        features = width_of(models)
    except StructureError as error:
        return {"damaged": str(error)}
    if features is not None and features != columns - label_columns:
        return {"features": features, "rows": 0, "width": 1, "gain": {}}
    with xgb.config_context(verbosity=0):
        try:
            model = Boosters(models)
            rows, width = 0, 1
            if model.features != columns - label_columns:
                return {"features": model.features, "rows": 0, "width": 1, "gain": {}}
            with answers.open("wb") as out:
                asked_for = feature_rows(files, label_columns)
                size = max(1, min(_BATCH, _CELLS // columns))
                while batch := tuple(islice(asked_for, size)):
                    given = model.predict(read_rows(batch))
                    rows, width = rows + len(batch), given.size // len(batch)
                    out.write(given.astype("float64").tobytes())
            return {"features": model.features, "rows": rows, "width": width, "gain": model.gain()}
        except (xgb.core.XGBoostError, ValueError) as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            return {"error": lines[0] if lines else type(error).__name__}


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    files = [Path(file) for file in request["files"]]
    models = [Path(model) for model in request["models"]]
    told = score(models, files, request["label_columns"], request["columns"], Path(request["answers"]))
    json.dump(told, sys.stdout)


if __name__ == "__main__":
    main()
