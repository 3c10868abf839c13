"""Modules, tests and pages that docstrings, comments and docs name are there."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    *("kickstand", "infra", "training", "deployment", "review", "promotion", "console", "localcloud", "cli"),
    "acceptance",
)
PATH = re.compile(
    rf"(?<![\w/.-])((?!acceptance/REPORT-|review/(?:ENV|dev|staging|prod)/)(?:{'|'.join(PACKAGES)}|tests|scripts|benchmarks|docs)"
    r"/[\w/-]*(?:\w\.(?:py|md|guard)\b|/(?![\w.])))"
)
MODULE = re.compile(rf"`((?!kickstand\.toml|review\.(?:md|json|html))(?:{'|'.join(PACKAGES)})(?:\.\w+)+)`")


def missing(text: str) -> list[str]:
    """What a text names and is not there. A dotted name may end in a name of its module."""
    paths = [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    modules = [name for name in MODULE.findall(text) if not (ROOT / name).exists() and not _is_module(name)]
    return paths + modules


def _is_module(name: str) -> bool:
    parent, _, last = name.replace(".", "/").rpartition("/")
    file = ROOT / f"{parent}.py"
    if file.exists():
        return re.search(rf"\b{last}\b", file.read_text()) is not None
    return (ROOT / parent / f"{last}.py").exists() or (ROOT / parent / last).is_dir()


def test_what_is_named_is_there() -> None:
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    files += [ROOT / "app.py", ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    found = {file.relative_to(ROOT).as_posix(): missing(file.read_text()) for file in files}
    assert {path: names for path, names in found.items() if names} == {}


def test_what_is_not_there_is_found() -> None:
    text = (
        "see tests/unit/test_none.py, tests/none/ or tests/kit/, `kickstand.text.cut`, `kickstand.text.curt`, "
        "`localcloud.none` and docs/review.md"
    )
    assert missing(text) == ["tests/unit/test_none.py", "tests/none/", "kickstand.text.curt", "localcloud.none"]
