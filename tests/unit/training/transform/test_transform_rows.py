"""Rows on their way to a transform job, its request, its results."""

from __future__ import annotations

import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from memory_s3 import MemoryS3
from samples import environment

from kickstand.aws.s3 import S3Location
from kickstand.config.model import Roles
from kickstand.errors import InputError, KickstandError
from kickstand.names import Names
from training.job.jobs import TransformDescription, parse_transform
from training.prediction.batches import Expected
from training.transform.rows import (
    checked_rows,
    input_location,
    is_local_rows,
    require_one_file,
    result_files,
    result_line,
    result_rows,
    rows_key,
    transform_request,
)

BUCKET = "bikes-dev-111122223333-us-east-1"
OUTPUT = f"s3://{BUCKET}/transform/output/job"


def test_rows_are_sent_as_whole_lines_under_the_digest_of_what_is_sent(tmp_path: Path) -> None:
    report = checked_rows(io.BytesIO(b"1,2\r\n3,\r\n5,6"), "rows.csv", tmp_path / "sent", None)
    sent = b"1,2\n3,\n5,6\n"
    assert (tmp_path / "sent").read_bytes() == sent
    assert (report.sha256, report.size, report.rows) == (hashlib.sha256(sent).hexdigest(), 11, 3)
    assert rows_key("ab" * 32) == f"transform/input/{'ab' * 32}/rows.csv"


@pytest.mark.parametrize(
    ("content", "expected", "message"),
    [
        (b"a,b\n1,2\n", None, "The file begins with a header row (a, b); the endpoint would take it for data."),
        (b"1,2\n\n3,4\n", None, "found a blank line"),
        (b"1,2\n3\n", None, "Expected 2 features, found 1"),
        (b"", None, "found an empty file"),
        (b"0,1,2\n", Expected(2, "as told"), "Is the label still there?"),
        (
            b"1,2\n3,1e400\n",
            None,
            "rows.csv:2:2: Column 2 holds '1e400', a number beyond float32; numbers must be finite.",
        ),
        (
            b"1,2\n3,nan\n,-inf\n",
            None,
            "rows.csv:3:2: Column 2 holds '-inf', an infinite number; numbers must be finite.",
        ),
        (b"1,2\n3,1-2\n", None, "rows.csv:2:2: Column 2 holds '1-2'; every cell must be a number."),
        (b"PK\x03\x04\x14\x00\n", None, "The file is a zip archive or a spreadsheet, not CSV text."),
        ("1,2\n".encode("utf-16"), None, "The file is UTF-16 text, not CSV text."),
        (b"1,2\n\x00,3\n", None, "The file holds zero bytes: it is not CSV text."),
    ],
)
def test_what_the_model_would_refuse_is_refused_before_the_upload(
    tmp_path: Path, content: bytes, expected: Expected | None, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        checked_rows(io.BytesIO(content), "rows.csv", tmp_path / "sent", expected)
    assert message in str([(f"{one.where}: {one.message}", one.fix) for one in caught.value.problems])


@pytest.mark.parametrize(
    ("uri", "local"),
    [
        (f"s3://b/transform/input/{'0a' * 32}/rows.csv", True),
        (f"s3://b/transform/input/{'0a' * 32}/other.csv", False),
        ("s3://b/transform/input/mine/rows.csv", False),
    ],
)
def test_which_input_was_a_local_file(uri: str, local: bool) -> None:
    assert is_local_rows(uri) is local


def test_the_request() -> None:
    location = S3Location("b", "transform/input/x/")
    plain = {
        "TransformJobName": "job",
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/transform/input/x/"}},
            "ContentType": "text/csv",
            "SplitType": "Line",
        },
    }
    assert transform_request("job", location, join=False) == plain
    joined = {**plain, "DataProcessing": {"JoinSource": "Input"}}
    assert transform_request("job", location, join=True) == joined


def test_an_input_is_below_the_prefix_that_the_models_role_reads() -> None:
    names = Names(environment())
    assert input_location(f"s3://{BUCKET}/transform/input/x/", names) == S3Location(BUCKET, "transform/input/x/")
    for uri in (f"s3://{BUCKET}/data/x/", "s3://other/transform/input/x/"):
        with pytest.raises(InputError) as caught:
            input_location(uri, names)
        (problem,) = caught.value.problems
        assert problem.message == f"The model's role may only read s3://{BUCKET}/transform/input/."
        assert problem.fix == f"Copy it there: aws s3 cp --recursive {uri} s3://{BUCKET}/transform/input/NAME/"
    with pytest.raises(InputError, match="S3 location is written"):
        input_location("https://x", names)
    own = Names(environment(roles=Roles(hosting="arn:aws:iam::111122223333:role/ours")))
    assert input_location("s3://other/x/", own) == S3Location("other", "x/")


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("0.5", "0.5"),
        ("[0.1, 0.9]", "0.1,0.9"),
        ("1,2,[0.1, 0.9]", "1,2,0.1,0.9"),
        ("1,2,0.5", "1,2,0.5"),
    ],
)
def test_a_line_is_as_predict_gives_it(line: str, shown: str) -> None:
    assert result_line(line) == shown


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_several_answers_are_joined_with_every_digit(answers: list[float]) -> None:
    assert result_line(str(answers)) == ",".join(map(repr, answers))


def results(**objects: bytes) -> MemoryS3:
    """S3 with what a job wrote."""
    s3 = MemoryS3()
    for name, body in objects.items():
        s3.put(f"{OUTPUT}/{name}", body)
    return s3


def job() -> TransformDescription:
    now = datetime(2026, 3, 4, tzinfo=UTC)
    return parse_transform(
        {
            "TransformJobName": "job",
            "TransformJobStatus": "Completed",
            "TransformInput": {"DataSource": {"S3DataSource": {"S3Uri": "s3://b/x"}}},
            "TransformOutput": {"S3OutputPath": OUTPUT, "Accept": "text/csv"},
            "TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 1},
            "CreationTime": now,
            "TransformEndTime": now.replace(minute=2),
        }
    )


def test_results_of_each_form() -> None:
    assert list(result_rows(results(a=b"0.5\n[1.0, 2.0]\n"), job())) == ["0.5", "1.0,2.0"]
    assert list(result_rows(results(a=b"0.5\n[1.0, 2.0]\n"), job(), "json")) == [
        '{"score": 0.5}',
        '{"score": [1.0, 2.0]}',
    ]
    assert job().seconds == 120.0


def test_results_of_several_files_are_not_mixed() -> None:
    store = results(b=b"", a=b"")
    assert result_files(store, job()) == [f"{OUTPUT}/a", f"{OUTPUT}/b"]
    with pytest.raises(KickstandError) as caught:
        list(result_rows(store, job()))
    (problem,) = caught.value.problems
    assert (problem.message, problem.fix) == (
        "Expected one file of results, found 2.",
        f"Fetch them: aws s3 cp --recursive {OUTPUT} FOLDER",
    )


def test_the_answers_of_several_files_do_not_go_into_one() -> None:
    s3, place = MemoryS3(), S3Location("b", "transform/input/orders")
    with pytest.raises(InputError, match="There is no file of rows"):
        require_one_file(s3, place)
    s3.put("s3://b/transform/input/orders/", b"")  # as the console makes a folder
    s3.put("s3://b/transform/input/orders/a.csv", b"1\n")
    require_one_file(s3, place)
    s3.put("s3://b/transform/input/orders-2.csv", b"1\n")  # a prefix is no folder
    with pytest.raises(InputError) as caught:
        require_one_file(s3, place)
    (problem,) = caught.value.problems
    assert (problem.where, problem.message) == (
        "s3://b/transform/input/orders",
        "Several files lie there, transform/input/orders-2.csv, transform/input/orders/a.csv; -o takes the answers of "
        "one.",
    )
    for name in "bcd":
        s3.put(f"s3://b/transform/input/orders/{name}.csv", b"1\n")
    with pytest.raises(InputError, match=r"orders/b\.csv and more; -o"):
        require_one_file(s3, place)


def test_a_place_that_may_not_be_listed_is_the_job_s_to_judge() -> None:
    closed = MemoryS3(denied=frozenset({"list_objects_v2"}))
    require_one_file(closed, S3Location("b", "elsewhere/"))
