"""The example data: the tutorial's recipe, the same bytes everywhere, and the model that comes of it."""

from __future__ import annotations

import hashlib
import importlib.util
import struct
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import xgboost

from kickstand.errors import KickstandError
from training.data.check import check_data
from training.data.row_text import csv_lines

PROGRAM = Path(__file__).parents[4] / "data" / "prepare.py"


@pytest.fixture(scope="module")
def program() -> ModuleType:
    spec = importlib.util.spec_from_file_location("prepare", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def channels(program: ModuleType) -> dict[str, str]:
    found: dict[str, str] = program.prepare()
    return found


def test_rows_and_columns_are_the_tutorials(program: ModuleType, channels: dict[str, str]) -> None:
    rows = {name: text.splitlines() for name, text in channels.items()}
    assert {name: len(lines) for name, lines in rows.items()} == {"train": 7620, "validation": 3266, "test": 6493}
    assert {line.count(",") + 1 for lines in rows.values() for line in lines} == {len(program.COLUMNS)} == {14}
    assert rows["train"][0] == "4.477336814478207,3,0,0,2,26.24,30.305,73,7.0015,2011,9,3,5,0"
    assert rows["test"][0] == "2.6390573296152584,1,0,1,1,10.66,11.365,56,26.0027,2011,1,20,3,0"  # log 14


def test_the_bytes_are_the_same_everywhere(channels: dict[str, str]) -> None:
    assert {name: hashlib.sha256(text.encode()).hexdigest() for name, text in channels.items()} == {
        "train": "8e037f2a5b33abb773f498d55aa82260436e03380bd91290d4ef430cdf84aa2b",
        "validation": "5eef2ac2f3453a624c76b0f300ccffa01d56b4120bbf7eb01b2c42e7761ff96c",
        "test": "9a59632b1a495dc3580b9ca50aba49892c52ab8847e0d45eb23be3b0addc0790",
    }


def test_files_are_written_whole_and_replaced(program: ModuleType, tmp_path: Path) -> None:
    program.main(["--out", str(tmp_path / "out")])
    (tmp_path / "out" / "train.csv").write_text("broken")
    program.main(["--out", str(tmp_path / "out")])
    found = {path.name: path.read_bytes().count(b"\n") for path in (tmp_path / "out").iterdir()}
    assert found == {"train.csv": 7620, "validation.csv": 3266, "test.csv": 6493}


@pytest.mark.parametrize(
    ("form", "ending", "first"),
    [
        (
            "libsvm",
            "libsvm",
            b"4.477336814478207 0:3 1:0 2:0 3:2 4:26.24 5:30.305 6:73 7:7.0015 8:2011 9:9 10:3 11:5 12:0\n",
        ),
        ("parquet", "parquet", b"PAR1"),
        # magic, length; features: a map entry of 13 doubles under `values`; label: one of one double
        (
            "recordio-protobuf",
            "recordio",
            bytes.fromhex("0a23d7ce 90000000")
            + b"\x0a\x76\x0a\x06values\x12\x6c\x1a\x6a\x0a\x68"
            + struct.pack("<13d", 3, 0, 0, 2, 26.24, 30.305, 73, 7.0015, 2011, 9, 3, 5, 0)
            + b"\x12\x16\x0a\x06values\x12\x0c\x1a\x0a\x0a\x08"
            + struct.pack("<d", 4.477336814478207),
        ),
    ],
    ids=["libsvm", "parquet", "recordio-protobuf"],
)
def test_the_other_formats_hold_the_same_rows(
    program: ModuleType, channels: dict[str, str], tmp_path: Path, form: str, ending: str, first: bytes
) -> None:
    program.write({"train": channels["train"]}, tmp_path, form)
    (file,) = tmp_path.iterdir()
    content = file.read_bytes()
    assert (file.name, content[: len(first)]) == (f"train.{ending}", first)
    # as Kickstand reads them, digit by digit: 14 columns, index 0 the first feature
    asked = [[str(float(cell)) for cell in line.split(b",")] for line in csv_lines(form, file.name, content, 14)]
    wanted = [[str(float(cell)) for cell in line.split(",")] for line in channels["train"].splitlines()]
    if form == "libsvm":  # whose reader gives float32
        asked, wanted = ([[str(np.float32(cell)) for cell in row] for row in rows] for rows in (asked, wanted))
    assert asked == wanted
    report, problems = check_data({"train": file}, content_type=form, columns=program.COLUMNS)
    assert (problems, report.channels["train"].rows, report.channels["train"].columns) == ([], 7620, 14)


def test_a_failed_write_leaves_the_old_file(
    program: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.csv").write_text("old")

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(KickstandError, match="No space left"):
        program.write({"train": "new"}, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["train.csv"]
    assert (tmp_path / "train.csv").read_text() == "old"


def test_the_reference_model_comes_of_it(channels: dict[str, str]) -> None:
    data = {name: np.loadtxt(text.splitlines(), delimiter=",") for name, text in channels.items()}
    matrices = {name: xgboost.DMatrix(rows[:, 1:], rows[:, 0]) for name, rows in data.items()}
    parameters = {"max_depth": 5, "eta": 0.1, "objective": "reg:squarederror", "nthread": 1}
    model = xgboost.train(parameters, matrices["train"], 150)

    def rmse(name: str) -> float:
        return float(np.sqrt(np.mean((model.predict(matrices[name]) - data[name][:, 0]) ** 2)))

    assert rmse("validation") == pytest.approx(0.2896, abs=0.001)
    assert rmse("test") == pytest.approx(0.3955, abs=0.001)  # RMSLE of the counts: the label is their log1p
