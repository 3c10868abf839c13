"""One model of XGBoost, asked for predictions through the C interface with its arguments prepared."""

from __future__ import annotations

import ctypes
import json
import threading
from dataclasses import dataclass
from pathlib import Path

from localcloud.container.hosting.xgboost_library import FloatPointer, Handle, Size, SizePointer, Text, check, library

_CALL = json.dumps(
    {
        "type": 0,
        "training": False,
        "iteration_begin": 0,
        "iteration_end": 0,
        "missing": float("nan"),
        "strict_shape": False,
        "cache_id": 0,
    }
).encode()
_ARRAY = b'{"data":[%d,true],"shape":[%d,%d],"strides":null,"typestr":"<f4","version":3}'


@dataclass(frozen=True, slots=True)
class Scores:
    """Predictions as xgboost gave them.

    data:    float32 of the machine's order, row after row.
    columns: values of a row; 0 where xgboost gives a plain list, one value a row.
    """

    data: bytes
    columns: int = 0

    def values(self) -> list[float]:
        """All values, row after row, as the doubles that are exactly them."""
        return [float(value) for value in memoryview(self.data).cast("f")]


class Booster:
    """A booster loaded from a file. `predict` may be called from several threads at once.

    file:    as `save_model` wrote it: UBJ or JSON.
    threads: threads of one prediction.
    Raises XGBoostError where the file is no model.
    """

    def __init__(self, file: Path, threads: int) -> None:
        self._library = library()
        self._handle = Handle()
        check(self._library.XGBoosterCreate(None, 0, ctypes.byref(self._handle)))
        # By its path: given the bytes, xgboost 3.2.0 aborts the whole process on an empty model.
        check(self._library.XGBoosterLoadModel(self._handle, str(file).encode()))
        check(self._library.XGBoosterSetParam(self._handle, b"nthread", b"%d" % threads))
        self._matrix = json.dumps({"missing": float("nan"), "nthread": threads}).encode()
        count = Size()
        check(self._library.XGBoosterGetNumFeature(self._handle, ctypes.byref(count)))
        learner = self._configuration()["learner"]
        self.features: int = count.value
        self.objective: str = learner["objective"]["name"]
        self.classes: int = int(learner["learner_model_param"].get("num_class") or 0)
        # Predicting in place gives what predicting a matrix gives for plain trees only: dart differs in the last digit.
        self._in_place = learner["gradient_booster"]["name"] == "gbtree"
        self._lock = threading.Lock()

    def __del__(self) -> None:
        if self._handle:
            self._library.XGBoosterFree(self._handle)

    def predict(self, rows: bytes, count: int) -> Scores:
        """Predict `count` rows of `features` float32 each, missing values as NaN."""
        return self.predict_at(ctypes.cast(Text(rows), Handle).value or 0, count)

    def predict_at(self, address: int, count: int) -> Scores:
        """Predict `count` rows that stand at an address, which the caller keeps alive."""
        array = _ARRAY % (address, count, self.features)
        shape, dimensions, values = SizePointer(), Size(), FloatPointer()
        results = ctypes.byref(shape), ctypes.byref(dimensions), ctypes.byref(values)
        if self._in_place:
            check(self._library.XGBoosterPredictFromDense(self._handle, array, _CALL, None, *results))
            return _scores(shape, dimensions, values)
        matrix = Handle()
        check(self._library.XGDMatrixCreateFromDense(array, self._matrix, ctypes.byref(matrix)))
        try:
            with self._lock:  # not safe from several threads, as predicting in place is
                check(self._library.XGBoosterPredictFromDMatrix(self._handle, matrix, _CALL, *results))
                return _scores(shape, dimensions, values)
        finally:
            self._library.XGDMatrixFree(matrix)

    def _configuration(self) -> dict[str, dict[str, dict[str, str]]]:
        length, text = Size(), Text()
        check(self._library.XGBoosterSaveJsonConfig(self._handle, ctypes.byref(length), ctypes.byref(text)))
        configuration: dict[str, dict[str, dict[str, str]]] = json.loads(text.value or b"{}")
        return configuration


def _scores(shape: ctypes._Pointer[Size], dimensions: Size, values: ctypes._Pointer[ctypes.c_float]) -> Scores:
    # The memory is xgboost's own, and this thread's next prediction overwrites it.
    extents = shape[: dimensions.value]
    total = 1
    for extent in extents:
        total *= extent
    return Scores(ctypes.string_at(values, total * 4), extents[1] if len(extents) > 1 else 0)
