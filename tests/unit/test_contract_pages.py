"""Each statement of the contract pages has a test that names it, and each test names a statement that is there."""

from __future__ import annotations

from collections import Counter

import pytest
from contract_pages import PAGES, Naming, Statement, all_namings, all_statements, namings, statements

SOURCE = """
import pytest

CASES = [pytest.param(1, marks=pytest.mark.contract("A3")), 2]

@pytest.mark.contract("A1", "A2")
def test_one(): ...

@pytest.mark.parametrize("case", CASES)
def test_two(case): ...

@pytest.mark.contract("A4")
class TestThree:
    def test_four(self): ...

@pytest.mark.contract("A5")
def helper(): ...

@pytest.mark.contract("A6")
@pytest.mark.skip(reason="later")
def test_six(): ...

@pytest.mark.contract("A7")
@pytest.mark.xfail
def test_seven(): ...

@pytest.mark.contract("A8")
@pytest.mark.skipif(windows, reason="needs a fork")
def test_eight(): ...

@pytest.mark.contract("A9")
def test_nine():
    pytest.skip("later")

@pytest.mark.contract(NAME)
def test_ten(): ...
"""


def test_statements_are_rows_and_items_that_begin_with_an_id() -> None:
    table = "# T1 title\n| id | fact |\n|---|---|\n| T1 | one |\n"
    page = table + "- T2: two.\n- **F3** three\n- `C4`: four\nT5 no\n- T6x no\n"
    found = statements("page.md", page)
    assert [(statement.id, statement.text) for statement in found] == [
        ("T1", "one"),
        ("T2", "two."),
        ("F3", "three"),
        ("C4", "four"),
    ]


def test_namings_are_read_from_marks_classes_and_parameters() -> None:
    never = "never runs: it is skipped or expected to fail"
    assert namings("f.py", SOURCE) == [
        Naming("A1", "f.py::test_one"),
        Naming("A2", "f.py::test_one"),
        Naming("A3", "f.py::test_two"),
        Naming("A4", "f.py::TestThree::test_four"),
        Naming("A5", "f.py::helper", "is not a test"),
        Naming("A6", "f.py::test_six", never),
        Naming("A7", "f.py::test_seven", never),
        Naming("A8", "f.py::test_eight"),
        Naming("A9", "f.py::test_nine", never),
        Naming("NAME", "f.py::test_ten", "names it by an expression, not by a text"),
    ]


def test_a_module_can_name_a_statement_for_all_its_tests() -> None:
    source = 'pytestmark = [pytest.mark.contract("A1")]\ndef test_one(): ...\n'
    assert namings("f.py", source) == [Naming("A1", "f.py::test_one")]


@pytest.fixture(scope="module")
def written() -> list[Statement]:
    return all_statements()


@pytest.fixture(scope="module")
def named() -> list[Naming]:
    return all_namings()


def test_each_page_states_something_and_no_id_stands_twice(written: list[Statement]) -> None:
    assert {statement.page for statement in written} == {page.name for page in PAGES}
    assert [id for id, times in Counter(statement.id for statement in written).items() if times > 1] == []
    assert [statement.id for statement in written if not statement.text] == []


def test_each_statement_has_a_test_that_names_it(written: list[Statement], named: list[Naming]) -> None:
    held = {naming.id for naming in named if naming.fault is None}
    lacking = [
        f"{statement.page} {statement.id}: {statement.text}" for statement in written if statement.id not in held
    ]
    assert lacking == []


def test_each_named_statement_is_on_a_page(written: list[Statement], named: list[Naming]) -> None:
    ids = {statement.id for statement in written}
    assert [f"{naming.test} names {naming.id}" for naming in named if naming.id not in ids and not naming.fault] == []


def test_each_test_that_names_a_statement_runs(named: list[Naming]) -> None:
    assert [f"{naming.test} ({naming.id}) {naming.fault}" for naming in named if naming.fault] == []
