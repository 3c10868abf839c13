"""One cause in a CSV file has one message, which names it; a header row is one only above numbers."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kickstand.errors import InputError
from training.data.check import check_data
from training.prediction.batches import Expected, batches

UNQUOTED = "Write the file without quotes: to_csv(header=False, index=False, quoting=csv.QUOTE_NONE)."
HEADER = "Remove the line: to_csv(header=False, index=False)."
NAMES = ("y", "a", "b", "c", "d")
GOOD = "2.6661,1.344,0,-0.0372,144.9\n5.8358,6.516,1,0.1993,183.6\n4.0836,4.328,0,-0.2627,180.2\n"


def told(folder: Path, columns: tuple[str, ...] = (), /, content_type: str = "text/csv", **files: str) -> list[str]:
    """The problems as a user reads them. files: text by channel."""
    for name, text in files.items():
        (folder / f"{name}.csv").write_bytes(text.encode())
    _, problems = check_data(
        {name: folder / f"{name}.csv" for name in files},
        content_type=content_type,
        columns=columns,
        show=lambda path: path.name,
    )
    return [f"{one.where}: {one.message}{f' {one.fix}' if one.fix else ''}" for one in problems]


def refused(text: str, features: int | None = None) -> list[str]:
    """What `predict` and `transform` say of rows; nothing where they are sent."""
    expected = None if features is None else Expected(features, "the model")
    try:
        list(batches(io.BytesIO(text.encode()), "rows.csv", expected=expected, every_cell=True))
    except InputError as error:
        return [f"{one.where}: {one.message}{f' {one.fix}' if one.fix else ''}" for one in error.problems]
    return []


def quoted(text: str) -> str:
    return "".join(",".join(f'"{cell}"' for cell in line.split(",")) + "\n" for line in text.splitlines())


def with_decimal_commas(text: str) -> str:
    return text.replace(",", ";").replace(".", ",")


def test_numbers_in_quotes_are_one_problem_and_the_first_line_is_a_row(tmp_path: Path) -> None:
    assert told(tmp_path, NAMES, train=quoted(GOOD), validation=GOOD, test=GOOD) == [
        "train.csv:1:1: The label (column 1, y) holds '\"2.6661\"', a number in quotes, which SageMaker's XGBoost does "
        "not read. 15 such cells are in the label (column 1, y), column 2 (a), column 3 (b), column 4 (c) and column 5 "
        f"(d). {UNQUOTED}"
    ]


def test_decimal_commas_are_one_problem_of_all_files(tmp_path: Path) -> None:
    text = with_decimal_commas(GOOD)
    assert told(
        tmp_path, NAMES, train=text, validation=text.replace("144", "145"), test=text.split("\n")[1] + "\n"
    ) == [
        "train.csv:1:1: The label (column 1, y) holds '2,6661', a number with a decimal comma; every cell must be a "
        "number with a decimal point. 12 such cells are in the label (column 1, y), column 2 (a), column 4 (c) and "
        "column 5 (d). The same in validation.csv (12) and test.csv (4). "
        'Read it with pandas.read_csv(…, sep=";", decimal=",") and write it with to_csv(header=False, index=False).'
    ]
    (problem,) = told(tmp_path, train=text.replace(";", "\t"))
    assert "sep='\\t', decimal=\",\"" in problem


def test_counts_and_class_names_are_no_row(tmp_path: Path) -> None:
    rows = "1.344,0,-0.0372,144.9,1\n6.516,1,1.1691,109.4,2\n0.283,3,-1.5461,100.2,0\n"
    message = (
        "train.csv:1: The line is no row: it holds words ('low', 'middle' and 'high') where the lines below hold "
        "numbers{}. The same in validation.csv:1. Remove it: it looks like the number of rows and features and the "
        "names of classes, or like units. Mind that the label must be the first column; such files often have it last."
    )
    for counts, more in (("240,4,low,middle,high\n", ""), ("240,low,middle,high\n", ", and 4 cells where they hold 5")):
        assert told(tmp_path, train=counts + rows, validation=counts + rows[24:], test=rows) == [message.format(more)]


def test_a_readme_beside_the_parts_is_named_alone(tmp_path: Path) -> None:
    folder = tmp_path / "train"
    folder.mkdir()
    (folder / "README.md").write_text("# data\n\nMade by a job.\n")
    for part in range(3):
        (folder / f"part-{part}.csv").write_text(GOOD.replace("144", str(part)))
    (tmp_path / "test.csv").write_text(GOOD)
    channels = {"train": folder, "test": tmp_path / "test.csv"}
    report, (problem,) = check_data(channels, columns=NAMES, show=lambda path: path.name)
    assert (problem.where, problem.message, problem.fix) == (
        "README.md",
        "The file is no data: it begins with '# data'. SageMaker reads all files of a channel, and every line of it "
        "would become a row.",
        "Move it out of the channel's folder.",
    )
    assert report.channels["train"].rows == 9


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("LICENSE", "MIT License\n"),
        ("_metadata", "PAR1 1\n"),
        ("_committed_7", '{"added": []}\n'),
        ("analysis.ipynb", '{"cells": []}\n'),
        ("desktop.ini", "[.ShellClassInfo]\n"),
        ("readme.txt", "a,b,c,d,e\n"),
        ("notes", "some, words\n"),
        ("other.csv", "1,2,3\n"),
        ("excel.csv", "PK\x03\x04 xl/workbook.xml\n"),
    ],
)
def test_an_odd_file_blames_none_of_the_good_ones(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    for part in ("part-0", "part-1", "zz"):
        (tmp_path / part).write_text(GOOD)
    _, problems = check_data({"train": tmp_path}, columns=NAMES, show=lambda path: path.name)
    assert {problem.where.partition(":")[0] for problem in problems} == {name}


def test_a_file_of_rows_may_have_any_name(tmp_path: Path) -> None:
    for name in ("README.md", "data.json", "schema.log"):
        (tmp_path / name).write_text(GOOD)
    report, problems = check_data({"train": tmp_path})
    assert (problems, report.channels["train"].rows) == ([], 9)


CELL_CAUSES = [
    ('"3"', "a number in quotes"),
    ("'3'", "a number in quotes"),
    ('"a, b"', "text in quotes"),
    ('"1,234"', "a number with thousands separators"),
    ('"1,5"', "a number with a decimal comma"),
    ("1 234", "a number with thousands separators"),
    ("1'234.5", "a number with thousands separators"),
    ("1_000", "a number whose digits are grouped by _"),
    ("True", "a boolean"),
    ("no", "a boolean"),
    ("2024-01-31", "a date or a time"),
    ("31.01.2024 12:30", "a date or a time"),
    ("12:30:59", "a date or a time"),
    ("5%", "a percentage"),
    ("$5.00", "an amount with its currency"),
    ("5 EUR", "an amount with its currency"),
    ("36.6 °C", "a number with text behind it"),
    ("12kg", "a number with text behind it"),
    ("0x1F", "a hexadecimal number"),
    ("1e", "a number whose exponent is incomplete"),
    ("inf", "an infinite number"),
    ("-Infinity", "an infinite number"),
    ("1e39", "a number beyond float32"),
    ("NA", "a mark for a missing value"),
    ("null", "a mark for a missing value"),
    ("None", "a mark for a missing value"),
    ("?", "a mark for a missing value"),
    ("-", "a mark for a missing value"),
    ("\u22125", "a number in signs that are not ASCII"),
    ("\u0661\u0662", "a number in signs that are not ASCII"),
    ("\u00a05", "a number in signs that are not ASCII"),
    ("5 # see below", "a comment"),
    (" ", "blanks only"),
]


@pytest.mark.parametrize(("cell", "cause"), CELL_CAUSES)
def test_a_cell_is_named_by_its_cause_in_the_first_line_as_in_others(tmp_path: Path, cell: str, cause: str) -> None:
    rows = ["1,2,3", "4,5,6", "7,8,9"]
    for line in (1, 2):
        lines = [row.replace(row[2], cell) if number == line else row for number, row in enumerate(rows, 1)]
        (problem,) = told(tmp_path, train="\n".join(lines) + "\n")
        assert problem.startswith(f"train.csv:{line}:2: Column 2 holds ")
        assert cause in problem
        (problem,) = refused("\n".join(lines) + "\n")
        assert problem.startswith(f"rows.csv:{line}:2: Column 2 holds ")
        assert cause in problem


@pytest.mark.parametrize(("cell", "cause"), CELL_CAUSES)
def test_a_first_line_of_the_same_cause_throughout_is_no_header(tmp_path: Path, cell: str, cause: str) -> None:
    (problem,) = told(tmp_path, train=f"1,{cell},{cell}\n" * 4)
    assert problem.startswith("train.csv:1:2: Column 2 holds ")
    assert "8 such cells are in column 2 and column 3." in problem


def test_categories_are_listed_with_their_values(tmp_path: Path) -> None:
    rows = "1,Adelie,3750,male\n0,Gentoo,5000,female\n1,Adelie,3800,female\n"
    assert told(tmp_path, ("y", "species", "mass", "sex"), train=rows) == [
        "train.csv:1:2: Column 2 (species) holds 'Adelie'; every cell must be a number. 3 cells of column 2 (species) "
        "have 2 values: 'Adelie' and 'Gentoo'; 3 cells of column 4 (sex) have 2 values: 'male' and 'female'. Turn "
        "categories into numbers (pandas.get_dummies, or .astype('category').cat.codes); leave names and ids out."
    ]


@pytest.mark.parametrize(
    ("head", "names"),
    [
        ("y,a,b\n", "y, a, b"),
        ('"y","a","b"\n', "y, a, b"),
        (",y,a\n", ", y, a"),
        ("sales,2024-01-01,2024-02-01\n", "sales, 2024-01-01, 2024-02-01"),
    ],
)
def test_words_above_numbers_are_a_header_row(tmp_path: Path, head: str, names: str) -> None:
    for rows in ("1,2,3\n4,5,6\n", "1,2,\n4,NA,6\n"):
        first = told(tmp_path, train=head + rows)[0]
        assert first == (
            f"train.csv:1: The file begins with a header row ({names}); the training container would take it for data. "
            f"{HEADER} Column names belong in [data] columns."
        )
    assert refused(head + "1,2,3\n") == [
        f"rows.csv:1: The file begins with a header row ({names}); the endpoint would take it for data. {HEADER}"
    ]


def test_the_names_of_a_header_name_the_columns_of_other_problems(tmp_path: Path) -> None:
    found = told(tmp_path, train="y,age,sex\n1,22,male\n0,35,female\n")
    assert [problem.partition(" 2 cells")[0] for problem in found[1:]] == [
        "train.csv:2:3: Column 3 (sex) holds 'male'; every cell must be a number."
    ]


def test_a_header_that_names_the_label_last_says_so(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, train="sepal,petal,species\n5.1,1.4,0\n4.9,1.3,1\n")
    assert problem.endswith("The last name looks like the label's, which must be the first column.")


def test_labels_in_the_last_column_are_found_by_the_objective(tmp_path: Path) -> None:
    (tmp_path / "train").write_text("5.1,1.4,0\n4.9,1.3,1\n" * 3)
    _, (problem,) = check_data({"train": tmp_path / "train"}, hyperparameters={"objective": "binary:hinge"})
    assert problem.fix == "Column 3, the last one, holds such values: the label must be the first column."
    assert problem.message == (
        "The label (column 1) is 5.1; objective binary:hinge takes 0 and 1 only. And 5 more such values in the label "
        "(column 1), in lines 2, 3, 4, 5, 6."
    )


def test_header_and_units_are_two_lines_that_are_no_rows(tmp_path: Path) -> None:
    assert told(tmp_path, train="y,height,mass\n-,cm,kg\n1,2,3\n4,5,6\n") == [
        "train.csv:1: The file begins with a header row (y, height, mass); the training container would take it for "
        f"data. {HEADER} Column names belong in [data] columns.",
        f"train.csv:2: The line holds words (-, cm, kg) where the lines below hold numbers. {HEADER} Column names "
        "belong in [data] columns.",
    ]


def test_column_numbers_of_pandas_are_a_header_and_small_whole_numbers_a_row(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, train="0,1,2,3\n2.5,1.0,7,3.25\n")
    assert problem.startswith("train.csv:1: The line is 0, 1, 2 and so on: pandas' numbers of columns")
    assert told(tmp_path, train="0,1,2,3\n2,1,3,3\n1,1,2,2\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3\n",
        "1, 2, 3\n0, 2, 2\n",
        "1;2;3\n",
        "1 2 3\n",
        "1:2:3\n",
        "+1,2.,.5\n1,NaN,\n",
        "1,2,3\r\n4,5,6\r\n",
        "1,2e5\n",
    ],
)
def test_what_the_container_takes_is_refused_nowhere(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, train=text) == []


def test_another_delimiter_below_the_first_line_is_named(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, train="y,a,b\n1;2;3\n4;5;6\n")
    assert problem.startswith("train.csv:1: The line is separated by ',', the lines below by ';'; ")


def test_a_row_for_an_endpoint_is_judged_by_its_cells() -> None:
    assert refused("2.38,4,1.5191,True\n", 4) == [
        "rows.csv:1:4: Column 4 holds 'True', a boolean; every cell must be a number. "
        "Write 1 and 0: frame[column].astype(int), or .map({'yes': 1, 'no': 0})."
    ]
    rows = "".join(f'"cust, {row}",2.38,4,1.5191,147.4\n' for row in range(80))
    assert refused(rows, 4) == [
        "rows.csv:1:1: Column 1 holds '\"cust, 0\"', text in quotes; every cell must be a number, and SageMaker's "
        "XGBoost reads no quotes. 80 such cells are in this column. Leave columns of names and ids out, turn "
        "categories into numbers, and write without quotes: to_csv(header=False, index=False, quoting=csv.QUOTE_NONE).",
        "rows.csv:1: Expected 4 features, found 5 cells in each line. "
        "Give every row the features of training, in their order.",
    ]
    assert refused("1,2,\n3,4,\n", 2) == [
        "rows.csv:1: Expected 2 features (the model), found 3. A delimiter at the end of a line makes one more "
        "feature, which is empty. Give every row the features of training, in their order, without the label."
    ]


@pytest.mark.parametrize(
    ("content_type", "text", "what"),
    [
        ("text/csv", "version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a Git LFS pointer"),
        ("text/csv", "<!DOCTYPE html>\n<html>\n", "a web page"),
        ("text/csv", '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code>\n', "XML"),
        ("text/csv", '{"y": 1, "a": 2}\n{"y": 2, "a": 3}\n', "JSON"),
        ("text/csv", '[{"y": 1}]\n', "JSON"),
        ("text/csv", "%PDF-1.7\n", "a PDF document"),
        ("text/csv", "PK\x03\x04 [Content_Types].xml xl/\n", "an Excel workbook"),
        ("text/csv", "PAR1\n", "Parquet"),
        ("text/csv", "1 0:2 1:3\n0 0:4 1:5\n", "libsvm"),
        ("text/csv", "@relation iris\n@data\n1,2\n", "ARFF, as Weka writes it"),
        ("text/libsvm", "1,2,3\n4,5,6\n", "CSV"),
        ("text/libsvm", "1;2;3\n4;5;6\n", "CSV"),
        ("text/libsvm", '{"y": 1, "a": 2}\n', "JSON"),
    ],
)
def test_what_is_no_text_of_rows_is_named_by_its_first_bytes(
    tmp_path: Path, content_type: str, text: str, what: str
) -> None:
    (problem,) = told(tmp_path, content_type=content_type, train=text)
    form = "CSV" if content_type == "text/csv" else "libsvm"
    assert problem.startswith(f"train.csv: The file is {what}, not {form} text. ")


def test_a_word_of_libsvm_is_named_by_its_cause(tmp_path: Path) -> None:
    (problem,) = told(tmp_path, content_type="text/libsvm", train="1 0:NA 1:2\n0 0:1 1:3\n")
    assert problem.startswith("train.csv:1: A number was expected, found 'NA', a mark for a missing value. Write each")


def test_at_most_ten_problems_are_told_and_the_others_counted(tmp_path: Path) -> None:
    cells = [cell for cell, cause in CELL_CAUSES if '"' not in cell]
    lines = [",".join(["1"] * len(cells)), ",".join(["1", *cells[1:]])]
    found = told(tmp_path, train="\n".join(lines) + "\n")
    assert len(found) == 11
    assert found[-1] == ": And 5 more problems, not listed."


PIECES = [
    b",",
    b";",
    b"\t",
    b" ",
    b'"',
    b"'",
    b"\n",
    b"\r\n",
    b"\r",
    b"\x00",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\xc2\xa0",
    b":",
    b"|",
]
CELLS = [
    b"1",
    b"2.5",
    b"-3",
    b"",
    b"NA",
    b"x",
    b"True",
    b"1,5",
    b"#",
    b"nan",
    b"inf",
    b"1e400",
    b"\xe2\x80\xae",
    b"\x1b[2J",
]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(text=b'"1"\xc2\xa0"2"\n', content_type="text/csv")  # a delimiter that is not ASCII
@given(
    text=st.lists(st.sampled_from([*PIECES, *CELLS]), max_size=30).map(b"".join),
    content_type=st.sampled_from(["text/csv", "text/libsvm"]),
)
def test_any_text_ends_in_few_printable_messages(tmp_path: Path, text: bytes, content_type: str) -> None:
    (tmp_path / "train").write_bytes(text)
    _, problems = check_data({"train": tmp_path / "train"}, content_type=content_type, show=lambda path: path.name)
    found = list(problems)
    try:
        list(batches(io.BytesIO(text), "rows.csv", every_cell=True))
    except InputError as error:
        found += error.problems
    assert len(found) <= 2 * 11
    assert all(f"{one.where}{one.message}{one.fix}".isprintable() for one in found)
