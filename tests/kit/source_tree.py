"""The product's modules, their sizes and what imports what, read from the source.

python tests/kit/source_tree.py        prints the figures
"""

from __future__ import annotations

import ast
import re
import statistics
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parents[2]
PRODUCT = ("kickstand", "infra", "training", "deployment", "review", "promotion", "console", "localcloud", "cli")
"""The packages of the wheel."""
PACKAGES = (*PRODUCT, "acceptance", "benchmarks")
LAYERS = {
    "kickstand": (),
    "infra": ("kickstand",),
    "training": ("kickstand",),
    "deployment": ("kickstand", "infra", "training"),
    "review": ("kickstand", "infra", "training", "deployment"),
    "promotion": ("kickstand", "infra", "training", "deployment", "review"),
    "console": ("kickstand", "infra", "training", "deployment", "review", "promotion"),
    "localcloud": ("kickstand", "training"),
    "cli": ("kickstand", "infra", "training", "deployment", "review", "promotion", "console", "localcloud"),
    "acceptance": PRODUCT,
    "benchmarks": ("kickstand", "training", "localcloud"),
    "app": ("kickstand", "infra"),
}
"""Which packages a package may import, beside itself: the table of docs/architecture.md."""
DOOR = "localcloud/ministack/"
SMALL, LARGE, FOLDER = 40, 300, 12


class Import(NamedTuple):
    """One import of a module of the product: where, what, and `when`: module, function or types."""

    source: str
    line: int
    target: str
    when: str


@dataclass(frozen=True)
class SourceTree:
    """The product below a folder. Paths are relative to it, with `/`."""

    root: Path = REPOSITORY

    @cached_property
    def texts(self) -> dict[str, str]:
        """The source of each module, `__init__.py` too."""
        files = [file for package in PACKAGES for file in sorted((self.root / package).rglob("*.py"))]
        return {file.relative_to(self.root).as_posix(): file.read_text() for file in [*files, self.root / "app.py"]}

    @cached_property
    def modules(self) -> dict[str, int]:
        """Lines of each module of the wheel, without `__init__.py`."""
        texts = {path: text for path, text in self.texts.items() if path.startswith(PRODUCT)}
        return {path: text.count("\n") for path, text in texts.items() if not path.endswith("__init__.py")}

    @cached_property
    def trees(self) -> dict[str, ast.Module]:
        """Each module parsed, which takes 1 s of CPU for all."""
        return {path: ast.parse(text) for path, text in self.texts.items()}

    @cached_property
    def imports(self) -> list[Import]:
        """All imports of modules of the product, those in functions and for types too."""
        names = {_dotted(path): path for path in self.texts}
        return [
            Import(path, line, names[name], when)
            for path, tree in self.trees.items()
            for line, name, when in _imported(tree, names)
            if names[name] != path
        ]

    def arrows_up(self) -> list[str]:
        """The imports that LAYERS does not allow."""
        found = []
        for one in self.imports:
            source, target = (path.split("/")[0].removesuffix(".py") for path in (one.source, one.target))
            if source != target and target not in LAYERS[source]:
                found.append(f"{one.source}:{one.line} imports {one.target}")
        return found

    def circles(self) -> list[list[str]]:
        """Groups of modules that import one another, whatever the kind of import."""
        edges: dict[str, set[str]] = {path: set() for path in self.texts}
        for one in self.imports:
            edges[one.source].add(one.target)
        reach = {path: _reached(path, edges) for path in edges}
        groups = {tuple(sorted(q for q in reach[p] if p in reach[q])) for p in edges if p in reach[p]}
        return sorted(map(list, groups))

    def folders(self) -> Counter[str]:
        """Modules in each folder, those beside the wheel too, without `__init__.py`."""
        return Counter(str(Path(path).parent) for path in self.texts if not path.endswith("__init__.py"))

    def long_modules(self) -> dict[str, int]:
        """Lines of each module that has too many, those beside the wheel too."""
        lines = {path: text.count("\n") for path, text in self.texts.items()}
        return {path: count for path, count in lines.items() if count > LARGE}

    def ministack_imports(self) -> list[str]:
        """The modules that import ministack."""
        wanted = re.compile(r"^\s*(from|import) ministack\b", re.MULTILINE)
        return [path for path, text in self.texts.items() if wanted.search(text)]

    def figures(self) -> dict[str, float]:
        """The measures by their names."""
        sizes = list(self.modules.values())
        return {
            "modules": len(sizes),
            "median lines": statistics.median(sizes),
            f"below {SMALL} lines": sum(size < SMALL for size in sizes),
            f"above {LARGE} lines": sum(size > LARGE for size in sizes),
            f"folders above {FOLDER} modules": sum(count > FOLDER for count in self.folders().values()),
            "arrows up": len(self.arrows_up()),
            "circles": len(self.circles()),
            "modules that import ministack": len(self.ministack_imports()),
            "own imports in functions": sum(one.when == "function" for one in self.imports),
            "lines": sum(text.count("\n") for text in self.texts.values()),
        }


def _dotted(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def dotted_name(node: ast.AST) -> str:
    """`a.b.c` of names and attributes; empty for any other expression."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """What a module, a statement or a part of one holds beside expressions: an import stands in none."""
    return (child for child in ast.iter_child_nodes(node) if not isinstance(child, ast.expr))


def _imported(node: ast.AST, names: dict[str, str], when: str = "module") -> Iterator[tuple[int, str, str]]:
    for child in statements(node):
        if isinstance(child, ast.Import):
            yield from ((child.lineno, alias.name, when) for alias in child.names if alias.name in names)
        elif isinstance(child, ast.ImportFrom) and child.module:
            for alias in child.names:
                name = f"{child.module}.{alias.name}"
                name = name if name in names else child.module
                if name in names:
                    yield child.lineno, name, when
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imported(child, names, "function")
        elif isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            yield from _imported(child, names, "types")
        else:
            yield from _imported(child, names, when)


def _reached(start: str, edges: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = list(edges[start])
    while todo:
        path = todo.pop()
        if path not in found:
            found.add(path)
            todo.extend(edges[path])
    return found


if __name__ == "__main__":
    tree = SourceTree()
    for name, value in tree.figures().items():
        sys.stdout.write(f"{value:>8g}  {name}\n")
    for line in [*tree.arrows_up(), *(" <-> ".join(circle) for circle in tree.circles())]:
        sys.stdout.write(f"{line}\n")
