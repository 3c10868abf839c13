"""What is wrong with rows for an endpoint is told by line and column."""

from __future__ import annotations

from training.prediction.batches import all_numbers, row_problems


def told(text: bytes, width: int = 3, delimiter: bytes = b",") -> list[tuple[str, str]]:
    problems = row_problems(text, 5, "rows.csv", delimiter=delimiter, width=width)
    return [(problem.where, problem.message) for problem in problems]


def test_every_fault_has_its_place() -> None:
    assert told(b"1,2,3\n1,b,inf\n\n1,2\n1,2,3,4\n1,2,3,\n") == [
        (
            "rows.csv:6:2",
            "Column 2 holds 'b'; every cell must be a number.",
        ),
        ("rows.csv:6:3", "Column 3 holds 'inf', an infinite number; numbers must be finite."),
        ("rows.csv:7", "Expected a row of features, found a blank line."),
        ("rows.csv:8", "Expected 3 features, found 2."),
        ("rows.csv:9", "Expected 3 features, found 4."),
        ("rows.csv:10", "Expected 3 features, found 4."),
    ]


def test_missing_values_and_every_form_of_a_number_are_fine() -> None:
    assert told(b"1,,nan\r\n-1e5,+.5,NaN\r\n") == []
    assert told(b"1;2;3\n", delimiter=b";") == []


def test_one_cause_has_one_message_however_many_cells_have_it() -> None:
    assert told(b"NA,b,3\n" * 1000) == [
        (
            "rows.csv:5:1",
            "Column 1 holds 'NA', a mark for a missing value; every cell must be a number. "
            "1,000 such cells are in this column.",
        ),
        (
            "rows.csv:5:2",
            "Column 2 holds 'b'; every cell must be a number. 1,000 cells of column 2 are 'b'.",
        ),
    ]
    assert told(b"1,2\n" * 1000) == [
        ("rows.csv:5", "Expected 3 features, found 2. And 999 more lines of another width, in lines 6, 7, 8, 9, 10, ….")
    ]


def test_surely_rows_of_numbers() -> None:
    def sure(text: bytes) -> bool:
        return all_numbers(text, delimiter=b",", width=2)

    assert sure(b"1,\n-1e5,+.5\n,\n")
    for doubtful in (b"1,b\n", b"1,1e39\n", b"1,nan\n", b"-inf,1\n", b"1\n", b"1,2,3\n", b"1,2\r3,4\n"):
        assert not sure(doubtful)
    assert all_numbers(b",".join([b"1"] * 10_001) + b"\n", delimiter=b",", width=10_001)
    assert not all_numbers(b",".join([b"1"] * 10_000) + b",x\n", delimiter=b",", width=10_001)
