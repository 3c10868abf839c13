"""Make train.csv, validation.csv and test.csv from bike-sharing-hour.csv.

    python data/prepare.py [--out DIR] [--format csv|libsvm|parquet|recordio-protobuf]

Days 1 to 19 of each month are drawn into train (70 %) and validation, days 20 and on are the test. The label,
log1p of the count, comes first; there is no header. The same input gives the same bytes on every machine. The other
formats hold the same numbers: what the cells say as text in libsvm, with indices from 0, and doubles in the others.
"""

from __future__ import annotations

import argparse
import csv
import io
import struct
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np

from kickstand.atomic_file import atomic_file
from kickstand.errors import KickstandError
from training.data.formats.protobuf import framed, message

SOURCE = Path(__file__).with_name("bike-sharing-hour.csv")
COLUMNS = (
    *("count", "season", "holiday", "workingday", "weather", "temp", "atemp", "humidity", "windspeed"),
    *("year", "month", "day", "dayofweek", "hour"),
)
"""Columns of the files written, in order; the first is the label."""

ENDINGS = {"csv": ".csv", "libsvm": ".libsvm", "parquet": ".parquet", "recordio-protobuf": ".recordio"}
"""Of the files, by format: the container's words for its content types."""

LAST_TRAINING_DAY = 19
TRAINING_SHARE = 0.7
SEED = 5


def prepare(source: Path = SOURCE) -> dict[str, str]:
    """The text of each channel's file, by channel name."""
    with source.open(newline="", encoding="utf-8") as file:
        hours = [(datetime.fromisoformat(hour["datetime"]), hour) for hour in csv.DictReader(file)]
    hours.sort(key=lambda pair: pair[0])
    known = [_line(when, hour) for when, hour in hours if when.day <= LAST_TRAINING_DAY]
    later = [_line(when, hour) for when, hour in hours if when.day > LAST_TRAINING_DAY]
    order = list(range(len(known)))
    np.random.RandomState(SEED).shuffle(order)  # the legacy generator, whose stream numpy keeps for ever
    drawn = [known[index] for index in order]
    cut = int(TRAINING_SHARE * len(drawn))
    channels = {"train": drawn[:cut], "validation": drawn[cut:], "test": later}
    return {name: "".join(lines) for name, lines in channels.items()}


def encoded(text: str, form: str) -> bytes:
    """A channel's file in a format. text: its CSV."""
    if form == "csv":
        return text.encode("ascii")
    return WRITERS[form](COLUMNS, [line.split(",") for line in text.splitlines()])


def write(channels: dict[str, str], folder: Path, form: str = "csv") -> list[Path]:
    """Write each channel to `folder/NAME.csv`, or with another format's ending, whole or not at all."""
    paths = []
    for name, text in channels.items():
        path = folder / f"{name}{ENDINGS[form]}"
        with atomic_file(path) as file:
            file.write(encoded(text, form))
        paths.append(path)
    return paths


def _line(when: datetime, hour: dict[str, str]) -> str:
    """One row. Measurements keep the source's own digits, so nothing is lost on the way."""
    measured = [hour[column] for column in COLUMNS[1:9]]
    calendar = [str(part) for part in (when.year, when.month, when.day, when.weekday(), when.hour)]
    return ",".join([_log1p(int(hour["count"])), *measured, *calendar]) + "\n"


@cache
def _log1p(count: int) -> str:
    """log1p with the digits that a float needs, from decimals: C libraries differ in the last one."""
    return repr(float(Decimal(count + 1).ln()))


Rows = Sequence[Sequence[str]]
"""Cells of numbers, the label first; all rows of one width."""

_FEATURES, _LABEL, _KEY, _VALUE, _FLOAT64, _VALUES = 1, 2, 1, 2, 3, 1
"""The fields of SageMaker's record.proto."""


def libsvm_bytes(columns: Sequence[str], rows: Rows) -> bytes:
    """`label 0:value 1:value …` a line, zeros too: what a row leaves out is missing, and that is another number.

    Indices are counted from 0, since the container takes them in training as they are written: counted from 1, as
    many a writer of svmlight does, there would be a feature 0 that no row has.
    """
    lines = [" ".join([row[0], *(f"{index}:{cell}" for index, cell in enumerate(row[1:]))]) for row in rows]
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def parquet_bytes(columns: Sequence[str], rows: Rows) -> bytes:
    """A table of doubles with these column names, the label in the first."""
    import pyarrow as pa
    import pyarrow.parquet

    numbers = zip(*([float(cell) for cell in row] for row in rows), strict=True)
    out = io.BytesIO()
    pyarrow.parquet.write_table(pa.table([pa.array(column) for column in numbers], names=list(columns)), out)
    return out.getvalue()


def recordio_bytes(columns: Sequence[str], rows: Rows) -> bytes:
    """A framed record a row: a dense float64 tensor of features and one of the label, both named `values`."""
    return b"".join(
        framed(message(_FEATURES, _named(row[1:])) + message(_LABEL, _named(row[:1])))  # a map's entries
        for row in rows
    )


def _named(cells: Sequence[str]) -> bytes:
    packed = struct.pack(f"<{len(cells)}d", *map(float, cells))
    return message(_KEY, b"values") + message(_VALUE, message(_FLOAT64, message(_VALUES, packed)))


WRITERS: Mapping[str, Callable[[Sequence[str], Rows], bytes]] = {
    "libsvm": libsvm_bytes,
    "parquet": parquet_bytes,
    "recordio-protobuf": recordio_bytes,
}
"""By the container's word for the content type: what writes rows of named columns so. CSV is what they are."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=SOURCE.parent, metavar="DIR", help="folder (default: %(default)s)")
    parser.add_argument("--format", choices=ENDINGS, default="csv", help="what the files are (default: %(default)s)")
    options = parser.parse_args(arguments)
    channels = prepare()
    try:
        written = write(channels, options.out, options.format)
    except KickstandError as error:
        sys.exit(f"error: {error}")
    for path, text in zip(written, channels.values(), strict=True):
        sys.stdout.write(f"{path}: {text.count(chr(10)):,} rows\n")


if __name__ == "__main__":
    main()
