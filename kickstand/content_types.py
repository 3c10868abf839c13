"""The content types that the container trains on, exactly as they must be written."""

from __future__ import annotations

from collections.abc import Mapping

CONTENT_TYPES: Mapping[str, str] = {
    "csv": "csv",
    "libsvm": "libsvm",
    "parquet": "parquet",
    "recordio-protobuf": "recordio-protobuf",
    "text/csv": "csv",
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "application/x-parquet": "parquet",
    "application/x-recordio-protobuf": "recordio-protobuf",
}
"""What each stands for. Parameters behind a semicolon fail in training."""

MEDIA_TYPES: Mapping[str, str] = {
    "csv": "text/csv",
    "libsvm": "text/libsvm",
    "parquet": "application/x-parquet",
    "recordio-protobuf": "application/x-recordio-protobuf",
}
"""The media type of each kind, which the container's other words for it mean."""


def kind_of(content_type: str) -> str:
    """`csv`, `libsvm`, `parquet` or `recordio-protobuf`; `csv` for what the container does not train on."""
    return CONTENT_TYPES.get(content_type, "csv")
