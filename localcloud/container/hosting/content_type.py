"""The content types of requests: what a header says, and the words for one that is not taken.

Source: `data_utils.get_content_type` of the container.
"""

from __future__ import annotations

CSV = "csv"
LIBSVM = "libsvm"
PARQUET = "parquet"
RECORDIO = "recordio-protobuf"

_NAMES = {
    "csv": CSV,
    "libsvm": LIBSVM,
    "parquet": PARQUET,
    "recordio-protobuf": RECORDIO,
    "text/csv": CSV,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "application/x-parquet": PARQUET,
    "application/x-recordio-protobuf": RECORDIO,
}


class ContentTypeError(Exception):
    """A content type that the container does not take, in its words."""


def content_type_of(header: str | None) -> str:
    """CSV, LIBSVM or RECORDIO. No header means libsvm. Raises ContentTypeError."""
    if not header:
        return LIBSVM
    name, *parameters = (part.strip() for part in header.lower().split(";"))
    kind = _NAMES.get(name)
    if kind is None:
        raise ContentTypeError(f"{header} is not an accepted ContentType: {', '.join(_NAMES)}.")
    if kind == PARQUET:
        raise ContentTypeError(f"Content-type {header} is not supported.")
    sizes = [value.strip('" ') for key, _, value in (part.partition("=") for part in parameters) if key == "label_size"]
    if kind == CSV and sizes and sizes[-1] != "1":
        raise ContentTypeError(
            f"{header} is not an accepted csv ContentType. Optional parameter label_size must be equal to 1"
        )
    return kind
