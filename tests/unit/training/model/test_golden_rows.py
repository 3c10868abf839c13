"""Golden rows: which rows, in which form, under which digest."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from memory_s3 import MemoryS3
from samples import channel, environment

from kickstand.config.model import Data
from kickstand.errors import InputError, KickstandError
from kickstand.release.model import GoldenRows
from training.job.jobs import ChannelSource
from training.model.golden_rows import features_of, first_rows, golden_digest, golden_rows, golden_source, read_golden
from training.upload.upload import SentData


@pytest.mark.parametrize(
    ("line", "label_columns", "expected"),
    [
        ("1,2,3\n", 1, "2,3"),
        ("1\t2\t\r\n", 1, "2,"),
        ("1;0.5;3", 2, "3"),
        ("1, 2 ,1e-3\n", 1, "2,1e-3"),
        ("1,,\n", 1, ","),
    ],
)
def test_a_row_is_asked_without_its_label_and_with_commas(line: str, label_columns: int, expected: str) -> None:
    assert features_of(line, label_columns) == expected


def test_rows_are_taken_across_files_in_their_order(tmp_path: Path) -> None:
    files = [tmp_path / "a.csv", tmp_path / "b.csv"]
    files[0].write_text("1,2\n\n3,4\n")
    files[1].write_text("5,6\n7,8\n")
    assert first_rows(files, 3, 1) == ("2", "4", "6")
    assert first_rows(files, 9, 1) == ("2", "4", "6", "8")


def test_the_digest_is_of_the_canonical_json() -> None:
    text = """{
  "predictions": [
    0.5,
    [
      0.25,
      0.75
    ]
  ],
  "rows": [
    "1",
    "2"
  ]
}
"""
    expected = hashlib.sha256(text.encode()).hexdigest()
    assert golden_digest(["1", "2"], [0.5, (0.25, 0.75)]) == expected


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), (0.5, float("nan"))])
def test_a_model_that_answers_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(InputError, match="has not learned"):
        golden_rows(["1,2"], [bad], where="s3://b/model.tar.gz")


@pytest.mark.parametrize(
    ("channels", "wanted"),
    [(("train", "validation", "test"), "test"), (("train", "validation"), "validation"), (("train",), "train")],
)
def test_golden_rows_come_from_test_else_validation_else_train(
    tmp_path: Path, channels: tuple[str, ...], wanted: str
) -> None:
    paths = {name: tmp_path / f"{name}.csv" for name in channels}
    for path in paths.values():
        path.write_text("1,2\n3,4\n")
    source = golden_source(
        environment(data=Data(**paths)), MemoryS3(), SentData(tuple(channel(name, 2) for name in channels), ("w",))
    )
    assert source.warnings == ("w",)
    assert (source.golden_channel, list(source.golden_files)) == (wanted, [tmp_path / f"{wanted}.csv"])


def test_the_warnings_of_a_job_s_own_data_are_found_again_where_the_files_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("1,2\n1,4\n")
    (tmp_path / "validation.csv").write_text("1,2\n3,4\n")
    settings = environment(data=Data(train=tmp_path / "train.csv", validation=tmp_path / "validation.csv"))

    def warnings() -> tuple[str, ...]:
        return tuple(golden_source(settings, MemoryS3(), None, sources).warnings)

    # `sha256sum train.csv | sha256sum` in the folder, and the same of validation.csv.
    digests = {
        name: hashlib.sha256(
            f"{hashlib.sha256((tmp_path / f'{name}.csv').read_bytes()).hexdigest()}  {name}.csv\n".encode()
        ).hexdigest()
        for name in ("train", "validation")
    }
    sources = [
        ChannelSource(name, f"s3://b/data/{digest}/{name}/", "text/csv", "S3Prefix", "None")
        for name, digest in digests.items()
    ]
    assert warnings() == ("all 2 labels of train are 1: a model learns nothing but that number.",)
    (tmp_path / "validation.csv").write_text("1,2\n3,5\n")  # it is not known what the job's data were warned of
    assert warnings() == ()


def test_rows_that_were_not_checked_before_are_checked(tmp_path: Path) -> None:
    (tmp_path / "validation.csv").write_text("1,2\nx,4\n")
    settings = environment(data=Data(train=tmp_path / "not-here.csv", validation=tmp_path / "validation.csv"))
    with pytest.raises(InputError, match=r"validation\.csv"):
        golden_source(settings, MemoryS3(), None)


def test_golden_rows_that_a_forger_sealed_are_refused() -> None:
    """NaN has no JSON form, so no release holds it; an object beside one could."""
    s3 = MemoryS3()
    for text in (b'{"predictions": [NaN], "rows": ["1,2"]}', b"[]", b'{"rows": 3, "predictions": 4}', b"\xff"):
        golden = GoldenRows(sha256=hashlib.sha256(text).hexdigest(), s3_uri="s3://b/golden/1.json")
        s3.put(golden.s3_uri, text)
        with pytest.raises(KickstandError) as caught:
            read_golden(s3, golden)
        assert str(caught.value) == (
            "s3://b/golden/1.json: The golden rows are no rows with finite numbers as predictions, as Kickstand keeps "
            "them. Make the release anew: fit again."
        )
