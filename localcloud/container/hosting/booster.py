"""One model of XGBoost, called through its public C interface with the arguments prepared."""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
import json
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Handle = ctypes.c_void_p
Text = ctypes.c_char_p
Size = ctypes.c_uint64
SizePointer = ctypes.POINTER(Size)
FloatPointer = ctypes.POINTER(ctypes.c_float)

_SIGNATURES: dict[str, tuple[Any, ...]] = {
    "XGBSetGlobalConfig": (Text,),
    "XGBoosterCreate": (Handle, Size, ctypes.POINTER(Handle)),
    "XGBoosterFree": (Handle,),
    "XGBoosterSetParam": (Handle, Text, Text),
    "XGBoosterLoadModel": (Handle, Text),
    "XGBoosterGetNumFeature": (Handle, ctypes.POINTER(Size)),
    "XGBoosterSaveJsonConfig": (Handle, ctypes.POINTER(Size), ctypes.POINTER(Text)),
    "XGBoosterPredictFromDense": (
        Handle,
        Text,
        Text,
        Handle,
        ctypes.POINTER(SizePointer),
        ctypes.POINTER(Size),
        ctypes.POINTER(FloatPointer),
    ),
    "XGBoosterPredictFromDMatrix": (
        Handle,
        Handle,
        Text,
        ctypes.POINTER(SizePointer),
        ctypes.POINTER(Size),
        ctypes.POINTER(FloatPointer),
    ),
    "XGDMatrixCreateFromDense": (Text, Text, ctypes.POINTER(Handle)),
    "XGDMatrixFree": (Handle,),
}


class XGBoostError(Exception):
    """What XGBoost itself refused, in its words, without the place in its source and the stack."""


@cache
def library() -> ctypes.CDLL:
    """The shared library that the installed xgboost package brings, quiet, with its functions declared."""
    loaded = ctypes.CDLL(_library_file())
    loaded.XGBGetLastError.restype = Text
    for name, arguments in _SIGNATURES.items():
        function = getattr(loaded, name)
        function.argtypes = arguments
        function.restype = ctypes.c_int
    # Its warnings are for who trains: that a name without suffix leaves a model's format to a guess, for one.
    check(loaded.XGBSetGlobalConfig(b'{"verbosity": 0}'), loaded)
    return loaded


def check(code: int, loaded: ctypes.CDLL | None = None) -> None:
    """Raise XGBoostError where a function's return code says so."""
    if code:
        raise XGBoostError(_words((loaded or library()).XGBGetLastError().decode("utf-8", "replace")))


def _words(message: str) -> str:
    """`[12:00:00] /src/learner.cc:1462: Check failed: …` without what tells of the build and the moment."""
    message = message.split("\nStack trace:", 1)[0].strip()
    where, separator, words = message.partition(": ")
    return words.strip() if separator and where.startswith("[") and " " in where else message


def _library_file() -> str:
    """The library's path, found by the package's own finder, which importing the package would run as well."""
    package = importlib.util.find_spec("xgboost")
    if package is None or package.origin is None:
        raise XGBoostError("The package xgboost is not installed.")
    finder = importlib.machinery.SourceFileLoader("xgboost_libpath", str(Path(package.origin).with_name("libpath.py")))
    spec = importlib.util.spec_from_loader(finder.name, finder)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    finder.exec_module(module)
    return str(module.find_lib_path()[0])


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
