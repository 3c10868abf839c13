"""The local training program against bare xgboost that reads the same CSV in one process."""

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

ROWS = 100_000
ROUNDS = 100
RUNS = 5

_DATA = f"""
import sys
import numpy
features = numpy.random.default_rng(1).normal(size=({ROWS}, 13))
noise = numpy.random.default_rng(2).normal(size={ROWS}) * 0.1
label = features[:, 0] * 2 + features[:, 1] ** 2 + noise
numpy.savetxt(sys.argv[1], numpy.column_stack([label, features]), delimiter=",", fmt="%.6f")
"""

_BARE = f"""
import sys
import numpy
import pyarrow.csv
import xgboost
table = pyarrow.csv.read_csv(sys.argv[1], read_options=pyarrow.csv.ReadOptions(autogenerate_column_names=True))
cells = numpy.column_stack([numpy.from_dlpack(column.combine_chunks()) for column in table.columns])
matrix = xgboost.DMatrix(cells[:, 1:], label=cells[:, 0])
booster = xgboost.train({{"objective": "reg:squarederror", "tree_method": "hist"}}, matrix, {ROUNDS})
booster.save_model(sys.argv[2])
"""
# from_dlpack, because an Arrow column's own to_numpy imports pandas where it is installed, which takes a second.


@dataclass(frozen=True, slots=True)
class Use:
    """What one process took: wall seconds and peak resident memory in MiB."""

    seconds: float
    mebibytes: float


def run() -> list[Figure]:
    """Wall time (limit 1.2) and peak memory (limit 1.3) of training as ratios; the models must be equal.

    Raises RuntimeError where they are not: a fast wrong answer is no figure.
    """
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        data = _layout(base)
        bare_model = base / "bare.ubj"
        mine, peer = _in_turn(
            lambda: _use([sys.executable, "-m", "localcloud.container.train"], base),
            lambda: _use([sys.executable, "-c", _BARE, str(data), str(bare_model)], base),
        )
        if (base / "model/xgboost-model").read_bytes() != bare_model.read_bytes():
            raise RuntimeError("The training program's model is not the one that bare xgboost makes.")
    what = f"train {ROWS:,} x 13, {ROUNDS} rounds"
    seconds = [use.seconds for use in mine], [use.seconds for use in peer]
    memory = [use.mebibytes for use in mine], [use.mebibytes for use in peer]
    return [_ratio(f"{what}: s", *seconds, limit=1.2), _ratio(f"{what}: peak MiB", *memory, limit=1.3)]


def _layout(base: Path) -> Path:
    """The folder that a training container sees; the path of its one data file."""
    data = base / "input/data/train/train.csv"
    data.parent.mkdir(parents=True)
    subprocess.run([sys.executable, "-c", _DATA, str(data)], check=True)
    config = base / "input/config"
    config.mkdir()
    contents = {
        "hyperparameters": {"num_round": str(ROUNDS), "objective": "reg:squarederror", "tree_method": "hist"},
        "inputdataconfig": {"train": {"ContentType": "text/csv", "TrainingInputMode": "File"}},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"]},
    }
    for name, content in contents.items():
        (config / f"{name}.json").write_text(json.dumps(content))
    return data


def _in_turn(ours: Callable[[], Use], peer: Callable[[], Use]) -> tuple[list[Use], list[Use]]:
    ours(), peer()
    taken = [(ours(), peer()) for _ in range(RUNS)]
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


def _ratio(name: str, mine: list[float], peer: list[float], *, limit: float) -> Figure:
    ratios = [a / b for a, b in zip(mine, peer, strict=True)]
    return Figure(name, median(mine), median(peer), median(ratios), "x", limit)
