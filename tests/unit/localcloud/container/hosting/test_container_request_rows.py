"""Bodies to rows: CSV, libsvm, recordio-protobuf, and the short way for small CSV bodies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from hypothesis import given
from hypothesis import strategies as some

from localcloud.container.hosting.request_rows import UndecodableError, decode
from localcloud.container.hosting.selected_output import (
    CSV_BODY,
    LIBSVM_BODY,
    RECORDIO_BODY,
    ContentTypeError,
    content_type_of,
    write_record,
)
from localcloud.container.hosting.small_requests import packed_csv
from training.data.formats.protobuf import framed
from training.data.formats.recordio import decode_record, frames

WIDTH = 3


def rows_of(kind: str, body: bytes) -> list[list[float | None]]:
    """The rows as xgboost sees them; None for a missing value."""
    blocks = list(decode(kind, body).blocks(WIDTH))
    return [[None if math.isnan(cell) else cell for cell in row] for block in blocks for row in block.tolist()]


def _message(name: str, *fields: tuple[str, int, int, bool, str]) -> descriptor_pb2.DescriptorProto:
    made = descriptor_pb2.DescriptorProto(name=name)
    for label, number, kind, repeated, typed in fields:
        field = made.field.add(name=label, number=number, type=kind, label=3 if repeated else 1)
        if typed:
            field.type_name = f".record.{typed}"
        elif repeated:
            field.options.packed = True
    return made


def _record_class() -> Any:
    """The message `Record` of SageMaker's documentation, as Google's own implementation has it."""
    of = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="record.proto", package="record", syntax="proto2")
    for name, kind in (("Float32", of.TYPE_FLOAT), ("Float64", of.TYPE_DOUBLE), ("Int32", of.TYPE_INT32)):
        whole = of.TYPE_UINT64
        parts = [("values", 1, kind, True, ""), ("keys", 2, whole, True, ""), ("shape", 3, whole, True, "")]
        file.message_type.append(_message(f"{name}Tensor", *parts))
    nested = of.TYPE_MESSAGE
    value = [
        ("float32_tensor", 2, nested, False, "Float32Tensor"),
        ("float64_tensor", 3, nested, False, "Float64Tensor"),
        ("int32_tensor", 7, nested, False, "Int32Tensor"),
    ]
    file.message_type.append(_message("Value", *value))
    record = _message("Record", ("uid", 3, of.TYPE_STRING, False, ""))
    for name, number in (("features", 1), ("label", 2)):
        entry = _message(
            f"{name.title()}Entry", ("key", 1, of.TYPE_STRING, False, ""), ("value", 2, nested, False, "Value")
        )
        entry.options.map_entry = True
        record.nested_type.append(entry)
        record.field.add(
            name=name, number=number, type=nested, label=3, type_name=f".record.Record.{name.title()}Entry"
        )
    file.message_type.append(record)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("record.Record"))


RECORD = _record_class()


def record(
    values: Sequence[float],
    *,
    kind: str = "float32",
    keys: Sequence[int] = (),
    shape: Sequence[int] = (),
    label: float | None = None,
) -> bytes:
    """A framed record, written by Google's implementation."""
    made = RECORD(uid="a")
    tensor = getattr(made.features["values"], f"{kind}_tensor")
    tensor.SetInParent()
    tensor.values.extend(values)
    tensor.keys.extend(keys)
    tensor.shape.extend(shape)
    if label is not None:
        made.label["values"].float32_tensor.values.append(label)
    return framed(made.SerializeToString())


@pytest.mark.contract("H16", "H17")
@pytest.mark.parametrize(
    ("header", "kind"),
    [
        (None, LIBSVM_BODY),
        ("", LIBSVM_BODY),
        ("csv", CSV_BODY),
        ("TEXT/CSV; charset=utf-8", CSV_BODY),
        ("text/csv;label_size=1", CSV_BODY),
        ("text/libsvm ;charset=utf8", LIBSVM_BODY),
        ("text/x-libsvm", LIBSVM_BODY),
        ("recordio-protobuf", RECORDIO_BODY),
        ("application/x-recordio-protobuf", RECORDIO_BODY),
    ],
)
def test_request_types_are_csv_libsvm_and_recordio_and_none_means_libsvm(header: str | None, kind: str) -> None:
    assert content_type_of(header) == kind


@pytest.mark.contract("H18", "H39")
@pytest.mark.parametrize(
    "header",
    [
        "application/json",
        "application/jsonlines",
        "application/x-parquet",
        "parquet",
        "text/csv;label_size=0",
        ";",
        "x",
    ],
)
def test_json_json_lines_parquet_and_other_types_are_refused(header: str) -> None:
    with pytest.raises(ContentTypeError):
        content_type_of(header)


NONE = [None] * 3
LIBSVM_ROWS = {
    # without an index 0, 1 is taken off all: a model of CSV columns is asked rightly with indices from 1 on
    b"0 1:1 2:2 3:3": [[1, 2, 3]],
    b"1 2:5": [[None, 5, None]],
    b"1 3:0\n1 3:4\n": [[None, None, 0], [None, None, 4]],
    # with one, indices are taken as written; 0:nan says so, and is no value
    b"0:1 1:2 2:3": [[1, 2, 3]],
    b"1 0:0.5 2:-2\n1:2 2:nan": [[0.5, None, -2], [None, 2, None]],
    b"0:nan 1:2 2:3": [[None, 2, 3]],
    # rows: those without values before the last that has some; a line that is blank is one of them
    b"1\n0 1:2": [NONE, [2, None, None]],
    b"1 1:2\n\n0 1:3\n\n": [[2, None, None], NONE, [3, None, None]],
    b"1 1:2\n0": [[2, None, None]],
    # tokens: blanks alone separate, what has no colon does not count, nor does a second colon's end
    b"1 1:2  2:3\r\n0 1:4\r\n": [[2, 3, None], [4, None, None]],
    b"a 1:2": [[2, None, None]],
    b"# 1:2 b": [[2, None, None]],
    b"1 1:2:3": [[2, None, None]],
    b"2:3 1:2": [[2, 3, None]],
    b"1 1:2 1:3": [[5, None, None]],
    b"+1:1 0:2": [[2, 1, None]],
}
"""What AWS's own `_get_sparse_matrix_from_libsvm` of image 3.2-0 makes of a body; None: missing."""


@pytest.mark.contract("H14", "F1")
@pytest.mark.parametrize("body", LIBSVM_ROWS, ids=repr)
def test_libsvm_is_read_as_the_image_reads_it(body: bytes) -> None:
    assert [[*row, *NONE[len(row) :]] for row in rows_of(LIBSVM_BODY, body)] == LIBSVM_ROWS[body]


@pytest.mark.contract("F1")
def test_images_before_3_2_take_the_indices_as_written() -> None:
    rows = decode(LIBSVM_BODY, b"0 1:1 2:2", shifts=False)
    assert (rows.width, next(rows.blocks(WIDTH))[0, 1:].tolist()) == (3, [1.0, 2.0])
    assert decode(LIBSVM_BODY, b"0 1:1 2:2").width == 2


@pytest.mark.contract("H37", "H38")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"1\n0", "<class 'ValueError'>\n cannot infer dimensions from zero sized index arrays"),
        (b"1,2,3", "<class 'ValueError'>\n cannot infer dimensions from zero sized index arrays"),
        (b"   ", "<class 'ValueError'>\n cannot infer dimensions from zero sized index arrays"),
        (b"1\t1:2", "<class 'ValueError'>\n invalid literal for int() with base 10: '1\\t1'"),
        (b"1 1:2\t2:3", "<class 'ValueError'>\n could not convert string to float: np.str_('2\\t2')"),
        (b"1 1:", "<class 'ValueError'>\n could not convert string to float: np.str_('')"),
        (b"1 1: 2", "<class 'ValueError'>\n could not convert string to float: np.str_('')"),
        (b"1 1:x", "<class 'ValueError'>\n could not convert string to float: np.str_('x')"),
        (b"1 :2", "<class 'ValueError'>\n invalid literal for int() with base 10: ''"),
        (b"1 1.5:2", "<class 'ValueError'>\n invalid literal for int() with base 10: '1.5'"),
        (b"qid:1 1:2", "<class 'ValueError'>\n invalid literal for int() with base 10: 'qid'"),
        (b"1 -1:2", "<class 'ValueError'>\n negative axis 1 index: -1"),
        (b"1 -31:2", "<class 'ValueError'>\n 'shape' elements cannot be negative"),
        (b"1 9223372036854775808:1", "<class 'ValueError'>\n 'shape' elements cannot be negative"),
        (
            b"1 99999999999999999999:1",
            "<class 'OverflowError'>\n Python int too large to convert to C long",
        ),
        (
            b"\xff",
            "<class 'UnicodeDecodeError'>\n 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte",
        ),
    ],
)
def test_what_is_not_libsvm_is_refused_in_the_images_words(body: bytes, words: str) -> None:
    with pytest.raises(UndecodableError) as error:
        decode(LIBSVM_BODY, body)
    start = "Loading libsvm data failed with Exception, please ensure data is in libsvm format:\n "
    assert str(error.value) == start + words


@pytest.mark.contract("H37", "H38")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"1 1_0:2", "invalid literal"),
        (b"1 1:1_0", "could not convert string to float: np.str_('1_0')"),
        (b"1 1:1e400", "Input data contains `inf`"),
        (b"1 1:1e300", "Input data contains `inf`"),
        (b"1 1:inf", "Input data contains `inf`"),
    ],
)
def test_libsvm_numbers_that_no_float32_holds_are_refused(body: bytes, words: str) -> None:
    with pytest.raises(UndecodableError) as error:
        decode(LIBSVM_BODY, body)
    assert words in str(error.value)


@pytest.mark.contract("H12")
@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"1.5 0 -0.25 144\n1 2 3 4\n", [[1.5, 0, -0.25, 144], [1, 2, 3, 4]]),
        (b"1:2\n3:4", [[1, 2], [3, 4]]),
        (b"1|2|3\n4||6", [[1, 2, 3], [4, None, 6]]),
        (b"1.5, 2\n3, 4", [[1.5, 2], [3, 4]]),
        (b"5.5\n-7\n", [[5.5], [-7]]),
        (b"55\n7\n", [[55], [7]]),
    ],
)
def test_the_delimiter_is_what_the_containers_sniffer_finds(body: bytes, rows: list[list[float | None]]) -> None:
    """What AWS's `encoder.csv_to_dmatrix` made of these bodies."""
    assert rows_of(CSV_BODY, body) == rows
    assert b"," in body or packed_csv(body, 4) is None


@pytest.mark.contract("H12")
@pytest.mark.parametrize("body", [b"1;2,3\n", b"-1e-5\n", b"1.5|2.5\n"])
def test_a_delimiter_inside_a_number_is_undecodable(body: bytes) -> None:
    with pytest.raises(UndecodableError, match="Loading csv data failed with Exception"):
        decode(CSV_BODY, body)


@pytest.mark.contract("H15")
@pytest.mark.parametrize("kind", ["float32", "float64", "int32"])
def test_recordio_is_read_dense_and_sparse_in_all_its_number_types(kind: str) -> None:
    dense = record([1, -2, 3], kind=kind, label=9) + record([4, 5, 6], kind=kind, shape=[3], label=8)
    assert rows_of(RECORDIO_BODY, dense) == [[1.0, -2.0, 3.0], [4.0, 5.0, 6.0]]
    sparse = record([7, -8], kind=kind, keys=[2, 0], shape=[3]) + record([0], kind=kind, keys=[1], shape=[3])
    # SciPy, which stacks the rows in the container, drops the zeros of a dense one, and keeps those of a sparse one
    mixed = record([], kind=kind, shape=[3]) + sparse + record([1, 0, 3], kind=kind)
    assert rows_of(RECORDIO_BODY, mixed) == [[None, None, None], [-8.0, None, 7.0], [None, 0.0, None], [1.0, None, 3.0]]


def test_a_sparse_record_without_shape_ends_with_its_last_key() -> None:
    assert rows_of(RECORDIO_BODY, record([1], keys=[1])) == [[None, 1.0]]
    assert decode(RECORDIO_BODY, record([1], keys=[2**40])).width == 2**40 + 1


@pytest.mark.contract("H37", "H38")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (record([1, 2])[:-1], "Truncated record at offset 8"),
        (record([1, 2])[:7], "Truncated record at offset 0"),
        (record([1]) + b"abcdefgh", "Invalid RecordIO magic at offset 32"),
        (
            record([1]) + record([1, 2]),
            "all the input array dimensions except for the concatenation axis must match exactly",
        ),
        (record([], shape=[1]) + record([1]), "all the input array dimensions except for the concatenation axis"),
        (record([1], keys=[0], shape=[2]) + record([1], keys=[0], shape=[3]), "incompatible dimensions for axis 1"),
        (record([1], keys=[0], shape=[2]) + record([], shape=[2]), "incompatible dimensions for axis 1"),
        (record([1], keys=[3], shape=[3]), "has the key 3, and the shape 3"),
        (record([1, 2], keys=[3]), "1 keys for 2 values"),
        (framed(b""), "No records found in RecordIO-Protobuf data"),
        (framed(b"\xff"), "Invalid record at offset 8: a whole number is cut off or too long"),
        (framed(b"\x0b"), "unknown wire type 3"),
        (record([math.inf]), "Input data contains `inf`"),
        (record([1e300], kind="float64"), "Input data contains `inf`"),
        (record([1], keys=[2**63]), "Python int too large to convert to C long"),
        (record([1], label=1) + record([2]), "Check failed: p_info->Size() % n_samples == 0"),
        (record([1], label=math.nan), "Check failed: valid: Label contains NaN, infinity or a value too large."),
    ],
)
def test_what_is_not_recordio_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(UndecodableError) as error:
        decode(RECORDIO_BODY, body)
    start = "Loading recordio-protobuf data failed with Exception, please ensure data is in recordio-protobuf format: "
    kind = "OverflowError" if "large to" in words else "ValueError"
    if "inf" in words or "Check" in words:
        kind = "xgboost.core.XGBoostError"
    assert str(error.value).startswith(f"{start}<class '{kind}'> ")
    assert words in str(error.value)


def test_written_records_are_what_googles_implementation_reads() -> None:
    body = write_record({"predicted_label": [1], "probabilities": [0.25, 0.75]}) + write_record(
        {"raw_score": [math.nan]}
    )
    read = []
    for start, end in frames(body):
        parsed = RECORD.FromString(body[start:end])
        read.append({name: list(value.float32_tensor.values) for name, value in parsed.label.items()})
        assert decode_record(body, start, end).label is None
    assert read[0] == {"predicted_label": [1.0], "probabilities": [0.25, 0.75]}
    assert list(map(math.isnan, read[1]["raw_score"])) == [True]


NUMBERS = some.one_of(
    some.floats(width=32, allow_infinity=False).map(repr),
    some.floats(allow_infinity=False, min_value=-3e38, max_value=3e38).map(repr),
    some.integers(-(10**12), 10**12).map(str),
    some.sampled_from(["", " 1", "+2.5", "nan", "1e-400", "-0", ".5", "5."]),
)


@given(some.lists(some.lists(NUMBERS, min_size=2, max_size=2), min_size=1, max_size=5))
def test_the_short_way_gives_the_very_numbers_of_the_long_one(cells: list[list[str]]) -> None:
    body = "".join(",".join(row) + "\n" for row in cells).encode()
    packed = packed_csv(body, WIDTH)
    matrix = decode(CSV_BODY, body)
    expected = np.full((len(cells), WIDTH), np.nan, dtype=np.float32)
    stripped = body.strip()
    if packed is None:
        assert stripped != body.strip(b"\n")  # an edge that is blank: the long way knows what is left of it
        return
    block = next(matrix.blocks(WIDTH))
    expected[:, : block.shape[1]] = block
    assert packed[1] == len(cells)
    np.testing.assert_array_equal(np.frombuffer(packed[0], dtype=np.float32).reshape(-1, WIDTH), expected)


@given(
    some.one_of(
        some.binary(max_size=200), some.text("0123456789,.;\t\n eE+-naif_:x\u0661", max_size=60).map(str.encode)
    )
)
def test_whatever_the_short_way_takes_the_long_one_reads_alike(body: bytes) -> None:
    packed = packed_csv(body, WIDTH)
    if packed is not None:
        block = next(decode(CSV_BODY, body).blocks(WIDTH))
        assert packed[1] == len(block)
        short = np.frombuffer(packed[0], dtype=np.float32).reshape(-1, WIDTH)
        np.testing.assert_array_equal(short[:, : block.shape[1]], block)
        assert np.isnan(short[:, block.shape[1] :]).all()


@pytest.mark.parametrize(
    "body", [b"1,1e39", b"1,inf", b"nan,-inf", b"1,x", b"1;2", b"1\t2", b"1_0,2", b"1,2\n1", b" \n"]
)
def test_the_short_way_leaves_what_is_odd_to_the_long_one(body: bytes) -> None:
    assert packed_csv(body, WIDTH) is None


def test_the_short_way_leaves_rows_of_a_wide_model_to_the_long_one() -> None:
    assert packed_csv(b"1\n" * 10, 10_000) is None
    assert packed_csv(b"1,2,3,4", 3) is None


@pytest.mark.contract("H43")
@given(some.sampled_from([CSV_BODY, LIBSVM_BODY, RECORDIO_BODY]), some.binary(max_size=300))
def test_no_body_raises_anything_but_a_refusal(kind: str, body: bytes) -> None:
    for content in (body, framed(body), record([1, 2])[:30] + body):
        try:
            decode(kind, content)
        except UndecodableError as error:
            assert f"Loading {kind} data failed with Exception" in str(error)


def test_many_short_sparse_rows_of_a_wide_model_are_cut_into_blocks() -> None:
    rows = decode(LIBSVM_BODY, b"0:1 9:1\n" * 3000)
    shapes = [block.shape for block in rows.blocks(8192)]
    assert [shape[0] for shape in shapes] == [1024, 1024, 952]
    assert {shape[1] for shape in shapes} == {10}
    assert [block.shape[0] for block in decode(CSV_BODY, b"1,2\n" * 3000).blocks(8192)] == [1024, 1024, 952]
