"""Make train.csv, validation.csv and test.csv from bike-sharing-hour.csv.

    python data/prepare.py [--out DIR] [--format csv|libsvm|parquet|recordio-protobuf]

Days 1 to 19 of each month are drawn into train (70 %) and validation, days 20 and on are the test. The label,
log1p of the count, comes first; there is no header. The same input gives the same bytes on every machine. The other
formats hold the same numbers, in libsvm with indices from 0, as `training/data/row_text.py` writes them.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np

from kickstand.atomic_file import atomic_file
from kickstand.errors import KickstandError

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
    from training.data.row_text import WRITERS

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
