"""XGBoost's public C interface, called directly.

The serving program needs a dozen functions of the library and none of the Python package, whose import takes longer
than all the rest of the start. Source: the C API reference of XGBoost, `xgboost/c_api.h`.
"""

from __future__ import annotations

import ctypes
import importlib.machinery
import importlib.util
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
