"""The contract pages beside the tests that hold them: `python tests/kit/contract_pages.py [ID ...]` prints both.

A page's statement is a table row or a list item that begins with its id: `| T12 | ... |` or `- T12: ...`.
A test names its statements with `@pytest.mark.contract("T12", ...)`: on itself, on its class, in the marks of one of
its parameters, or in a list of parameters of its module that its decorators speak of by name.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = tuple(ROOT / "docs" / f"contract-{subject}.md" for subject in ("training", "hosting", "operations"))

_STATEMENT = re.compile(r"^(?:\| *|[-*] +)(?:`|\*\*)?([A-Z]\d{1,3})\b(?:`|\*\*)?[:. |]*(.*?)[ |]*$")


@dataclass(frozen=True)
class Statement:
    """One sentence of a page."""

    id: str
    text: str
    page: str


@dataclass(frozen=True)
class Naming:
    """One test that names a statement. `fault` says why it does not count, if it does not."""

    id: str
    test: str
    fault: str | None = None


def statements(page: str, text: str) -> list[Statement]:
    """Those of a page's text, in order; an id that stands twice is there twice."""
    return [Statement(found[1], found[2], page) for line in text.splitlines() if (found := _STATEMENT.match(line))]


def namings(file: str, source: str) -> list[Naming]:
    """What a test file's tests name, read without importing it. One call of the marker may yield several."""
    tree = ast.parse(source)
    lists = {
        target.id: assigned.value
        for assigned in tree.body
        if isinstance(assigned, ast.Assign | ast.AnnAssign) and assigned.value is not None
        for target in (assigned.targets if isinstance(assigned, ast.Assign) else [assigned.target])
        if isinstance(target, ast.Name)
    }
    return list(_of_body(tree.body, file, _marks(lists.get("pytestmark"), lists), lists))


def _of_body(
    body: list[ast.stmt], place: str, inherited: list[ast.expr], lists: dict[str, ast.expr]
) -> Iterator[Naming]:
    for node in body:
        if isinstance(node, ast.ClassDef):
            yield from _of_body(node.body, f"{place}::{node.name}", [*inherited, *node.decorator_list], lists)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _of_function(node, f"{place}::{node.name}", inherited, lists)


def _of_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef, test: str, inherited: list[ast.expr], lists: dict[str, ast.expr]
) -> Iterator[Naming]:
    marks = [*inherited, *node.decorator_list]
    spoken = {name.id for mark in marks for name in ast.walk(mark) if isinstance(name, ast.Name)}
    marks += [value for name, value in lists.items() if name in spoken]
    fault = None if node.name.startswith("test") else "is not a test"
    if any(_never_runs(mark) for mark in [*inherited, *node.decorator_list]) or _skips_at_once(node):
        fault = "never runs: it is skipped or expected to fail"
    for mark in marks:
        for call in ast.walk(mark):
            if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.contract":
                for argument in call.args:
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                        yield Naming(argument.value, test, fault)
                    else:
                        yield Naming(ast.unparse(argument), test, "names it by an expression, not by a text")


def _marks(value: ast.expr | None, lists: dict[str, ast.expr]) -> list[ast.expr]:
    if value is None:
        return []
    del lists["pytestmark"]
    return list(value.elts) if isinstance(value, ast.List | ast.Tuple) else [value]


def _never_runs(mark: ast.expr) -> bool:
    """A skip, or an xfail that no condition narrows."""
    called = ast.unparse(mark.func) if isinstance(mark, ast.Call) else ast.unparse(mark)
    conditional = isinstance(mark, ast.Call) and (
        bool(mark.args) or any(word.arg == "condition" for word in mark.keywords)
    )
    return called == "pytest.mark.skip" or (called == "pytest.mark.xfail" and not conditional)


def _skips_at_once(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether `pytest.skip(...)` or `pytest.xfail(...)` is a statement of the test's own body, under no condition."""
    return any(
        isinstance(line, ast.Expr)
        and isinstance(line.value, ast.Call)
        and ast.unparse(line.value.func) in ("pytest.skip", "pytest.xfail")
        for line in node.body
    )


def all_statements() -> list[Statement]:
    """Those of all pages."""
    return [statement for page in PAGES for statement in statements(page.name, page.read_text(encoding="utf-8"))]


def all_namings() -> list[Naming]:
    """Those of every test file of every tier."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    sources = [(file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")) for file in files]
    return [naming for file, source in sources if "mark.contract" in source for naming in namings(file, source)]


def main(ids: list[str]) -> None:
    """Print each statement and the tests that hold it: of all, or of the ids that are asked for."""
    found = all_namings()
    for statement in all_statements():
        if not ids or statement.id in ids:
            tests = sorted({naming.test for naming in found if naming.id == statement.id})
            lines = [f"{statement.id}  {statement.text}", *(f"      {test}" for test in tests)]
            sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
