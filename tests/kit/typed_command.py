"""A command as somebody types it, run in this process: one of its own takes a second of CPU to begin, and four where
it reviews. What a review has checked of a project file and a release is not checked again, what it has drawn is not
drawn again, and the CDK's commands are run by a Node.js that has loaded them (`warm_cdk.py`)."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING
from unittest.mock import patch

from warm_cdk import run_warm

from cli.main import run
from deployment import cdk
from kickstand.config.model import Environment, Project
from kickstand.release.file import release_path
from review.policy import report
from review.policy.assembly import CheckedAssembly, CheckedStack, checked_assembly, lint_findings
from review.reports import Finding, Plot

if TYPE_CHECKING:
    from review.model.evidence import Evidence


@cache
def _lint_findings(stacks: tuple[CheckedStack, ...], region: str) -> tuple[tuple[Finding, ...], int]:
    """`lint_findings`, once for each template of a test run (`kept_lint.py`)."""
    from kept_lint import kept_lint

    with kept_lint():
        return lint_findings(stacks, region)


_CHECKED: dict[tuple[str, str, bytes, bytes], CheckedAssembly] = {}


def _checked_assembly(project: Project, environment: Environment, releases: Path) -> CheckedAssembly:
    """`checked_assembly`, once for all that it is made of: a review makes it anew, and so does all that compares it."""
    release = release_path(releases, environment.name)
    content = release.read_bytes() if release.exists() else b""
    key = (str(project.file), environment.name, project.file.read_bytes(), content)
    if key not in _CHECKED:
        _CHECKED[key] = checked_assembly(project, environment, releases)
    return _CHECKED[key]


_DRAWN: dict[bytes, tuple[Plot, ...]] = {}


@contextmanager
def _drawn_once() -> Iterator[None]:
    """Have the pictures of a model drawn once for all that they show: each review, and all that makes one anew, draws
    them, for a second of CPU. That they are the same each time is for tests/unit/review/model."""
    from review.model import section

    plots = section.plots

    def kept_plots(environment: Environment, found: Evidence) -> tuple[Plot, ...]:
        key = pickle.dumps((environment.data.columns, found))
        if key not in _DRAWN:
            _DRAWN[key] = plots(environment, found)
        return _DRAWN[key]

    with patch.object(section, "plots", kept_plots):
        yield


@dataclass(frozen=True)
class Typed:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    def good(self) -> Typed:
        assert self.code == 0, f"exit code {self.code}\n{self.out}\n{self.err}"
        return self


def type_here(folder: Path, variables: Mapping[str, str], *words: str | Path) -> Typed:
    """`kickstand WORDS` in a folder, with these variables alone; what its children print is of it too."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with printed_to(out, err):
            code = run_here([str(word) for word in words], folder, variables)
        printed = []
        for file in (out, err):
            file.seek(0)
            printed.append(file.read().decode())
    return Typed(code, *printed)


def run_here(words: Sequence[str], folder: Path, variables: Mapping[str, str]) -> int:
    """The same, printed to where this process prints; the exit code."""
    with (
        patch.object(report, "lint_findings", _lint_findings),
        patch.object(report, "checked_assembly", _checked_assembly),
        _drawn_once() if {"deploy", "review"} & {*words} else nullcontext(),
        patch.object(cdk, "run_child", run_warm),
        patch.object(sys, "argv", ["kickstand", *words]),
        patch.dict(os.environ, variables, clear=True),
        chdir(folder),
    ):
        return run()


@contextmanager
def printed_to(out: IO[bytes], err: IO[bytes]) -> Iterator[None]:
    """Let this process and its children print to files."""
    with _into(out, "stdout", 1), _into(err, "stderr", 2):
        yield


@contextmanager
def _into(file: IO[bytes], name: str, descriptor: int) -> Iterator[None]:
    """Let a stream, and the descriptor that children inherit, write to a file."""
    kept = os.dup(descriptor)
    os.dup2(file.fileno(), descriptor)
    try:
        # A line at a time, in turn with what children print.
        with (
            open(descriptor, "w", 1, encoding="utf-8", newline="", closefd=False) as stream,
            patch.object(sys, name, stream),
        ):
            yield
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)
