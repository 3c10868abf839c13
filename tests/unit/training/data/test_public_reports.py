"""Thirty public bug reports of people who do this job: each input ends in the right way, before a job is paid for.

A row of the table says the exit code and how the one line begins that names the cause. What no file on this machine
shows is held by the tests in `HELD`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import public_reports as made
import pytest
from memory_s3 import MemoryS3
from public_reports import SIZES, Project
from typed import Terminal

REPOSITORY = Path(__file__).resolve().parents[4]
FOLDERS = {channel: f"data/{channel}" for channel in SIZES}
REGRESSION = 'objective = "reg:squarederror"'
BINARY = 'objective = "binary:logistic"'
PARQUET: dict[str, Any] = {"paths": FOLDERS, "content_type": "application/x-parquet"}
PARTS: dict[str, Any] = {"paths": {"train": "data/train"}}


@dataclass(frozen=True)
class Report:
    """code: the command's. line: how the one line begins that names the cause; empty where nothing is said."""

    case: str
    change: Callable[[Project], None]
    code: int
    line: str
    hyperparameters: str = REGRESSION
    label: str = "number"
    paths: dict[str, str] | None = None
    content_type: str = "text/csv"
    version: str = "3.2-0"
    columns: bool = True


REPORTS = [
    Report("A1 quotes", made.quoted, 2, "data/train.csv:1:1: The label (column 1, y) holds '\"", columns=True),
    Report("A3 decimal commas", made.decimal_commas, 2, "data/train.csv:1:1: The label (column 1, y) holds "),
    Report(
        "A4 counts and class names",
        made.counts_first,
        2,
        "data/train.csv:1: The line is no row: it holds words ('low', 'middle' and 'high') where the lines below hold ",
        'objective = "multi:softprob"\nnum_class = 3',
        columns=False,
    ),
    Report(
        "A5 NaN", made.nan, 0, "data/train.csv: 70 cells hold NaN. They are missing values to the training container"
    ),
    Report(
        "A6 an index as label",
        made.index_as_label,
        0,
        "The label (column 1) counts the rows in file order, 0 to 239 in 400 rows of train, validation and test.",
        columns=False,
    ),
    Report(
        "A7 labels beyond float32",
        made.huge_labels,
        0,
        "The label (column 1, y): 200 of 400 values change when they are stored as float32, as xgboost does (16777217 ",
    ),
    Report(
        "A8 notebook checkpoints",
        made.parts_with(".ipynb_checkpoints/part-00000-checkpoint.csv"),
        2,
        'data/train/.ipynb_checkpoints: A folder whose name begins with "." holds no data by convention, and this one ',
        **PARTS,
    ),
    Report(
        "A9 channels in one another",
        made.as_they_are,
        2,
        "kickstand.toml:5: The data of channel validation lies in the folder of channel train (data): its rows would ",
        paths={"train": "data"},
    ),
    Report(
        "A10 Spark's mark",
        made.parts_with("_SUCCESS", ""),
        0,
        "",
        **PARTS,
    ),
    Report(
        "A11 folders too deep",
        made.parts_with("a/b/c/p.csv"),
        2,
        "data/train/a/b/c: Folders are nested 4 deep, the channel's own counted; the training container follows 3 (",
        **PARTS,
    ),
    Report(
        "A12 a README among the parts",
        made.parts_with("README.md", "# data\n\nMade by hand.\n"),
        2,
        "data/train/README.md: The file is no data: it begins with '# data'.",
        **PARTS,
    ),
    Report("A13 Parquet in another order", made.other_order, 0, "", **PARQUET),
    Report(
        "A14 Parquet with the label last",
        made.label_last,
        2,
        "kickstand.toml:8: columns names y, a, b, c, d; the columns of data/train/p.parquet are a, b, c, d, y.",
        **PARQUET,
    ),
    Report(
        "A15 unsigned numbers",
        made.unsigned,
        0,
        "1 feature has the same number in all 240 rows of train, and no tree can use it: column 3 (b).",
        **PARQUET,
    ),
    Report(
        "A16 base_score at its edge",
        made.as_they_are,
        2,
        "kickstand.toml:15: base_score is 1; with objective binary:logistic it is a probability above 0 and below 1",
        f"{BINARY}\nbase_score = 1",
        "class",
    ),
    Report(
        "A16 base_score at its edge, 3.0-5",
        made.as_they_are,
        2,
        "kickstand.toml:15: base_score is 0; with objective binary:logistic it is a probability above 0 and below 1",
        f"{BINARY}\nbase_score = 0",
        "class",
        version="3.0-5",
    ),
    Report(
        "A17 one class in train, 3.0-5",
        made.one_class("train", 1),
        2,
        "kickstand.toml:14: all 240 labels of train are 1: image 3.0-5 takes base_score from them",
        BINARY,
        "class",
        version="3.0-5",
    ),
    Report(
        "A18 one class in validation",
        made.one_class("validation", 0),
        0,
        "metric auc is nan where all 80 labels of validation are 0: the figure says nothing of the model.",
        f'{BINARY}\neval_metric = "auc"',
        "class",
    ),
    Report(
        "A19 the same with early stopping",
        made.one_class("validation", 0),
        2,
        "kickstand.toml:16: Early stopping watches auc, which is nan where all 80 labels of validation are 0",
        f'{BINARY}\neval_metric = "auc"\nearly_stopping_rounds = 3',
        "class",
    ),
    Report(
        "A22 logloss of numbers",
        made.as_they_are,
        2,
        "kickstand.toml:15: metric logloss takes labels from 0 to 1; those of train go from -",
        f'{REGRESSION}\neval_metric = "logloss"',
    ),
    Report(
        "A23 ranking on CSV",
        made.as_they_are,
        0,
        "objective rank:ndcg ranks rows within their query, and csv has no queries (libsvm has: qid): all 240 rows of ",
        'objective = "rank:ndcg"\neval_metric = "ndcg"',
        "degree",
    ),
    Report(
        "A24 an index twice",
        made.same_features_twice,
        0,
        "all 240 rows of train, all 80 rows of validation and all 80 rows of test have an index twice (such as 3): ",
        BINARY,
        paths={channel: f"data/{channel}.libsvm" for channel in SIZES},
        content_type="text/libsvm",
    ),
]

HELD = {
    "A2": ("tests/unit/training/data/csv/test_csv_messages.py", "test_a_row_for_an_endpoint_is_judged_by_its_cells"),
    "A13": (
        "tests/unit/localcloud/container/training/test_parquet_by_name.py",
        "test_a_folder_trains_the_model_of_the_same_rows_in_csv",
    ),
    "A20": (
        "tests/unit/training/model/test_figures.py",
        "test_early_stopping_releases_the_figures_of_the_model_that_was_cut",
    ),
    "A21": ("tests/unit/training/model/test_figures.py", "test_a_metric_with_a_threshold_is_in_the_release"),
    "A25": (
        "tests/unit/localcloud/container/hosting/test_container_request_rows.py",
        "test_the_delimiter_is_what_the_containers_sniffer_finds",
    ),
    "A26": ("tests/local/test_image_versions.py", "test_a_model_of_a_newer_xgboost_is_refused_by_its_name"),
    "A27": ("tests/unit/kickstand/config/test_config_problems.py", "test_project_names_that_are_taken"),
    "A28": ("tests/local/test_mistakes.py", "test_a_bucket_whose_name_is_taken_is_named_by_cloudformation_itself"),
    "A29": (
        "tests/unit/deployment/doctor/test_doctor_bucket.py",
        "test_a_stack_that_was_rolled_back_whole_never_made_its_bucket",
    ),
    "A30": ("tests/local/test_s3_kms.py", "test_a_user_without_kms_neither_reads_nor_writes"),
    "A30 promotion": (
        "tests/local/test_keys.py",
        "test_promotion_is_refused_as_doctor_said_and_goes_on_with_the_statement",
    ),
}


def project_file(report: Report) -> str:
    """The project file; lines 4 to 6 are the channels, 8 the columns, 11 the version, from 13 on hyperparameters."""
    paths = {**{channel: f"data/{channel}.csv" for channel in SIZES}, **(report.paths or {})}
    return (
        '[project]\nname = "field"\n[data]\n'
        + "".join(f'{channel} = "{paths[channel]}"\n' for channel in SIZES)
        + f'content_type = "{report.content_type}"\n'
        + ('columns = ["y", "a", "b", "c", "d"]\n' if report.columns else "# no names\n")
        + f'\n[algorithm]\nversion = "{report.version}"\n[hyperparameters]\nnum_round = 10\n{report.hyperparameters}\n'
        + '[environments.dev]\naccount = "111122223333"\nregion = "us-east-1"\n'
    )


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.case)
def test_a_public_report_ends_in_one_line_that_names_the_cause(
    report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    project = Project(tmp_path, report.label)
    report.change(project)
    (tmp_path / "kickstand.toml").write_text(project_file(report))
    s3 = MemoryS3(may_list=False)
    monkeypatch.setattr("training.upload.upload.s3_client", lambda session: s3)
    monkeypatch.setattr("training.upload.channels.s3_client", lambda session: s3)
    monkeypatch.setattr("kickstand.aws.session.open_session", lambda environment: None)
    monkeypatch.chdir(tmp_path)
    screen = Terminal(monkeypatch, capsys).type("--config", "kickstand.toml", "upload", "dev")
    assert screen.code == report.code, screen
    warned = [line.removeprefix("Warning: ") for line in screen.out.splitlines() if line.startswith("Warning: ")]
    if report.code:
        found = re.split(r"\n  (?=\S)|^error: ", screen.err)
        assert s3.requests == []
        assert sum(f"{report.line}" in line for line in found) == 1, screen.err
        assert len(screen.err.splitlines()) < 12
    elif report.line:
        assert sum(line.startswith(report.line) for line in warned) == 1, screen.out
        assert len(warned) <= 2
    else:
        assert warned == []
        assert "240 rows x 5 columns" in screen.out
    if report.case.startswith("A10"):
        assert not [key for key in s3.bodies() if "_SUCCESS" in key]


@pytest.mark.parametrize("case", HELD)
def test_the_other_reports_are_held_by_a_test_of_their_part(case: str) -> None:
    file, name = HELD[case]
    assert re.search(rf"^def {name}\(", (REPOSITORY / file).read_text(), re.MULTILINE)


def test_each_of_the_thirty_has_a_test() -> None:
    told = {
        int(match[1]) for case in [*HELD, *(report.case for report in REPORTS)] if (match := re.match(r"A(\d+)", case))
    }
    assert told == set(range(1, 31))
