"""The local training program against bare xgboost that loads the same CSV and trains the same model in one process.

Both are whole processes, from start to the model on disk: loading is in it. The peer is the fastest loading that a
skilled user would write by hand: Arrow's own threaded CSV reader into one array, freed as soon as xgboost has its
matrix. It logs nothing and measures nothing between the rounds; the program does both, and its model must be the one
that xgboost makes when it reads the file itself, as AWS's container lets it do.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.figure import REPOSITORY, Figure


@dataclass(frozen=True, slots=True)
class Work:
    """One row of the table: so many rows of a label and 13 features, so many rounds, measured so often.

    aws: seconds of AWS's container code and of bare xgboost beside it, where they were measured.
    """

    rows: int
    rounds: int
    runs: int
    aws: tuple[float, float] | None = None

    def __str__(self) -> str:
        return f"train {self.rows:,} x 13 CSV, {self.rounds} rounds"


TABLE = (Work(100_000, 100, runs=7, aws=(3.8, 1.4)), Work(5_000_000, 20, runs=3))
SECONDS, MEMORY = 1.15, 1.3
"""Limits of the ratios to the peer: wall time, and peak memory."""

_DATA = """
import sys
import numpy
import pyarrow
import pyarrow.csv
rows = int(sys.argv[2])
features = numpy.random.default_rng(1).normal(size=(rows, 13))
noise = numpy.random.default_rng(2).normal(size=rows) * 0.1
label = features[:, 0] * 2 + features[:, 1] ** 2 + noise
columns = [pyarrow.array(numpy.ascontiguousarray(column).round(6)) for column in (label, *features.T)]
table = pyarrow.table(columns, names=[str(index) for index in range(14)])
pyarrow.csv.write_csv(table, sys.argv[1], pyarrow.csv.WriteOptions(include_header=False))
"""

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


@dataclass(frozen=True, slots=True)
class Use:
    """What one process took: wall seconds and peak resident memory in MiB."""

    seconds: float
    mebibytes: float


def run() -> list[Figure]:
    """Wall time and peak memory of training as ratios, for every row of the table; the models must be equal.

    Raises RuntimeError where they are not: a fast wrong answer is no figure.
    """
    return [figure for work in TABLE for figure in measure(work)]


def measure(work: Work) -> list[Figure]:
    """The figures of one row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        data = _layout(base, work)
        bare_model = base / "bare.ubj"
        mine, peer = _in_turn(
            lambda: _use([sys.executable, "-m", "localcloud.container.train"], base),
            lambda: _use([sys.executable, "-c", _BARE, str(data), str(bare_model), str(work.rounds)], base),
            runs=work.runs,
        )
        _use([sys.executable, "-c", _OWN_READER, str(data), str(bare_model), str(work.rounds)], base)
        if (base / "model/xgboost-model").read_bytes() != bare_model.read_bytes():
            raise RuntimeError("The training program's model is not the one that bare xgboost makes of the file.")
    seconds = [use.seconds for use in mine], [use.seconds for use in peer]
    memory = [use.mebibytes for use in mine], [use.mebibytes for use in peer]
    aws = (work.aws[0] / work.aws[1],) if work.aws else ()
    return [_ratio(f"{work}: s", *seconds, SECONDS, aws), _ratio(f"{work}: peak MiB", *memory, MEMORY)]


def _layout(base: Path, work: Work) -> Path:
    """The folder that a training container sees; the path of its one data file."""
    data = base / "input/data/train/train.csv"
    data.parent.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", _DATA, str(data), str(work.rows)], check=True)
    config = base / "input/config"
    config.mkdir()
    contents = {
        "hyperparameters": {"num_round": str(work.rounds), "objective": "reg:squarederror", "tree_method": "hist"},
        "inputdataconfig": {"train": {"ContentType": "text/csv", "TrainingInputMode": "File"}},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"]},
    }
    for name, content in contents.items():
        (config / f"{name}.json").write_text(json.dumps(content), "utf-8")
    return data


def _in_turn(ours: Callable[[], Use], peer: Callable[[], Use], *, runs: int) -> tuple[list[Use], list[Use]]:
    ours(), peer()
    taken = [(ours(), peer()) for _ in range(runs)]
    return [mine for mine, _ in taken], [other for _, other in taken]


def _use(command: list[str], base: Path) -> Use:
    """Run one process and ask the system what it took (its own peak, not that of other children)."""
    variables = {**os.environ, "SAGEMAKER_BASE_DIR": str(base), "PYTHONPATH": str(REPOSITORY)}
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=base, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    unit = 1 if sys.platform == "darwin" else 1024  # Linux counts in KiB
    return Use(seconds, used.ru_maxrss * unit / 2**20)


def _ratio(name: str, mine: list[float], peer: list[float], limit: float, aws: tuple[float, ...] = ()) -> Figure:
    ratios = [a / b for a, b in zip(mine, peer, strict=True)]
    return Figure(name, median(mine), median(peer), median(ratios), "x", limit, aws=aws)
