"""Data that a container trains on, and that hardly anybody means: a line each, with its figure; nothing of other data.

The figures are counted here from the table that was written, not by the code under test.
"""

from __future__ import annotations

from pathlib import Path

import channel_data
import numpy as np
import numpy.typing as npt
import pytest

from training.data.check import check_data
from training.data.checks.column_facts import ColumnFacts
from training.data.checks.columns import RowDigests, dense_digests

Table = npt.NDArray[np.float64]
KINDS = ["csv", "libsvm", "parquet", "recordio", "sparse recordio"]
SIZES = {"train": 60, "validation": 30, "test": 25}


def tables(seed: int = 5) -> dict[str, Table]:
    """Label, four features of four digits, a share of them missing; no row is in two channels."""
    draw = np.random.default_rng(seed)
    found = {}
    for name, rows in SIZES.items():
        features = draw.normal(size=(rows, 4)).round(4)
        label = (features[:, 0] * 3 + draw.normal(size=rows)).round(3)
        features[draw.random(features.shape) < 0.05] = np.nan
        found[name] = np.column_stack([label, features])
    return found


def warned(base: Path, kind: str, channels: dict[str, Table], transform: str = "none", **values: str) -> list[str]:
    content_type, write = channel_data.WRITERS[kind]
    for name, table in channels.items():
        (base / name).write_bytes(write(table))
    report, problems = check_data(
        {name: base / name for name in channels},
        content_type=content_type,
        hyperparameters={"objective": "reg:squarederror", **values},
        target_transform=transform,
        show=lambda path: path.name,
    )
    assert problems == []
    return list(report.warnings)


def column(kind: str, number: int) -> str:
    """A column as messages name it, from 0."""
    if kind in ("csv", "parquet"):
        name = f"c{number}" if kind == "parquet" else ""
        if number == 0:
            return f"The label (column 1{f', {name}' if name else ''})"
        return f"Column {number + 1}{f' ({name})' if name else ''}"
    return "The label" if number == 0 else f"Feature {number - 1}"


@pytest.mark.parametrize("kind", KINDS)
def test_there_is_nothing_to_say_of_ordinary_data(tmp_path: Path, kind: str) -> None:
    assert warned(tmp_path, kind, tables()) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [0, 2])
def test_an_index_of_pandas_as_label_or_feature(tmp_path: Path, kind: str, number: int) -> None:
    channels, first = tables(), 0
    for table in channels.values():
        table[:, number] = np.arange(first, first + len(table))
        first += len(table)
    meant = "Was the index written before it (to_csv without index=False)?" if number == 0 else "Leave an index out."
    where = "in 115 rows of train, validation and test"
    assert warned(tmp_path, kind, channels) == [
        f"{column(kind, number)} counts the rows in file order, 0 to 114 {where}. {meant}"
    ]
    shuffled = np.random.default_rng(1).permutation(115)
    for table in channels.values():
        table[:, number], shuffled = shuffled[: len(table)], shuffled[len(table) :]
    assert warned(tmp_path, kind, channels) == [
        f"{column(kind, number)} has each number of a range once, in no order, 0 to 114 {where}. {meant}"
    ]


def test_an_index_that_lost_rows_and_one_of_each_file(tmp_path: Path) -> None:
    channels = tables()
    for table in channels.values():
        table[:, 0] = np.cumsum(1 + np.arange(len(table)) % 3)
    (found,) = warned(tmp_path, "csv", channels)
    assert found.startswith("The label (column 1) rises from row to row, by whole numbers, 1 to 120 in 115 rows of ")
    for name in channels:
        (tmp_path / name).unlink()
    (tmp_path / "train").mkdir()
    for part in range(3):
        rows = np.column_stack([np.arange(20), tables(part)["train"][:20, 1:]])
        (tmp_path / "train" / f"{part}.csv").write_bytes(channel_data.csv(rows))
    report, _ = check_data({"train": tmp_path / "train"})
    assert [warning.partition(". ")[0] for warning in report.warnings] == [
        "The label (column 1) counts the rows in file order, 0 to 19 in 60 rows of train"
    ]


@pytest.mark.parametrize("kind", ["csv", "parquet", "recordio"])
def test_whole_numbers_that_float32_has_not(tmp_path: Path, kind: str) -> None:
    channels = tables()
    draw = np.random.default_rng(2)
    for table in channels.values():
        table[:, 0] = 2.0**24 + draw.integers(0, 100, len(table))
        table[:, 3] = 2.0**53 + 2 * draw.integers(0, 100, len(table))
    every = np.concatenate(list(channels.values()))
    odd = int((every[:, 0] % 2 == 1).sum())
    far = int((every[:, 3] != 2.0**53).sum())
    first = {number: next(x for x in every[:, number] if np.float32(x) != x) for number in (0, 3)}
    rounded = {number: int(np.float32(value)) for number, value in first.items()}
    assert warned(tmp_path, kind, channels) == [
        f"{column(kind, 0)}: {odd} of 115 values change when they are stored as float32, as xgboost does "
        f"({first[0]:.0f} becomes {rounded[0]}).",
        f"{column(kind, 3)}: {far} of 115 values change when they are stored as float32, as xgboost does "
        f"({first[3]:.0f} becomes 9007199254740992); all of them become 9007199254740992.",
    ]


def test_whole_numbers_of_libsvm_that_float32_has_not(tmp_path: Path) -> None:
    channels = {"train": tables()["train"]}
    channels["train"][:40, 0] = 2.0**24 + 100 * np.random.default_rng(1).random(40).round(2)
    assert warned(tmp_path, "libsvm", channels) == [
        "The label: 40 of 60 values are 16,777,216 or more, where float32, in which xgboost stores them, has not every "
        "whole number."
    ]


def test_numbers_that_float32_rounds_as_it_rounds_all_are_not_spoken_of(tmp_path: Path) -> None:
    channels = tables()
    for table in channels.values():
        table[:, 1] = 1e9 * table[:, 2] + 0.25
        table[:, 3] = 2.0**24 - np.arange(len(table)) ** 2
    assert warned(tmp_path, "csv", channels) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_that_is_the_label(tmp_path: Path, kind: str) -> None:
    channels = tables()
    channels["train"][:, 2] = channels["train"][:, 0]
    channels["train"][:, 4] = 7 - 2.5 * channels["train"][:, 0]
    rest = "in all 60 rows of train: the model learns nothing else, and no such column comes with a row to predict."
    assert warned(tmp_path, kind, channels) == [
        f"{column(kind, 2)} is the label {rest}",
        f"{column(kind, 4)} is a straight line of the label {rest}",
    ]
    channels["train"][59, 2] += 0.5
    channels["train"][0, 4] = np.nan
    assert warned(tmp_path, kind, channels) == []


def test_a_feature_that_is_the_label_before_its_logarithm(tmp_path: Path) -> None:
    channels = tables()
    for table in channels.values():
        table[:, 0] = np.abs(table[:, 0])
    channels["train"][:, 3] = np.expm1(channels["train"][:, 0]).round(4)
    assert warned(tmp_path, "csv", channels) == []
    (found,) = warned(tmp_path, "csv", channels, transform="log1p")
    assert found.startswith("Column 4 is what the label is the logarithm of in all 60 rows of train")


def test_a_feature_that_is_the_class_where_the_classes_are_sorted(tmp_path: Path) -> None:
    train = tables()["train"]
    train[:, 0] = np.arange(60) >= 30
    train[:, 1] = 1 - train[:, 0]
    (found,) = warned(tmp_path, "csv", {"train": train}, objective="binary:logistic")
    assert found.startswith("Column 2 is a straight line of the label in all 60 rows")
    train[:, 1] = 5
    (found,) = warned(tmp_path, "csv", {"train": train}, objective="binary:logistic")
    assert found.startswith("1 feature has the same number in all 60 rows of train")


@pytest.mark.parametrize("kind", ["csv", "parquet", "recordio"])
def test_features_that_say_nothing(tmp_path: Path, kind: str) -> None:
    channels = tables()
    for table in channels.values():
        table[:, [1, 2]] = 7, np.nan
    name = column(kind, 1), column(kind, 2)
    rest = "in all 60 rows of train, and no tree can use it"
    assert warned(tmp_path, kind, channels) == [
        f"1 feature has the same number {rest}: {name[0][:1].lower()}{name[0][1:]}.",
        f"1 feature has no value {rest}: {name[1][:1].lower()}{name[1][1:]}.",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_are_in_two_channels(tmp_path: Path, kind: str) -> None:
    channels = tables()
    channels["validation"][4:11] = channels["train"][20:27]
    channels["test"][::5] = channels["train"][0]
    assert warned(tmp_path, kind, channels) == [
        "7 of 30 rows of validation are rows of train too, label and all: figures of validation are too good.",
        "5 of 25 rows of test are rows of train too, label and all: figures of test are too good.",
    ]
    channels["validation"] = channels["test"].copy()
    channels["test"] = channels["test"][::-1].copy()
    channels["train"] = channels["train"][1:]
    assert warned(tmp_path, kind, channels) == [
        "all 25 rows of test are rows of validation too, label and all (of validation's own 25 rows 4 repeat another): "
        "figures of test are too good."
    ]


def test_rows_that_differ_in_the_label_or_the_order_of_columns_are_others(tmp_path: Path) -> None:
    channels = tables()
    channels["validation"] = channels["train"][:30, [0, 2, 1, 3, 4]]
    channels["test"] = channels["train"][:25] + np.array([0.001, 0, 0, 0, 0])
    assert warned(tmp_path, "csv", channels) == []


def test_digests_of_many_rows_are_sampled_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.data.checks.columns._MOST_DIGESTS", 1000)
    draw = np.random.default_rng(3)
    rows = draw.integers(0, 50, size=(5, 60_000)).astype(np.float64)
    train, other = RowDigests(), RowDigests()
    for start in range(0, 50_000, 5_000):
        train.add(dense_digests(list(rows[:, start : start + 5_000])))
    other.add(dense_digests(list(rows[:, 40_000:])))
    assert not train.whole and sum(len(part) for part in train._kept) <= 1000
    assert abs(other.found_in(train) - 10_000) < 1_500
    assert RowDigests().found_in(train) == 0


def test_digests_of_wide_rows_are_of_their_numbers() -> None:
    rows = np.random.default_rng(4).random((1_500, 8))
    changed = rows.copy()
    changed[1_234, 5] += 1e-9
    assert (dense_digests(rows) == dense_digests(changed)).tolist() == [True] * 5 + [False] + [True] * 2
    assert (dense_digests(rows[:, 3:4]) == dense_digests(rows)[3:4]).all()


def test_classes_that_train_lacks_and_shares_that_differ(tmp_path: Path) -> None:
    channels = tables()
    for table in channels.values():
        table[:, 0] = np.arange(len(table)) % 3
    parameters = {"objective": "multi:softprob", "num_class": "5"}
    assert warned(tmp_path, "csv", channels, **parameters) == []
    channels["validation"][:4, 0] = 4
    channels["test"][:, 0] = np.where(np.arange(25) < 23, 2, 1)
    assert warned(tmp_path, "csv", channels, **parameters) == [
        "4 of 30 rows of validation have class 4, of which train has no row.",
        "92% of the rows of test have class 2, and 33% of those of train.",
    ]


def test_labels_in_another_unit(tmp_path: Path) -> None:
    channels = tables()
    channels["test"][:, 0] = channels["test"][:, 0] * 100 + 100
    train, test = channels["train"][:, 0], channels["test"][:, 0]
    assert warned(tmp_path, "csv", channels) == [
        f"The labels of test have the mean {test.mean():g}, those of train {train.mean():g} with a standard deviation "
        f"of {train.std():g}: are both in the same unit?"
    ]


@pytest.mark.parametrize("kind", ["csv", "libsvm"])
def test_weights_of_zero(tmp_path: Path, kind: str) -> None:
    weights = np.where(np.arange(60) < 12, 0, 1)
    content = tmp_path / "train"

    def found() -> tuple[list[str], list[str]]:
        if kind == "csv":
            content.write_bytes(channel_data.csv(np.insert(tables()["train"], 1, weights, axis=1)))
        else:
            lines = channel_data.libsvm(tables()["train"]).decode().splitlines()
            content.write_text(
                "".join(f"{line.replace(' ', f':{w} ', 1)}\n" for line, w in zip(lines, weights, strict=True))
            )
        report, problems = check_data(
            {"train": content},
            content_type=f"text/{kind}",
            hyperparameters={"csv_weights": "1"},
            where=lambda setting: f"k.toml:{setting}",
        )
        return list(report.warnings), [f"{problem.where} {problem.message}" for problem in problems]

    assert found() == (["12 of 60 rows of train have weight 0: they count as none."], [])
    weights[:] = 0
    assert found() == (
        [],
        [
            "k.toml:hyperparameters.csv_weights all 60 rows of train have weight 0: there is nothing to train on, and "
            "the job fails."
        ],
    )


@pytest.mark.parametrize("kind", ["libsvm", "sparse recordio"])
def test_an_index_that_a_row_has_twice(tmp_path: Path, kind: str) -> None:
    rows = []
    for number, (label, *features) in enumerate(np.nan_to_num(tables()["train"]).tolist()):
        keys, values = [0, 1, 2, 3], features
        if number % 4 == 0:
            keys, values = [2, 0, 1, 2, 3], [5.0, *features]
        if kind == "libsvm":
            pairs = " ".join(f"{key}:{value}" for key, value in zip(keys, values, strict=True))
            rows.append(f"{label} {pairs}\n".encode())
        else:
            features_ = channel_data.tensor(np.array(values), keys, [4])
            rows.append(channel_data.record(features_, channel_data.tensor(np.array([label]))))
    (tmp_path / "train").write_bytes(b"".join(rows))
    content_type = "text/libsvm" if kind == "libsvm" else "application/x-recordio-protobuf"
    report, problems = check_data({"train": tmp_path / "train"}, content_type=content_type)
    assert problems == []
    assert report.warnings == (
        "15 of 60 rows of train have an index twice (such as 2): which of its values a tree compares is not defined.",
    )


def test_blocks_are_one_table_and_rows_that_cannot_be_read_leave_nothing_to_say() -> None:
    whole, parts = ColumnFacts(), ColumnFacts()
    table = tables()["train"].T.copy()
    whole.take(list(table))
    for start in range(0, 60, 7):
        parts.take(list(table[:, start : start + 7].copy()))
    assert (whole.rows, whole.missing.tolist()) == (parts.rows, parts.missing.tolist())
    np.testing.assert_array_equal([whole.low, whole.high], [parts.low, parts.high])
    assert parts.digests.found_in(whole.digests) == 60
    parts.give_up()
    parts.take(list(table))
    assert (parts.rows, parts.lost) == (60, True)
