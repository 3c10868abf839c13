"""Which files of a folder are a channel's data, and which channels share rows with train: refused before the upload."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from channel_data import WRITERS
from training_folder import numbers, text

from kickstand.errors import Problem
from training.data.check import check_data
from training.data.files import channel_files

ROWS = text(numbers(30))
OTHER_ROWS = text(numbers(60)[30:])


def folder(base: Path, *names: str) -> Path:
    """A channel of two files, and more of these names with the rows of the first."""
    for name in ("train/p0.csv", *(f"train/{name}" for name in names)):
        file = base / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ROWS)
    (base / "train/p1.csv").write_text(OTHER_ROWS)
    return base / "train"


def told(path: Path) -> list[str]:
    _, problems = channel_files("train", path, show=lambda file: os.path.relpath(file, path.parent))
    return [f"{problem.where}: {problem.message}" for problem in problems]


def test_a_folder_of_data_files_in_folders_is_all_data(tmp_path: Path) -> None:
    path = folder(tmp_path, "a/b/p.csv")
    (path / "_temporary").mkdir()
    (path / "_SUCCESS").write_bytes(b"")
    found, problems = channel_files("train", path)
    assert ([name for name, _ in found], problems) == (["a/b/p.csv", "p0.csv", "p1.csv"], [])


@pytest.mark.contract("T37")
@pytest.mark.parametrize(
    ("name", "where"),
    [
        (".ipynb_checkpoints/p0-checkpoint.csv", "train/.ipynb_checkpoints"),
        ("a/.git/objects/0", "train/a/.git"),
        ("__MACOSX/p0.csv", "train/__MACOSX"),
        ("_delta_log/0.json", "train/_delta_log"),
        ("_temporary/0/a/b/c/p.csv", "train/_temporary"),
    ],
)
def test_a_folder_that_holds_no_data_by_convention_is_refused(tmp_path: Path, name: str, where: str) -> None:
    first = Path(where).name[0]
    assert told(folder(tmp_path, name)) == [
        f'{where}: A folder whose name begins with "{first}" holds no data by convention, and this one has a file, '
        "which the training container would train on."
    ]


@pytest.mark.contract("T37")
def test_folders_are_as_deep_as_the_container_follows(tmp_path: Path) -> None:
    assert told(folder(tmp_path, "a/b/c/d/p.csv", "a/b/p.csv")) == [
        "train/a/b/c: Folders are nested 4 deep, the channel's own counted; the training container follows 3 (Folder "
        "depth exceed the limit: 3)."
    ]


BACKUP = "By its name this is a backup or an unfinished copy; the training container would train on it."
DOT = 'A file whose name begins with "." fails the training job.'


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("p0.csv~", BACKUP),
        ("#p0.csv#", BACKUP),
        ("p0.csv.bak", BACKUP),
        ("p0.csv.ORIG", BACKUP),
        ("p0.csv.tmp", BACKUP),
        ("p0.csv.crdownload", BACKUP),
        ("~$p0.xlsx", BACKUP),
        ("Thumbs.db", BACKUP),
        (".p0.csv.swp", DOT),
        (".DS_Store", DOT),
        (".p0.csv.crc", DOT),
    ],
)
def test_a_file_that_is_no_data_by_its_name_is_refused(tmp_path: Path, name: str, message: str) -> None:
    assert told(folder(tmp_path, name)) == [f"train/{name}: {message}"]


def test_names_that_are_no_keys_of_s3_are_refused(tmp_path: Path) -> None:
    assert told(folder(tmp_path, "a\tb/p.csv", "x\\y.csv")) == [
        f"{name!r}: The file's name holds control characters or a backslash."
        for name in ("train/a\tb/p.csv", "train/x\\y.csv")
    ]


def test_a_key_that_is_longer_than_s3_takes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Only file systems that count characters, not bytes, have such names: 3 x 255 of them, of up to 3 bytes each.
    monkeypatch.setattr("training.data.files._LONGEST_KEY", 100)
    path = folder(tmp_path, "ü" * 10 + ".csv", "ü" * 9 + "e.csv")
    # data/ and the digest and /train/ are 76 bytes; 24 behind them are the most.
    assert told(path) == []
    (path / ("ü" * 10 + "e.csv")).write_text(ROWS)
    assert told(path) == [f"train/{'ü' * 10}e.csv: The file's key in S3 would have 101 bytes; S3 takes 100."]


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    path = folder(tmp_path)
    os.mkfifo(path / "pipe")
    (path / "nowhere").symlink_to("gone.csv")
    (path / "loop").symlink_to("loop")
    (path / "folder").symlink_to(tmp_path)
    assert told(path) == [
        "train/folder: A link to a folder is not followed, so its files would be missing.",
        "train/loop: This is neither a file nor a folder.",
        "train/nowhere: This is neither a file nor a folder.",
        "train/pipe: This is neither a file nor a folder.",
    ]
    assert told(path / "pipe") == ["pipe: This is neither a file nor a folder."]
    assert told(path / "nowhere") == ["nowhere: The train data is a link that leads to no file."]
    assert told(path / "missing") == ["missing: The train data does not exist."]


def test_a_folder_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, walk = folder(tmp_path), os.walk

    def denied(top: Path, onerror: object = None) -> object:
        if callable(onerror):
            onerror(PermissionError(13, "Permission denied", str(path / "secret")))
        return walk(top)

    monkeypatch.setattr("training.data.files.os.walk", denied)
    assert told(path) == ["train/secret: The folder cannot be read: Permission denied."]


def checked(base: Path, **channels: str) -> tuple[list[Problem], tuple[str, ...]]:
    report, problems = check_data(
        {name: base / path for name, path in channels.items()},
        where=lambda setting: f"k.toml:{setting}",
        show=lambda path: os.path.relpath(path, base),
    )
    return problems, report.warnings


@pytest.mark.parametrize(
    ("channels", "where", "message"),
    [
        ({"train": "data", "test": "data/test.csv"}, "data.test", "test lies in the folder of channel train (data)"),
        (
            {"train": "data/v/t", "validation": "data/v"},
            "data.validation",
            "train lies in the folder of channel valida",
        ),
        ({"train": "data/v", "validation": "data/v"}, "data.validation", "channels train and validation are the same"),
        ({"train": "data/v", "validation": "link"}, "data.validation", "channels train and validation are the same"),
        ({"train": "data/v", "test": "file"}, "data.test", "test lies in the folder of channel train (data/v)"),
        ({"train": "data/v", "test": "data/v/../v"}, "data.test", "channels train and test are the same"),
    ],
)
def test_channels_that_hold_one_another_are_refused(
    tmp_path: Path, channels: dict[str, str], where: str, message: str
) -> None:
    (tmp_path / "data/v/t").mkdir(parents=True)
    for name, rows in (("data/v/t/a.csv", ROWS), ("data/v/b.csv", OTHER_ROWS), ("data/test.csv", OTHER_ROWS)):
        (tmp_path / name).write_text(rows)
    (tmp_path / "link").symlink_to("data/v")
    (tmp_path / "file").symlink_to("data/v/b.csv")
    (problem,), _ = checked(tmp_path, **channels)
    assert (problem.where, message in problem.message) == (f"k.toml:{where}", True)


def test_a_name_that_begins_another_is_no_folder_that_holds_it(tmp_path: Path) -> None:
    for name, rows in (("train", ROWS), ("train2", OTHER_ROWS)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "p.csv").write_text(rows)
    assert checked(tmp_path, train="train", validation="train2") == ([], ())


@pytest.mark.parametrize("kind", ["copy", "hard link"])
def test_a_file_of_train_is_refused_in_another_channel(tmp_path: Path, kind: str) -> None:
    path, file = folder(tmp_path), tmp_path / "validation.csv"
    if kind == "copy":
        file.write_text(ROWS)
    else:
        file.hardlink_to(path / "p0.csv")
    (problem,), _ = checked(tmp_path, train="train", validation="validation.csv")
    assert (problem.where, problem.message) == (
        "validation.csv",
        "The file has the very bytes of train/p0.csv: all 30 rows of it are rows of train and of validation.",
    )


def test_a_file_that_is_twice_in_a_channel_is_warned_of_with_its_rows(tmp_path: Path) -> None:
    path = folder(tmp_path, "p0 (1).csv")
    for name in ("empty-0.parquet", "empty-1.parquet"):
        (path / name).write_bytes(b"")
    assert checked(tmp_path, train="train")[1] == (
        "train/p0.csv: The file has the very bytes of train/p0 (1).csv: its 30 rows count twice.",
    )


def test_folders_named_after_a_column_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / "train"
    for year, rows in ((2025, ROWS), (2026, OTHER_ROWS)):
        (path / f"year={year}").mkdir(parents=True)
        (path / f"year={year}/p.csv").write_text(rows)
    assert checked(tmp_path, train="train")[1] == (
        "channel train: 2 folders name a column year (year=2025, year=2026); the container reads the files alone, so "
        "that it is no feature unless they hold it.",
    )


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder(tmp_path)
    opened = Path.open

    def denied(self: Path, *words: Any) -> object:
        if self.name == "p0.csv":
            raise PermissionError(13, "Permission denied")
        return opened(self, *words)

    monkeypatch.setattr(Path, "open", denied)
    problems, _ = checked(tmp_path, train="train")
    assert [(problem.where, problem.message) for problem in problems] == [
        (os.path.relpath(path / "p0.csv", tmp_path), "The file cannot be read: Permission denied.")
    ]


@pytest.mark.parametrize("kind", ["recordio", "parquet"])
def test_a_file_that_the_container_passes_over_counts_as_no_row(tmp_path: Path, kind: str) -> None:
    content_type, write = WRITERS[kind]
    for name, rows in (("p0", numbers(30)), ("_p1", numbers(60)[30:])):
        (tmp_path / name).write_bytes(write(rows))
    report, problems = check_data({"train": tmp_path}, content_type=content_type)
    assert (report.channels["train"].rows, problems) == (30, [])
