"""docs/architecture.md holds: who imports whom, how large modules and folders are, and how far a setting travels."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from source_tree import FOLDER, PRODUCT, SMALL, SourceTree

MORE_MODULES = {"cli": 22}
"""Folders that hold more than 12 modules, and how many they may hold."""


@pytest.fixture(scope="module")
def tree() -> SourceTree:
    return SourceTree()


def test_no_package_imports_one_above_it(tree: SourceTree) -> None:
    assert tree.arrows_up() == []


def test_no_modules_import_one_another(tree: SourceTree) -> None:
    assert tree.circles() == []


def test_the_product_knows_nothing_of_its_tests(tree: SourceTree) -> None:
    """No import of pytest, and no name that a test runner alone would read."""
    marks = re.compile(r"\b(?:import pytest|__test__|PYTEST_\w+)\b")
    assert {path: marks.findall(text) for path, text in tree.texts.items() if marks.search(text)} == {}


def test_modules_are_of_a_size(tree: SourceTree) -> None:
    figures = tree.figures()
    assert figures["modules"] <= 454
    assert figures["median lines"] >= 130
    assert figures[f"below {SMALL} lines"] <= 12
    assert tree.long_modules() == {}
    assert {path: count for path, count in tree.folders().items() if count > FOLDER} == MORE_MODULES


@pytest.mark.parametrize(
    "setting", ["max_runtime_seconds", "max_wait_seconds", "volume_size_gb", "encrypt_inter_container_traffic"]
)
def test_a_training_setting_is_named_in_few_files(tree: SourceTree, setting: str) -> None:
    """From kickstand.toml to CreateTrainingJob: settings of this name alone, so that the name is what is counted."""
    found = [path for path, text in tree.texts.items() if re.search(rf"\b{setting}\b", text)]
    assert len([path for path in found if path.startswith(PRODUCT)]) <= 6


def test_sizes_are_those_of_acceptance_and_benchmarks_too(tmp_path: Path) -> None:
    for path, lines in {"cli/a.py": 301, "acceptance/__init__.py": 301, "benchmarks/b.py": 301, "app.py": 300}.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text("x = 1\n" * lines)
    tree = SourceTree(tmp_path)
    assert tree.long_modules() == {"cli/a.py": 301, "acceptance/__init__.py": 301, "benchmarks/b.py": 301}
    assert tree.folders() == {"cli": 1, "benchmarks": 1, ".": 1}


def test_imports_of_every_kind_are_read(tmp_path: Path) -> None:
    for path, text in {
        "app.py": "from cli import main\n",
        "kickstand/__init__.py": "",
        "kickstand/a.py": "from __future__ import annotations\nif TYPE_CHECKING:\n    from kickstand.b import B\n",
        "kickstand/b.py": "def f():\n    from kickstand.c import x\n    from training import data\n",
        "kickstand/c.py": "import kickstand.a\nimport json\n",
        "training/data.py": "import kickstand.a\n",
        "cli/main.py": "from training import data\n",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    tree = SourceTree(tmp_path)
    assert tree.arrows_up() == ["kickstand/b.py:3 imports training/data.py", "app.py:1 imports cli/main.py"]
    assert tree.circles() == [["kickstand/a.py", "kickstand/b.py", "kickstand/c.py", "training/data.py"]]
    assert tree.modules["kickstand/b.py"] == 3


def test_each_test_module_has_a_name_of_its_own() -> None:
    """pytest imports them by their names alone."""
    count = Counter(path.name for path in Path(__file__).parents[1].rglob("test_*.py"))
    assert {name for name, number in count.items() if number > 1} == set()
