"""`kickstand upload`, which checks, hashes, sends and lists, at three sizes beside pyarrow reading the file alone."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.cloud import ACCOUNT, REGION, World
from benchmarks.figure import Figure
from benchmarks.measure import BIN, Use, run
from benchmarks.sizes.growth import PEER, Subject, over_sizes

SIZES = {"ordinary": (50_000, 200_000, 800_000), "large": (1_000_000, 10_000_000, 40_000_000)}
"""40 million rows are 5 GB."""
SUBJECT = Subject("check and upload", "pyarrow reading the file", processor=5, memory=3, goal=1.2, pace=1.3, held=1.8)
_PROJECT = "bench-upload"
"""Another than that of `fit`, which has a bucket of its stack's in the same cloud."""
COLUMNS = 13
"""Features; the label is first."""
_READ = """
import sys
import pyarrow.csv
options = pyarrow.csv.ReadOptions(autogenerate_column_names=True)
for batch in pyarrow.csv.open_csv(sys.argv[1], read_options=options):
    pass
"""
_DATA = """
import sys
import numpy
import pyarrow
import pyarrow.csv
rows, block = int(sys.argv[2]), 1_000_000
names = [str(index) for index in range(14)]
schema = pyarrow.schema([(name, pyarrow.float64()) for name in names])
options = pyarrow.csv.WriteOptions(include_header=False)
with pyarrow.csv.CSVWriter(sys.argv[1], schema, write_options=options) as writer:
    for start in range(0, rows, block):
        count = min(block, rows - start)
        draw = numpy.random.default_rng([1, start])
        features = draw.normal(size=(13, count))
        label = features[0] * 2 + features[1] ** 2 + draw.normal(size=count) * 0.1
        columns = [pyarrow.array(column.round(6)) for column in (label, *features)]
        writer.write_table(pyarrow.table(columns, schema=schema))
"""


def upload_figures(world: World, sizes: Sequence[int] = SIZES["ordinary"]) -> list[Figure]:
    """Time and memory of checking and uploading files of so many rows of a label and 13 features.

    A row is added before each upload: what is there already would not be sent again. What was sent is deleted.
    """
    cloud = world.cloud()
    with tempfile.TemporaryDirectory() as name:
        s3 = cloud.client("s3", ACCOUNT, REGION)
        bucket = f"{_PROJECT}-dev-{ACCOUNT}-{REGION}"
        s3.create_bucket(Bucket=bucket)
        environment = {"KICKSTAND_LOCAL_STATE": str(cloud.folder.root)}
        pid = cloud.status().pid or 0
        for rows in sizes:
            folder = Path(name) / str(rows)
            write_project(folder, rounds=10, name=_PROJECT)
            write_table(folder / "train.csv", rows)

        def measure(subject: str, rows: int) -> Use:
            folder = Path(name) / str(rows)
            if subject == PEER:
                return run([BIN / "python", "-c", _READ, folder / "train.csv"])
            add_row(folder / "train.csv")
            command: list[str | Path] = [BIN / "kickstand", "--local", "upload", "dev"]
            use = run(command, cwd=folder, environment=environment, server=pid)
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
            for key in [entry["Key"] for page in pages for entry in page.get("Contents", ())]:
                s3.delete_object(Bucket=bucket, Key=key)
            return use

        return over_sizes({"upload": SUBJECT}, sizes, measure)


def write_table(file: Path, rows: int) -> None:
    """A CSV without a header: a label and 13 features, so many rows."""
    subprocess.run([sys.executable, "-c", _DATA, str(file), str(rows)], check=True)


def add_row(file: Path) -> None:
    """One more row, so that the file is another one than any that was uploaded."""
    with file.open("a") as stream:
        stream.write(",".join(["0.5"] * (1 + COLUMNS)) + "\n")


def write_project(folder: Path, rounds: int, name: str = "bench") -> None:
    """A new folder with a project of one environment, which trains on its `train.csv`."""
    folder.mkdir()
    tables: dict[str, dict[str, str | int]] = {
        "project": {"name": name},
        "data": {"train": "train.csv"},
        "training": {"instance_type": "ml.m5.xlarge"},
        "hyperparameters": {"objective": "reg:squarederror", "tree_method": "hist", "num_round": rounds},
        "environments.dev": {"account": ACCOUNT, "region": REGION},
    }
    lines = [line for table, keys in tables.items() for line in (f"[{table}]", *_assignments(keys))]
    (folder / "kickstand.toml").write_text("\n".join(lines) + "\n", "utf-8")


def _assignments(keys: Mapping[str, str | int]) -> list[str]:
    return [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
