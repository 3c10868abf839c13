"""SageMaker's RecordIO-protobuf, written: one record a prediction, its numbers as float32 tensors under `label`."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from training.data.protobuf import message
from training.data.record_frame import framed

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
