"""The rows that models are compared on are the release's, byte for byte, wherever they are read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from gate_context import Account, gate_context
from samples import channel, release

from kickstand.errors import KickstandError
from kickstand.release.model import Release
from promotion.gates.context import Evidence, GateContext
from training.evaluation.test_rows import rows_of_files


def test_files_become_rows() -> None:
    rows = rows_of_files([("a.csv", b"1,0.5,2\n2,,3\n"), ("b.csv", b"3;1;4")], 1, "here")
    assert rows.labels.tolist() == [1.0, 2.0, 3.0]
    assert rows.features == b"0.5,2\n,3\n1,4\n"
    assert [rows.place(row) for row in range(3)] == ["a.csv:1", "a.csv:2", "b.csv:1"]
    np.testing.assert_array_equal(rows.column(1), [0.5, np.nan, 1.0])
    assert rows.column(0).tolist() == [1.0, 2.0, 3.0]
    assert len(rows) == 3


def test_a_weight_is_no_feature() -> None:
    assert rows_of_files([("a.csv", b"1,0.25,2,3\n")], 2, "here").features == b"2,3\n"


@pytest.mark.parametrize(("content", "told"), [(b"x,1\n", "a.csv:1"), (b"1,2\n3\n", "a.csv:2"), (b"", "no rows")])
def test_what_is_no_row_is_told(content: bytes, told: str) -> None:
    with pytest.raises(KickstandError, match=told):
        rows_of_files([("a.csv", content)], 1, "here")


def test_the_projects_own_file_is_read_where_it_is_the_channels(tmp_path: Path) -> None:
    rows = Evidence(gate_context(tmp_path), tmp_path).rows
    assert rows.source == str(tmp_path / "test.csv")
    assert rows.labels.tolist() == [1.0, 2.0, 3.0]


def stored(tmp_path: Path, content: bytes = b"1,0.5,1\n2,1.5,1\n3,2.5,2\n") -> GateContext:
    """A model whose test rows have changed on disk since; S3 holds `content`."""
    made = gate_context(tmp_path)
    (tmp_path / "test.csv").write_text("9,9,9\n")
    made.source.session.objects[f"{made.release.channels[0].s3_uri}test.csv"] = content  # type: ignore[attr-defined]
    return made


def test_else_the_channel_is_read_from_s3(tmp_path: Path) -> None:
    made = stored(tmp_path)
    rows = Evidence(made, tmp_path).rows
    assert (rows.source, rows.features) == (made.release.channels[0].s3_uri, b"0.5,1\n1.5,1\n2.5,2\n")


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
    project = made.project.model_copy(update={"environments": {**made.project.environments, "prod": prod}})
    moved = in_third_bucket(made, "bikes-prod-777788889999-us-east-1")
    other = Account(objects={f"{moved.channels[0].s3_uri}test.csv": b"1,0.5,1\n2,1.5,1\n3,2.5,2\n"})
    asked = []

    def opened(name: str) -> object:
        asked.append(name)
        return replace(made.source, session=other)  # type: ignore[arg-type]

    made = replace(made, project=project, release=moved, open_place=opened)  # type: ignore[arg-type]
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


def test_rows_of_libsvm_become_csv() -> None:
    rows = rows_of_files([("a", b"1 0:2\n2 2:0.25\n")], 1, "here", kind="libsvm", width=4)
    assert (rows.labels.tolist(), rows.features) == ([1.0, 2.0], b"2,,\n,,0.25\n")
    assert rows.place(1) == "a:2"
