"""Training at three sizes beside bare xgboost: the local training program, and all of `kickstand fit`.

All are whole processes, from start to the model on disk: loading is in it. The peer is the fastest loading that a
skilled user would write by hand: Arrow's own threaded CSV reader into one array, freed as soon as xgboost has its
matrix. It logs nothing and measures nothing between the rounds; the program does both, and its model must be the one
that xgboost makes when it reads the file itself, as AWS's container lets it do.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.cloud import World
from benchmarks.figure import Figure
from benchmarks.measure import BIN, Use, peak_memory, run
from benchmarks.sizes.growth import PEER, Subject, over_sizes
from benchmarks.sizes.upload import add_row, write_project, write_table

SIZES = {"ordinary": (25_000, 100_000, 400_000), "large": (100_000, 1_000_000, 10_000_000)}
ROUNDS = 20
TRAINING = Subject(
    "training program",
    "bare xgboost",
    processor=1.5,
    memory=1.4,
    pace=1.2,
    note="AWS, training of 100,000 rows x 13, 100 rounds: 3.8 s where bare xgboost took 1.4 s (2026-11-22)",
)
FIT = Subject("fit", "bare xgboost", processor=6, memory=6, pace=1.2, held=5)

_OWN_READER = """
import sys
import xgboost
matrix = xgboost.DMatrix(sys.argv[1] + "?format=csv&label_column=0")
parameters = {"objective": "reg:squarederror", "tree_method": "hist"}
xgboost.train(parameters, matrix, int(sys.argv[3])).save_model(sys.argv[2])
"""
_BARE = """
import sys
import numpy
import pyarrow.csv
import xgboost
table = pyarrow.csv.read_csv(sys.argv[1], read_options=pyarrow.csv.ReadOptions(autogenerate_column_names=True))
cells = numpy.column_stack([numpy.from_dlpack(column.combine_chunks()) for column in table.columns])
del table
matrix = xgboost.DMatrix(cells[:, 1:], label=cells[:, 0])
del cells
parameters = {"objective": "reg:squarederror", "tree_method": "hist"}
booster = xgboost.train(parameters, matrix, int(sys.argv[3]))
booster.save_model(sys.argv[2])
"""
# from_dlpack, because an Arrow column's own to_numpy imports pandas where it is installed, which takes a second.


def training_figures(_: World, sizes: Sequence[int] = SIZES["ordinary"]) -> list[Figure]:
    """The training program over bare xgboost; the models must be equal.

    Raises RuntimeError where they are not: a fast wrong answer is no figure.
    """
    with tempfile.TemporaryDirectory() as name:
        bases = {rows: Path(name) / str(rows) for rows in sizes}
        files = {rows: _layout(base, rows) for rows, base in bases.items()}

        def measure(subject: str, rows: int) -> Use:
            base = bases[rows]
            if subject == PEER:
                return run(_bare(_BARE, files[rows], base), cwd=base)
            command = [sys.executable, "-m", "localcloud.container.train"]
            return run(command, cwd=base, environment={"SAGEMAKER_BASE_DIR": str(base)})

        found = over_sizes({"training": TRAINING}, sizes, measure)
        for rows, base in bases.items():
            run(_bare(_OWN_READER, files[rows], base), cwd=base)
            if (base / "model/xgboost-model").read_bytes() != (base / "bare.ubj").read_bytes():
                raise RuntimeError("The training program's model is not the one that bare xgboost makes of the file.")
    return found


def fit_figures(world: World, sizes: Sequence[int] = SIZES["ordinary"]) -> list[Figure]:
    """All of `kickstand fit` (check, upload, train, release) over bare xgboost, which loads and trains.

    The processor time is the command's and the local cloud's; the memory is the local cloud's with all its processes.
    """
    cloud = world.cloud()
    with tempfile.TemporaryDirectory() as name:
        local = {"KICKSTAND_LOCAL_STATE": str(cloud.folder.root)}
        pid = cloud.status().pid or 0
        folders = {rows: Path(name) / str(rows) for rows in sizes}
        for rows, folder in folders.items():
            write_project(folder, ROUNDS)
            write_table(folder / "train.csv", rows)
        run([BIN / "kickstand", "--local", "deploy", "dev", "--yes"], cwd=folders[min(sizes)], environment=local)

        def measure(subject: str, rows: int) -> Use:
            folder = folders[rows]
            if subject == PEER:
                return run(_bare(_BARE, folder / "train.csv", folder), cwd=folder)
            add_row(folder / "train.csv")
            with peak_memory(pid) as peak:
                use = run([BIN / "kickstand", "--local", "fit", "dev"], cwd=folder, environment=local, server=pid)
            return Use(use.seconds, use.processor, peak.mebibytes)

        return over_sizes({"fit": FIT}, sizes, measure)


def _bare(program: str, data: Path, folder: Path) -> list[str | Path]:
    return [sys.executable, "-W", "ignore", "-c", program, data, folder / "bare.ubj", str(ROUNDS)]


def _layout(base: Path, rows: int) -> Path:
    """The folder that a training container sees; the path of its one data file."""
    data = base / "input/data/train/train.csv"
    data.parent.mkdir(parents=True)
    write_table(data, rows)
    config = base / "input/config"
    config.mkdir()
    contents = {
        "hyperparameters": {"num_round": str(ROUNDS), "objective": "reg:squarederror", "tree_method": "hist"},
        "inputdataconfig": {"train": {"ContentType": "text/csv", "TrainingInputMode": "File"}},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"]},
    }
    for name, content in contents.items():
        (config / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return data
