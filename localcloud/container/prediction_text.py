"""Predictions as the container writes them: every digit of the float32's exact double."""

from __future__ import annotations

import json

import numpy as np
import numpy.typing as npt

CSV = "text/csv"
JSON = "application/json"
SUPPORTED_ACCEPTS = (JSON, CSV)


def encode(predictions: npt.NDArray[np.float32], accept: str, *, batch: bool = False) -> bytes:
    """One response body.

    accept: CSV gives one value a line and a trailing newline, a softprob row joined by commas; JSON gives
            `{"predictions": [{"score": x}]}`, x a list for softprob.
    batch:  the form of batch transform (SAGEMAKER_BATCH): `str(prediction)` a line.
    """
    values = predictions.tolist()
    if accept == JSON:
        return json.dumps({"predictions": [{"score": value} for value in values]}).encode()
    if predictions.ndim > 1 and not batch:
        return ("\n".join([",".join(map(repr, row)) for row in values]) + "\n").encode()
    return ("\n".join(map(str, values)) + "\n").encode()


def negotiate(accept: str, default: str) -> str:
    """The response's content type for an Accept header. Raises ValueError in the container's words."""
    wanted = accept.split(";", 1)[0].strip().lower()
    if not wanted or wanted == "*/*":
        return default
    if wanted not in SUPPORTED_ACCEPTS:
        raise ValueError(
            f"Accept type {accept} is not supported. Please use supported accept types: {list(SUPPORTED_ACCEPTS)}."
        )
    return wanted
