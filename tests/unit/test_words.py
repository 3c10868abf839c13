"""Retired words stay out: names of the code, and what is shown to users. docs/architecture.md has the glossary."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from source_tree import REPOSITORY, SourceTree

_WORDS = """
Contest Desk Doomed Hire Judged Movement Patient Place Question Remainder Scene Standing Talk Told _bear _obey
borrowed_setup examination foretold judge judged judged_rows mend movement newer reckon release_story release_way
remains scene spare_log speaks to_keep told way_back who_may
"""
RETIRED = frozenset(_WORDS.split())
PHRASES = re.compile(
    r"\b(?:in the release for ever|is at it, since|nobody that is named|mend(?:ed|s|ing)?|reckon\w*)\b", re.IGNORECASE
)


def names(tree: ast.AST) -> Iterator[str]:
    """Every name that a module gives to something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr


def test_no_name_of_the_product_is_a_retired_word() -> None:
    words = re.compile(rf"\b(?:{'|'.join(RETIRED)})\b")  # a module that has none of them in its text is not parsed
    texts = {path: text for path, text in SourceTree().texts.items() if words.search(text)}
    found = {path: RETIRED.intersection(names(ast.parse(text))) for path, text in texts.items()}
    assert {path: words for path, words in found.items() if words} == {}


def test_no_text_or_page_has_a_retired_phrase() -> None:
    pages = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    texts = SourceTree().texts | {page.relative_to(REPOSITORY).as_posix(): page.read_text() for page in pages}
    found = {path: PHRASES.findall(text) for path, text in texts.items()}
    assert {path: words for path, words in found.items() if words} == {}


def test_names_of_every_kind_are_read() -> None:
    text = "class A:\n    b: int\n    def c(self, d): self.e = f = g\nfor h in i: pass\n"
    assert set(names(ast.parse(text))) == {"A", "b", "c", "self", "d", "e", "f", "h"}
