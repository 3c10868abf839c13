"""Files beside the data that are none: READMEs, licences, scripts, what writers leave behind.

The container hands xgboost the whole folder. Of CSV and libsvm every line of every file becomes a row; a Parquet or
RecordIO-protobuf file that is none ends the job.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from kickstand.errors import Problem
from training.data.cell_cause import shown
from training.data.csv_cells import is_taken
from training.data.csv_delimiter import delimiter_of

_NAMES = re.compile(
    r"(?:readme|licen[cs]e|copying|notice|authors|changelog|changes|contributing|makefile|dockerfile|requirements"
    r"|manifest|schema|metadata|description)\b.*"
    r"|_(?:common_)?metadata|_(?:started|committed|temporary|spark_metadata).*|__init__.*",
    re.IGNORECASE,
)
_ENDINGS = re.compile(
    r".*\.(?:md|markdown|rst|adoc|pdf|docx?|html?|xml|json|ya?ml|toml|ini|cfg|log|md5|sha256|py|pyc|ipynb|r|rmd|sh|sql"
    r"|js|c|java|scala|lock|png|jpe?g|gif|svg)",
    re.IGNORECASE,
)
_LOOKED_AT = 4096
_MAGIC = {"parquet": b"PAR1", "recordio-protobuf": b"\x0a\x23\xd7\xce"}


def stray_problem(kind: str, name: str, path: Path, where: str) -> Problem | None:
    """Why a file is none of the channel's data; None where it may be: its name is no other file's, or it holds rows.

    kind: of the channel's files. name: below the channel's folder. where: the file in messages. Raises OSError.
    """
    last = PurePosixPath(name).name
    passed_over = kind in _MAGIC and last.startswith("_")
    if passed_over or not (_NAMES.fullmatch(last) or _ENDINGS.fullmatch(last)):
        return None
    with path.open("rb") as file:
        begin = file.read(_LOOKED_AT)
    if not begin or _holds_rows(kind, begin):
        return None
    first = begin.lstrip().partition(b"\n")[0].rstrip(b"\r")
    effect = "the job would fail" if kind in _MAGIC else "every line of it would become a row"
    message = (
        f"The file is no data: it begins with {shown(first)}. SageMaker reads all files of a channel, and {effect}."
    )
    return Problem(message, where, "Move it out of the channel's folder.")


def _holds_rows(kind: str, begin: bytes) -> bool:
    """Whether a file of any name begins as the data do."""
    if kind in _MAGIC:
        return begin.startswith(_MAGIC[kind])
    first = begin.lstrip().partition(b"\n")[0].strip()
    if kind == "libsvm":
        return is_taken(first.split(b" ")[0].partition(b":")[0])
    return first != b"" and all(is_taken(cell) for cell in first.split(delimiter_of(first).encode()))
