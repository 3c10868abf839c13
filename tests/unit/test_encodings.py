"""What is written and read is UTF-8 whatever the locale is: each call that turns bytes into text names its encoding."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDERS = (
    *("kickstand", "infra", "training", "deployment", "review", "promotion", "console", "cli", "localcloud"),
    *("acceptance", "scripts", "data", "benchmarks"),
)

_CALLED = re.compile(r"\b(?:text|universal_newlines|read_text|write_text)\b")
"""A module without any of these words has no such call."""


def nameless(source: str) -> Iterator[tuple[int, str]]:
    """Calls that use the encoding of the locale: line and name."""
    if not _CALLED.search(source):
        return
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        words = {word.arg for word in node.keywords}
        if "encoding" in words or None in words:
            continue
        if words & {"text", "universal_newlines"} and name in ("run", "Popen", "check_output"):
            yield node.lineno, name
        if (name, len(node.args)) in (("read_text", 0), ("write_text", 1)):
            yield node.lineno, name


@pytest.mark.parametrize(
    "source",
    ["run(x, text=True)", "subprocess.Popen(x, universal_newlines=True)", "file.read_text()", "file.write_text('a')"],
)
def test_a_call_without_one_is_seen(source: str) -> None:
    assert [line for line, _ in nameless(source)] == [1]


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_call_names_its_encoding(folder: str) -> None:
    found = [
        f"{file.relative_to(REPOSITORY)}:{line}: {name}"
        for file in sorted((REPOSITORY / folder).rglob("*.py"))
        for line, name in nameless(file.read_text("utf-8"))
    ]
    assert found == []
