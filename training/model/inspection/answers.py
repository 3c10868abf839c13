"""The program that loads a trained model and asks it: `python -m training.model.inspection.answers`, JSON in and out.

A process of its own, because xgboost ends the whole process on some damaged models (an empty file is one),
and because bytes from a bucket are best parsed where no credentials are. `model_probe` runs it.

stdin:  {"models": [PATH, ...], "rows": ["1,2.5,,4", ...]}   rows as CSV text without the label
stdout: {"features": 13, "rounds": [150], "predictions": [0.25, ...]} or
        {"error": TEXT} of xgboost, {"damaged": TEXT} of a model that it was not asked to open
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def read_rows(rows: Sequence[str]) -> np.ndarray:
    """CSV rows as float32, an empty cell as NaN: what the endpoint makes of a text/csv request."""
    import numpy as np

    return np.array([[float(cell) if cell.strip() else np.nan for cell in row.split(",")] for row in rows], "float32")


def answer(models: Sequence[Path], rows: Sequence[str]) -> dict[str, object]:
    """The number of features, the boosting rounds of each model, and the answers: a float a row, or a list of them.

    models: one file, or those of an ensemble. Where the rows have another width, xgboost does not open them.
    """
    import xgboost as xgb

    from training.model.inspection.boosters import Boosters, width_of
    from training.model.inspection.structure import StructureError

    try:
        width = width_of(models)
    except StructureError as error:
        return {"damaged": str(error)}
    if rows and width is not None and rows[0].count(",") + 1 != width:
        return {"features": width, "rounds": [0] * len(models), "predictions": []}
    with xgb.config_context(verbosity=0):
        try:
            model = Boosters(models)
            if rows and rows[0].count(",") + 1 != model.features:
                return {"features": model.features, "rounds": model.rounds, "predictions": []}
            # float32 widened to Python's float has the very digits that the endpoint prints.
            given = model.predict(read_rows(rows)).astype("float64").tolist() if rows else []
        except (xgb.core.XGBoostError, ValueError) as error:
            lines = [line for line in str(error).splitlines() if line.strip()]
            return {"error": lines[0] if lines else type(error).__name__}
    return {"features": model.features, "rounds": model.rounds, "predictions": given}


def main() -> None:
    """Answer one request."""
    request = json.load(sys.stdin)
    json.dump(answer([Path(model) for model in request["models"]], request["rows"]), sys.stdout)


if __name__ == "__main__":
    main()
