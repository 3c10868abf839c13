"""The rows that models are compared on are the release's, byte for byte, wherever they are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gate_context import Account, gate_context
from samples import channel, release

from data.prepare import WRITERS
from kickstand.errors import KickstandError
from kickstand.release.model import Release
from kickstand.workspace import Workspace
from promotion.gates.context import Evidence, GateContext
from training.evaluation.rows import Rows, read_rows


def read(folder: Path, *files: tuple[str, bytes], label_columns: int = 1, kind: str = "csv", width: int = 0) -> Rows:
    for name, content in files:
        (folder / name).write_bytes(content)
    return read_rows(
        [(name, folder / name) for name, _ in files],
        label_columns=label_columns,
        transform="none",
        source="here",
        folder=folder / "csv",
        kind=kind,
        width=width,
    )


def features(rows: Rows) -> bytes:
    with rows.features() as stream:
        return stream.read()


def test_files_become_rows(tmp_path: Path) -> None:
    rows = read(tmp_path, ("a.csv", b"1,0.5,2\n2,,3\n"), ("b.csv", b"3;1;4"))
    assert rows.labels.values.tolist() == [1.0, 2.0, 3.0]
    assert features(rows) == b"0.5,2\n,3\n1,4\n"
    assert [rows.place(row) for row in range(3)] == ["a.csv:1", "a.csv:2", "b.csv:1"]
    np.testing.assert_array_equal(rows.columns([1, 0]), [[0.5, 1.0], [np.nan, 2.0], [1.0, 3.0]])
    assert len(rows) == 3


def test_a_weight_is_no_feature(tmp_path: Path) -> None:
    assert features(read(tmp_path, ("a.csv", b"1,0.25,2,3\n"), label_columns=2)) == b"2,3\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"x,1\n", "a.csv:1: The line has no numeric label and features"),
        (b"1,2\n3\n", "a.csv:2: The line has no numeric label and features"),
        (b"1,2\n\n3,4\n", "a.csv:2: The line has no numeric label and features"),
        (b"\xef\xbb\xbf1,2\n", "a.csv:1: The line has no numeric label and features"),
        (b"1,\xff\n", "a.csv: The test rows cannot be read: 'utf-8' codec can't decode"),
        (b"", "no rows"),
    ],
)
def test_what_is_no_row_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    with pytest.raises(KickstandError, match=told):
        read(tmp_path, ("a.csv", content))


def test_a_cell_that_is_no_number_is_told(tmp_path: Path) -> None:
    rows = read(tmp_path, ("a.csv", b"1,2,3\n1,x\n"))
    for column in (1, 2):
        with pytest.raises(KickstandError, match=r"a.csv:2: The test rows have a cell that is no number, or too few"):
            rows.columns([column])


def test_a_file_of_parquet_that_holds_no_data_is_passed_over(tmp_path: Path) -> None:
    content = WRITERS["parquet"](["label", "x"], [["1", "2"]])
    rows = read(tmp_path, ("_metadata", b"PAR1"), ("part-0.parquet", content), kind="parquet", width=2)
    assert (rows.labels.values.tolist(), features(rows)) == ([1.0], b"2\n")


def test_the_projects_own_file_is_read_where_it_is_the_channels(tmp_path: Path) -> None:
    rows = Evidence(gate_context(tmp_path), tmp_path).rows
    assert rows.source == str(tmp_path / "test.csv")
    assert rows.labels.values.tolist() == [1.0, 2.0, 3.0]


def stored(tmp_path: Path, content: bytes = b"1,0.5,1\n2,1.5,1\n3,2.5,2\n") -> GateContext:
    """A model whose test rows have changed on disk since; S3 holds `content`."""
    made = gate_context(tmp_path)
    (tmp_path / "test.csv").write_text("9,9,9\n")
    made.source.session.put(f"{made.release.channels[0].s3_uri}test.csv", content)  # type: ignore[attr-defined]
    return made


def test_else_the_channel_is_read_from_s3(tmp_path: Path) -> None:
    made = stored(tmp_path)
    rows = Evidence(made, tmp_path).rows
    assert (rows.source, features(rows)) == (made.release.channels[0].s3_uri, b"0.5,1\n1.5,1\n2.5,2\n")


def test_one_flipped_byte_in_s3_is_refused_by_name(tmp_path: Path) -> None:
    made = stored(tmp_path, b"1,0.5,1\n2,1.5,1\n3,2.5,3\n")
    with pytest.raises(KickstandError, match="The test rows were changed: expected SHA-256") as refused:
        _ = Evidence(made, tmp_path).rows
    assert refused.value.problems[0].where.endswith("/test/test.csv")


def in_third_bucket(made: GateContext, bucket: str) -> Release:
    (found,) = made.release.channels
    uri = f"s3://{bucket}/data/{found.sha256}/test/"
    return made.release.model_copy(update={"channels": (found.model_copy(update={"s3_uri": uri}),)})


def test_a_third_environments_bucket_is_read_with_its_own_session(tmp_path: Path) -> None:
    made = stored(tmp_path)
    prod = made.source.environment.model_copy(update={"name": "prod", "account": "777788889999"})
    known = made.target.project
    project = known.model_copy(update={"environments": {**known.environments, "prod": prod}})
    moved = in_third_bucket(made, "bikes-prod-777788889999-us-east-1")
    other = Account()
    other.put(f"{moved.channels[0].s3_uri}test.csv", b"1,0.5,1\n2,1.5,1\n3,2.5,2\n")
    asked = []

    def opener(name: str) -> Workspace:
        asked.append(name)
        return replace(made.source, session=other)  # type: ignore[arg-type]

    made = replace(made, release=moved, target=replace(made.target, project=project, opener=opener))
    rows = Evidence(made, tmp_path).rows
    assert (len(rows), asked) == (3, ["prod"])


def test_a_bucket_of_nobodys_is_told(tmp_path: Path) -> None:
    made = stored(tmp_path)
    with pytest.raises(KickstandError, match="the bucket elsewhere, which is of no environment"):
        _ = Evidence(replace(made, release=in_third_bucket(made, "elsewhere")), tmp_path).rows


def test_a_release_without_a_test_channel_is_told(tmp_path: Path) -> None:
    made = gate_context(tmp_path, released=release(channels=(channel("train", 10),)))
    with pytest.raises(KickstandError, match="The release has no test channel"):
        _ = Evidence(made, tmp_path).rows


def test_rows_of_libsvm_become_csv(tmp_path: Path) -> None:
    rows = read(tmp_path, ("a", b"1 0:2\n2 2:0.25\n"), kind="libsvm", width=4)
    assert (rows.labels.values.tolist(), features(rows)) == ([1.0, 2.0], b"2,,\n,,0.25\n")
    assert rows.place(1) == "a:2"
