"""Files that are no data of the channel: other formats under the right name, and READMEs, licences, scripts beside it.

The first bytes of a file say what it is, whatever its name says. The container hands xgboost the whole folder: of CSV
and libsvm every line of every file becomes a row; a Parquet or RecordIO-protobuf file that is none ends the job.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from kickstand.errors import Problem
from training.data.csv.cell_cause import shown
from training.data.csv.cells import is_taken
from training.data.csv.float_text import delimiter_of

_FIRST_BYTES = 1 << 20
_NUMBER = rb"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_LIBSVM = re.compile(rb"%b(?::%b)?(?: +(?:qid|\d+):%b){2,} *" % (_NUMBER, _NUMBER, _NUMBER))
_CSV = re.compile(rb"%b *(?:[,;\t] *(?:%b)? *){2,}" % (_NUMBER, _NUMBER))
_BOM = b"\xef\xbb\xbf"

_DECOMPRESS = "Decompress it."
_SAVE = "Save it as {form}."
_WRITE = "Write it as {form}, or say so: [data] content_type."
_UTF8 = "Save it as UTF-8."
_TABLE = "Read it with pandas.{reader}, and write it as {{form}}."
_FOREIGN_MAGIC = (
    (b"\x1f\x8b", "compressed with gzip", _DECOMPRESS),
    (b"BZh", "compressed with bzip2", _DECOMPRESS),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", _DECOMPRESS),
    (b"\xfd7zXZ\x00", "compressed with xz", _DECOMPRESS),
    (b"\x04\x22\x4d\x18", "compressed with lz4", _DECOMPRESS),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "Unpack it."),
    (b"PK\x03\x04", "a zip archive or a spreadsheet", _SAVE),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Office document", _SAVE),
    (b"PAR1", "Parquet", _WRITE),
    (b"\x0a\x23\xd7\xce", "RecordIO-protobuf", _WRITE),
    (b"ORC", "ORC", _TABLE.format(reader="read_orc")),
    (b"ARROW1", "Arrow IPC (Feather)", _TABLE.format(reader="read_feather")),
    (b"FEA1", "Feather", _TABLE.format(reader="read_feather")),
    (b"Obj\x01", "Avro", _SAVE),
    (b"\x89HDF", "HDF5", _TABLE.format(reader="read_hdf")),
    (b"\x93NUMPY", "a NumPy array", "Write it with numpy.savetxt, as {form}."),
    (b"SQLite format 3", "a SQLite database", _TABLE.format(reader="read_sql")),
    (b"\x80\x02", "a pickle", _SAVE),
    (b"\x80\x03", "a pickle", _SAVE),
    (b"\x80\x04", "a pickle", _SAVE),
    (b"\x80\x05", "a pickle", _SAVE),
    (b"%PDF-", "a PDF document", _SAVE),
    (b"{\\rtf", "a document (RTF)", _SAVE),
    (b"\xff\xfe", "UTF-16 text", _UTF8),
    (b"\xfe\xff", "UTF-16 text", _UTF8),
    (b"version https://git-lfs.github.com/spec/", "a Git LFS pointer", "Fetch the file itself: git lfs pull."),
)
_MARKUP = (
    (b"<!doctype html", "a web page", "Download the file again: what came is often an error or a page to log in."),
    (b"<html", "a web page", "Download the file again: what came is often an error or a page to log in."),
    (b"<?xml", "XML", "Write it as {form}. XML from S3 is an error message in the place of the file."),
    (b"<error>", "XML", "Write it as {form}. XML from S3 is an error message in the place of the file."),
    (b"@relation", "ARFF, as Weka writes it", "Write the rows behind @data as {form}."),
)
_JSON = re.compile(rb'\{\s*(?:"|\}|\Z)|\[\s*[\[{"]')


def foreign(block: bytes, form: str) -> tuple[str, str] | None:
    """Why a file that begins with `block` is no text of a form (`CSV`, `libsvm`), and what to do; None: it may be."""
    found = _kind(block, form)
    if found:
        return f"The file is {found[0]}, not {form} text.", found[1].format(form=form)
    if b"\0" in block[:_FIRST_BYTES]:
        fix = f"Write it as {form}; text of zero bytes and letters is UTF-16 or UTF-32: save it as UTF-8."
        return f"The file holds zero bytes: it is not {form} text.", fix
    return None


def _kind(block: bytes, form: str) -> tuple[str, str] | None:
    """What a file is, and what to do; None where nothing says that it is no text of the form."""
    for magic, what, fix in _FOREIGN_MAGIC:
        if block.startswith(magic):
            if magic == b"PK\x03\x04" and (b"xl/" in block[:_FIRST_BYTES] or b"[Content_Types].xml" in block[:4096]):
                return "an Excel workbook", _TABLE.format(reader="read_excel")
            return what, fix
    text = block.removeprefix(_BOM)[:512].lstrip()
    for words, what, fix in _MARKUP:
        if text[: len(words)].lower() == words:
            return what, fix
    if _JSON.match(text):
        return (
            "JSON",
            "Read it with pandas.read_json (lines=True where each line is an object), and write it as {form}.",
        )
    first = block.removeprefix(_BOM)[:4096].lstrip().split(b"\n", 1)[0].rstrip(b"\r")
    if form == "CSV" and _LIBSVM.fullmatch(first):
        return "libsvm", _WRITE
    if form == "libsvm" and _CSV.fullmatch(first):
        return "CSV", _WRITE
    return None


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
_SAMPLE_BYTES = 4096
_STRAY_MAGIC = {"parquet": b"PAR1", "recordio-protobuf": b"\x0a\x23\xd7\xce"}


def stray_problem(kind: str, name: str, path: Path, where: str) -> Problem | None:
    """Why a file is none of the channel's data; None where it may be: its name is no other file's, or it holds rows.

    kind: of the channel's files. name: below the channel's folder. where: the file in messages. Raises OSError.
    """
    last = PurePosixPath(name).name
    passed_over = kind in _STRAY_MAGIC and last.startswith("_")
    if passed_over or not (_NAMES.fullmatch(last) or _ENDINGS.fullmatch(last)):
        return None
    with path.open("rb") as file:
        begin = file.read(_SAMPLE_BYTES)
    if not begin or _holds_rows(kind, begin):
        return None
    first = begin.lstrip().partition(b"\n")[0].rstrip(b"\r")
    effect = "the job would fail" if kind in _STRAY_MAGIC else "every line of it would become a row"
    message = (
        f"The file is no data: it begins with {shown(first)}. SageMaker reads all files of a channel, and {effect}."
    )
    return Problem(message, where, "Move it out of the channel's folder.")


def _holds_rows(kind: str, begin: bytes) -> bool:
    """Whether a file of any name begins as the data do."""
    if kind in _STRAY_MAGIC:
        return begin.startswith(_STRAY_MAGIC[kind])
    first = begin.lstrip().partition(b"\n")[0].strip()
    if kind == "libsvm":
        return is_taken(first.split(b" ")[0].partition(b":")[0])
    return first != b"" and all(is_taken(cell) for cell in first.split(delimiter_of(first).encode()))
