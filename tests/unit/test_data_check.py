"""The data check: each way in which a CSV fails or misleads a job, told with its place, all at once."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kickstand.errors import Problem
from training.data import csv_scan
from training.data.check import check_data
from training.data.csv_findings import Findings
from training.data.report import DataReport

GOOD = "1,2,3\n4,,6\n"


@pytest.fixture(autouse=True)
def _in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def check(content: str | bytes, **more: Any) -> tuple[DataReport, list[Problem]]:
    """Check one train file of this content, named `train.csv`."""
    Path("train.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return check_data({"train": Path("train.csv")}, **more)


def told(content: str | bytes, **more: Any) -> list[str]:
    return [f"{problem.where}: {problem.message}" for problem in check(content, **more)[1]]


def test_good_data_is_described_in_the_same_pass() -> None:
    report, problems = check(GOOD)
    assert problems == []
    channel = report.channels["train"]
    (file,) = channel.files
    assert (file.name, file.size, file.rows) == ("train.csv", len(GOOD), 2)
    assert file.sha256 == hashlib.sha256(GOOD.encode()).hexdigest()
    assert (channel.rows, channel.columns, channel.delimiter) == (2, 3, ",")
    assert (channel.label_min, channel.label_max) == (1.0, 4.0)
    assert report.size == len(GOOD)


@pytest.mark.parametrize(
    "content",
    [
        "1,2\r\n3,4\r\n",
        "1\t2\n3\t4\n",
        "1;2\n3;4\n",
        "1,2\n3,4",
        " 1 , -2e-3\n+3,.5\n",
        "1,\n,2\n".replace(",2\n", "0,2\n"),
    ],
)
def test_forms_that_the_container_reads_pass(content: str) -> None:
    report, problems = check(content)
    assert problems == []
    assert (report.channels["train"].rows, report.channels["train"].columns) == (2, 2)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1,2\n3,x\n", "train.csv:2:2: Column 2 holds 'x'; every cell must be a number."),
        ("1,2\nyes,2\n", "train.csv:2:1: The label (column 1) holds 'yes'; every cell must be a number."),
        ("1,2\n,2\n", "train.csv:2:1: The label (column 1) is missing."),
        ("1,2\n1,2,3\n", "train.csv:2: The line has 3 cells; the file's first line has 2."),
        ("1,2\n\n1,2\n", "train.csv:2: The line is blank."),
        ("1,2\n1,2\n\n", "train.csv:3: The line is blank."),
        ("\n1,2\n", "train.csv:1: The line is blank."),
        ("1,2\n1,nan\n", "train.csv:2:2: Column 2 holds 'nan'; numbers must be finite."),
        ("1,2\n1,NA\n", "train.csv:2:2: Column 2 holds 'NA'; numbers must be finite."),
        ("1,2\n1,-inf\n", "train.csv:2:2: Column 2 holds '-inf'; numbers must be finite."),
        ("1,2\n1,1e39\n", "train.csv:2:2: Column 2 holds '1e39', which is beyond float32."),
        ("1,2\n1,1e999\n", "train.csv:2:2: Column 2 holds '1e999', which is beyond float32."),
        (
            '1,2\n1,"2"\n',
            "train.csv:2:2: Column 2 holds '\"2\"'; the training container does not understand quotes.",
        ),
        ("1,2\n1,  \n", "train.csv:2:2: Column 2 holds blanks only."),
        ("1,2\r3,4\n", "train.csv:1: A carriage return stands inside the line."),
        ("", "train.csv: The file is empty."),
        (
            b"\xef\xbb\xbf1,2\n",
            "train.csv:1:1: The file begins with a byte order mark, which the training container reads as data.",
        ),
        (b"1,2\n1,\xe9t\xe9\n", "train.csv:2:2: Column 2 holds '\\\\xe9t\\\\xe9'; every cell must be a number."),
        ("1,2\n".encode("utf-16"), "train.csv: The file is UTF-16 text, not CSV text."),
        (gzip.compress(b"1,2\n", mtime=0), "train.csv: The file is compressed with gzip, not CSV text."),
        (b"PAR1....", "train.csv: The file is Parquet, not CSV text."),
        (b"1,2\n\0\0", "train.csv: The file holds zero bytes: it is not CSV text."),
        ("1\n2\n", "train.csv: The file has 1 column; a label and at least one feature are needed."),
        (
            "count,season\n1,2\n",
            "train.csv:1: The file begins with a header row (count, season); "
            "the training container would take it for data.",
        ),
        (
            '"count","temp"\n1,2\n',
            "train.csv:1: The file begins with a header row (count, temp); "
            "the training container would take it for data.",
        ),
        (
            "0,1,2,3\n5,6,7,8\n",
            "train.csv:1: The file begins with a header row (0, 1, 2, 3); "
            "the training container would take it for data.",
        ),
    ],
)
def test_each_fault_is_told_with_its_place(content: str | bytes, expected: str) -> None:
    assert told(content) == [expected]


def test_a_header_alone_is_no_data() -> None:
    assert told("count,season\n")[1:] == ["train.csv: The file holds no row of data."]


def test_lines_are_counted_right_behind_a_header_and_in_later_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_scan, "_BLOCK", 16)
    content = "count,temp\n" + "1,2\n" * 50 + "1,spring\n" + "1,2\n" * 50
    assert [line.partition(": ")[0] for line in told(content)] == ["train.csv:1", "train.csv:52:2"]
    assert check("1,2\n" * 101)[0].channels["train"].rows == 101


def test_columns_are_named_when_the_project_names_them() -> None:
    (line,) = told("1,2\n1,x\n", columns=["count", "season"])
    assert line == "train.csv:2:2: Column 2 (season) holds 'x'; every cell must be a number."


def test_all_problems_of_all_channels_at_once() -> None:
    Path("train.csv").write_text("count,temp,hum\n1,2,x\n")
    Path("validation.csv").write_text("")
    Path("test.csv").write_text("1,2\n")
    paths = {name: Path(f"{name}.csv") for name in ("train", "validation", "test")}
    _, problems = check_data(paths, columns=["count", "temp"], where=lambda setting: f"kickstand.toml({setting})")
    assert [(problem.where, problem.message.partition(";")[0]) for problem in problems] == [
        ("train.csv:1", "The file begins with a header row (count, temp, hum)"),
        ("train.csv:2:3", "Column 3 holds 'x'"),
        ("validation.csv", "The file is empty."),
        ("test.csv", "The file has 2 columns"),
        ("kickstand.toml(data.columns)", "columns names 2 columns"),
    ]


def test_many_faults_are_counted_not_listed() -> None:
    lines = told("1,2\n" + "1,x\n" * 1000 + ",3\n")
    assert len(lines) == 5
    assert lines[2].startswith("train.csv:4:2: Column 2 holds 'x'")
    assert lines[3] == "train.csv: And 997 more cells that are not numbers in column 2."
    assert lines[4] == "train.csv:1002:1: The label (column 1) is missing."


def test_a_hopeless_file_is_not_read_to_its_end() -> None:
    lines = told("1,2\n" + "1,x\n" * 20_000)
    assert lines[-2:] == [
        "train.csv: And 9,997 more cells that are not numbers in column 2.",
        "train.csv: The rest of the file was not read.",
    ]


@pytest.mark.parametrize(
    ("hyperparameters", "content", "expected"),
    [
        (
            {"objective": "binary:logistic"},
            "0,1\n1,1\n0.5,1\n",
            ["train.csv:3:1: The label (column 1) is 0.5; objective binary:logistic takes 0 and 1 only."],
        ),
        (
            {"objective": "multi:softmax", "num_class": "3"},
            "0,1\n2,1\n3,1\n1.5,1\n",
            [
                "train.csv:3:1: The label (column 1) is 3; objective multi:softmax with num_class 3 takes "
                "the whole numbers 0 to 2.",
                "train.csv:4:1: The label (column 1) is 1.5; objective multi:softmax with num_class 3 takes "
                "the whole numbers 0 to 2.",
            ],
        ),
        ({"objective": "count:poisson"}, "0,1\n", []),
        (
            {"objective": "reg:gamma"},
            "0,1\n",
            ["train.csv:1:1: The label (column 1) is 0; objective reg:gamma takes numbers above 0."],
        ),
        ({"objective": "reg:squarederror"}, "-5,1\n", []),
        (
            {"csv_weights": "1"},
            "1,-1,2\n1,,2\n",
            [
                "train.csv:1:2: Column 2 is -1; with csv_weights = 1 it is the row's weight, 0 or more.",
                "train.csv:2:2: The weight (column 2) is missing.",
            ],
        ),
        (
            {"csv_weights": "1"},
            "1,2\n",
            ["train.csv: The file has 2 columns; a label, a weight and at least one feature are needed."],
        ),
        (
            {"monotone_constraints": "(1,0,-1)"},
            "1,2\n",
            [": monotone_constraints has 3 entries; the data has 1 features."],
        ),
    ],
)
def test_labels_and_objective_agree(hyperparameters: dict[str, str], content: str, expected: list[str]) -> None:
    assert told(content, hyperparameters=hyperparameters) == expected


def test_an_untransformed_label_is_noticed() -> None:
    (problem,) = check("5,1\n977,1\n", target_transform="log1p")[1]
    assert problem == Problem(
        "The label (column 1) is 977; with target_transform log1p it must be log(1 + value), between 0 and 88.",
        "train.csv:2:1",
        "Transform the label, or remove target_transform.",
    )


def test_rules_hold_in_the_slow_reader_too() -> None:
    lines = told("2,1\n1,x\n", hyperparameters={"objective": "binary:logistic"})
    assert [line.partition(";")[0] for line in lines] == [
        "train.csv:1:1: The label (column 1) is 2",
        "train.csv:2:2: Column 2 holds 'x'",
    ]


def test_a_folder_is_a_channel_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "train" / "2011").mkdir(parents=True)
    (tmp_path / "train" / "b.csv").write_text("1,2\n")
    (tmp_path / "train" / "2011" / "a.csv").write_text("3,4\n5,6\n")
    report, problems = check_data({"train": tmp_path / "train"})
    assert problems == []
    assert [(file.name, file.rows) for file in report.channels["train"].files] == [("2011/a.csv", 2), ("b.csv", 1)]
    assert (report.channels["train"].label_min, report.channels["train"].label_max) == (1.0, 5.0)


def test_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    train, validation, test = (tmp_path / name for name in ("train", "validation", "test"))
    (train / "a" / "b" / "c" / "d").mkdir(parents=True)
    (train / "a" / "b" / "c" / "d" / "deep.csv").write_text(GOOD)
    (train / ".DS_Store").write_text("x")
    (train / "good.csv").write_text(GOOD)
    (train / "semicolons.csv").write_text("1;2;3\n")
    (train / "bad\nname.csv").write_text(GOOD)
    validation.mkdir()
    (tmp_path / "prepare.py").write_text("")
    _, problems = check_data({"train": train, "validation": validation, "test": test}, where=lambda s: "k.toml:5")
    assert [(problem.where.removeprefix(str(tmp_path)), problem.message) for problem in problems] == [
        (repr(str(train / "bad\nname.csv")), "The file's name holds control characters or a backslash."),
        ("/train/.DS_Store", 'A file whose name begins with "." fails the training job.'),
        ("/train/a/b/c/d", "Folders are nested more than 3 deep; the training container refuses that."),
        ("/validation", "The validation channel's folder holds no data file."),
        ("/test", "The test data does not exist (data.test in k.toml:5)."),
        ("/train/semicolons.csv", f"Cells are separated by ';', in {train / 'bad'}\nname.csv by ','."),
    ]
    assert problems[4].fix == f"Make it with: python {tmp_path / 'prepare.py'}"


def test_a_file_that_may_not_be_read_is_a_plain_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("training.data.check.scan_csv", refuse)
    assert told(GOOD) == ["train.csv: The file cannot be read: Permission denied."]


def test_progress_adds_up_to_the_file() -> None:
    seen: list[int] = []
    check(GOOD * 1000, progress=seen.append)
    assert sum(seen) == len(GOOD) * 1000


CELL = st.sampled_from(["1", "-2.5", "0", "", "x", "nan", "1e39", " 3 ", '"4"', "  ", "+.5", "1e-400"])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_the_fast_reader_never_passes_what_the_slow_one_refuses(rows: list[list[str]], end: str) -> None:
    text = end.join(",".join(row) for row in rows) + end
    fast, slow = Findings("f"), Findings("f")
    path = Path("any.csv")
    path.write_bytes(text.encode())
    found = csv_scan.scan_csv(path, fast)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_scan, "_numbers", lambda block, layout: None)
        exact = csv_scan.scan_csv(path, slow)
    assert fast.problems() == slow.problems()
    assert found == exact
