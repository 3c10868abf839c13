"""Every content type trains the very model that bare xgboost makes of the same numbers; and what each refuses."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
import xgboost
from channel_data import WRITERS, csv, libsvm, parquet, record, recordio, tensor, write
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from training_folder import CSV, numbers, training_folder

from kickstand.xgboost_container import CONTENT_TYPES
from localcloud.container.contract import ContainerError, Layout
from localcloud.container.train import run
from localcloud.container.training.channel_readers import READERS, read_parquet, read_recordio

OBJECTIVES = {
    "reg:squarederror": 0,
    "reg:logistic": 0,
    "reg:gamma": 0,
    "reg:tweedie": 0,
    "reg:absoluteerror": 0,
    "count:poisson": 0,
    "binary:logistic": 2,
    "binary:hinge": 2,
    "multi:softmax": 3,
    "multi:softprob": 3,
    "rank:ndcg": 3,
    "survival:cox": 0,
}


@pytest.fixture(autouse=True)
def _environment() -> Iterator[None]:
    with mock.patch.dict(os.environ):
        yield


def _folder(base: Path, content_type: str, hyperparameters: dict[str, str], files: dict[str, bytes]) -> Layout:
    channels = {path.split("/")[0]: {**CSV, "ContentType": content_type} for path in files}
    layout = training_folder(base, hyperparameters, {}, channels=channels)
    write(base, files)
    return layout


def _refusal(layout: Layout) -> str:
    with pytest.raises(ContainerError) as error:
        run(layout)
    return str(error.value)


@pytest.mark.contract("T49", "T50")
@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_model_log_and_predictions_equal_bare_xgboosts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str, objective: str
) -> None:
    classes = OBJECTIVES[objective]
    table = numbers(80, classes=classes)
    given_parameters = {"objective": objective, "max_depth": "3", "subsample": "0.7", "seed": "3"}
    if objective.startswith("multi:"):
        given_parameters["num_class"] = "3"
    content_type, written = WRITERS[form]
    files = {"train/a": written(table[:30]), "train/b": written(table[30:60]), "validation/c": written(table[60:])}
    layout = _folder(tmp_path, content_type, {"num_round": "4", **given_parameters}, files)

    run(layout)

    train, validation = (xgboost.DMatrix(part[:, 1:], label=part[:, 0]) for part in (table[:60], table[60:]))
    scores: Any = {}
    watched = [(train, "train"), (validation, "validation")]
    bare = xgboost.train(given_parameters, train, 4, evals=watched, evals_result=scores, verbose_eval=False)
    model = xgboost.Booster(model_file=bytearray((layout.model / "xgboost-model").read_bytes()))
    assert bytes(model.save_raw("ubj")) == bytes(bare.save_raw("ubj"))
    np.testing.assert_array_equal(model.predict(validation), bare.predict(validation))
    lines = [
        "\t".join(
            [f"[{number}]"]
            + [f"{channel}-{metric}:{log[number]:.5f}" for channel in scores for metric, log in scores[channel].items()]
        )
        for number in range(4)
    ]
    assert capsys.readouterr().out.splitlines() == lines


@pytest.mark.contract("T32")
@pytest.mark.parametrize("content_type", CONTENT_TYPES)
def test_content_type_exactly_one_of_nine(tmp_path: Path, content_type: str) -> None:
    assert len(CONTENT_TYPES) == 9
    kind = content_type.rpartition("/")[2].removeprefix("x-")
    written = {"csv": csv, "libsvm": libsvm, "parquet": parquet, "recordio-protobuf": recordio}[kind]
    run(_folder(tmp_path, content_type, {"num_round": "1"}, {"train/a": written(numbers())}))
    assert (tmp_path / "model/xgboost-model").exists()


@pytest.mark.contract("T32")
def test_the_default_content_type_is_text_libsvm(tmp_path: Path) -> None:
    channels = {"train": {"TrainingInputMode": "File"}}
    layout = training_folder(tmp_path, {"num_round": "1"}, {}, channels=channels)
    write(tmp_path, {"train/a": libsvm(numbers())})
    run(layout)


@pytest.mark.contract("T36")
def test_trains_content_type_rules_both_channels(tmp_path: Path) -> None:
    channels = {"train": CSV, "validation": {**CSV, "ContentType": "text/libsvm"}}
    layout = training_folder(tmp_path, {"num_round": "1"}, {}, channels=channels)
    write(tmp_path, {"train/a": csv(numbers()), "validation/a": csv(numbers())})
    run(layout)


@pytest.mark.contract("T42")
def test_libsvm_weights_and_queries_reach_xgboost(tmp_path: Path) -> None:
    table = numbers(40, classes=3)
    lines = libsvm(table).splitlines()
    text = b"\n".join(line.replace(b" ", b" qid:%d " % (number // 4), 1) for number, line in enumerate(lines))
    layout = _folder(tmp_path, "libsvm", {"num_round": "3", "objective": "rank:ndcg"}, {"train/a": text})
    run(layout)
    matrix = xgboost.DMatrix(table[:, 1:], label=table[:, 0], qid=np.arange(40) // 4)
    bare = xgboost.train({"objective": "rank:ndcg"}, matrix, 3)
    assert (layout.model / "xgboost-model").read_bytes() == bytes(bare.save_raw("ubj"))


@pytest.mark.contract("T44", "T48")
def test_a_truncated_record_is_a_user_error(tmp_path: Path) -> None:
    content = recordio(numbers())
    for cut, place in ((len(content) - 1, len(content) - 4 - 72), (len(content) - 100, None), (5, 0)):
        layout = _folder(tmp_path / str(cut), "recordio-protobuf", {"num_round": "1"}, {"train/a": content[:cut]})
        message = _refusal(layout)
        start = "UserError: Failed to load recordio-protobuf data with exception:\na: Truncated record at offset "
        assert message.startswith(start)
        assert place is None or int(message.removeprefix(start)) >= place


@pytest.mark.contract("T48")
@pytest.mark.parametrize("content_type", ["text/csv", "text/libsvm", "application/x-parquet", "recordio-protobuf"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(junk=st.binary(min_size=1, max_size=300))
def test_binary_junk_is_a_user_error_under_every_content_type(tmp_path: Path, content_type: str, junk: bytes) -> None:
    layout = _folder(tmp_path, content_type, {"num_round": "1"}, {"train/a": b"\x93\xfe\x00" + junk})
    assert _refusal(layout).startswith("UserError: ")


@pytest.mark.parametrize(
    ("content_type", "content", "message"),
    [
        ("text/libsvm", b"1 2147483648:1\n", "a: line 1: an index is a whole number, 0 to 2147483646"),
        ("text/libsvm", b"1 1:1\n1 2147483648:1\n", "a: line 2: an index is a whole number, 0 to 2147483646"),
        ("text/libsvm", b"1 1:1\n1 1:1e400\n", "Input data contains `inf` or a value too large"),
        ("text/libsvm", b"1 1:1\nnan 1:1\n", "a: line 2: a number was expected, found 'nan'"),
        ("recordio-protobuf", recordio(np.array([[1, np.inf]])), "Input data contains `inf` or a value too large"),
        ("recordio-protobuf", recordio(np.array([[1, 1e300]])), "Input data contains `inf` or a value too large"),
        ("recordio-protobuf", recordio(np.array([[np.nan, 1.0]])), "Label contains NaN, infinity or a value too"),
        ("parquet", parquet(np.array([[1, np.inf]])), "Input data contains `inf` or a value too large"),
        ("parquet", parquet(np.array([[np.nan, 1.0]])), "Label contains NaN, infinity or a value too large"),
        ("recordio-protobuf", struct.pack("<II", 7, 0), "a: Invalid RecordIO magic at offset 0"),
        ("recordio-protobuf", struct.pack("<II", 0xCED7230A, 0), "No records found in RecordIO-Protobuf data"),
        ("recordio-protobuf", record(tensor(np.ones(2)), None), "Got input data without labels."),
        (
            "recordio-protobuf",
            record(tensor(np.ones(2)), tensor(np.ones(1))) + record(tensor(np.ones(3)), tensor(np.ones(1))),
            "records have 2, 3 features; all need the same number",
        ),
    ],
)
def test_numbers_that_are_none_are_a_user_error(
    tmp_path: Path, content_type: str, content: bytes, message: str
) -> None:
    found = _refusal(_folder(tmp_path, content_type, {"num_round": "1"}, {"train/a": content}))
    assert found.startswith("UserError: ")
    assert message in found


@pytest.mark.contract("T43")
def test_parquet_text_that_spells_numbers_is_read_and_other_text_is_not(tmp_path: Path) -> None:
    def written(name: str, **columns: list[Any]) -> Path:
        pyarrow.parquet.write_table(pa.table(columns), tmp_path / name)
        return tmp_path / name

    file = written("a", label=[1, 0], flag=[True, None], spelt=["1.5", "-2"])
    rows = read_parquet([file], weights=False, threads=1)
    np.testing.assert_array_equal(rows.features, np.array([[1, 1.5], [np.nan, -2]], np.float32))
    assert rows.label is not None and rows.label.tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match=re.compile("^b: Failed to parse string: 'red'", re.S)):
        read_parquet([written("b", label=[1], word=["red"])], weights=False, threads=1)
    with pytest.raises(ValueError, match=r"^c: column 'when' holds timestamp"):
        read_parquet([written("c", label=[1], when=[np.datetime64("2020-01-01", "us")])], weights=False, threads=1)


@pytest.mark.contract("T45", "T46")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_tensors_of_every_type_are_read(tmp_path: Path, dtype: Any) -> None:
    values = np.array([-3, 0, 2**20], dtype=dtype)
    sparse = record(tensor(values, [0, 4, 2], [6]), tensor(np.array([7], dtype=dtype)))
    (tmp_path / "a").write_bytes(sparse + record(tensor(values[:2], [1, 5]), tensor(np.array([-7], dtype=dtype))))
    rows = read_recordio([tmp_path / "a"], weights=False, threads=1)
    expected = [[-3, 0, 2**20, 0, 0, 0], [0, -3, 0, 0, 0, 0]]
    assert rows.features.toarray().tolist() == expected
    assert rows.features.nnz == 5
    assert rows.label is not None and rows.label.tolist() == [7.0, -7.0]


def test_files_of_other_widths_are_refused_unless_sparse(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(recordio(np.ones((2, 3))))
    (tmp_path / "b").write_bytes(recordio(np.ones((2, 4))))
    with pytest.raises(ValueError, match="records have 2, 3 features; all need the same number"):
        read_recordio([tmp_path / "a", tmp_path / "b"], weights=False, threads=1)
    assert set(READERS) == {"csv", "libsvm", "parquet", "recordio-protobuf"}
