"""Hostile files, each given to the command that a user would run with it: one short message, and nothing changed.

The inputs are made by tests/hostile; by hand it runs more of them: see its docstring.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).resolve().parents[1]
LEAST = {
    "answers": 60,
    "rows": 25,
    "approval": 33,
    "archive": 38,
    "assembly": 5,
    "data": 49,
    "model": 26,
    "release": 53,
    "review": 27,
    "signature": 47,
    "toml": 41,
}
"""How many inputs of each kind the suite has at least."""


@pytest.fixture(scope="module")
def outcomes() -> list[dict[str, Any]]:
    """Of every input of the suite; in a process of its own, which makes one for each."""
    command = [sys.executable, "-m", "hostile", "--suite", "--json"]
    path = os.pathsep.join(map(str, (TESTS, TESTS / "kit", TESTS.parent)))
    ended = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, encoding="utf-8")
    assert ended.returncode in (0, 1), ended.stderr[-2000:]
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.parametrize("kind", LEAST)
def test_each_ends_in_one_short_message_and_changes_nothing(kind: str, outcomes: list[dict[str, Any]]) -> None:
    """At most 40 lines without control characters, exit code 1 or 2, 20 seconds, 1 GB; no file or object is made."""
    wrong = [f"{one['name']}: {'; '.join(one['faults'])}" for one in outcomes if one["kind"] == kind and one["faults"]]
    assert wrong == []


def test_there_are_enough_of_every_kind(outcomes: list[dict[str, Any]]) -> None:
    count = Counter(one["kind"] for one in outcomes)
    assert {kind: number for kind, number in count.items() if number < LEAST[kind]} == {}
    assert sum(count.values()) >= 300


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("print('\\x1b[2J'); code = 2", "control characters ['\\x1b']"),
        ("import sys; print('x\\n' * 41, file=sys.stderr); code = 2", "42 lines"),
        ("code = 2", "no message"),
        ("print('x'); code = 0", "exit code 0"),
        ("print('x'); code = 3", "exit code 3"),
        ("raise ValueError('x')", "traceback: ValueError: x"),
        ("print('x'); open('left', 'w'); code = 2", "changed: left"),
        ("print('x'); import tempfile; tempfile.mkdtemp(prefix='t'); code = 2", "left in the temporary folder: t"),
        ("print('x'); a = bytearray(1200 << 20); code = 2", "MB"),
    ],
)
def test_what_is_demanded_is_seen_where_it_is_not_so(tmp_path: Path, program: str, fault: str) -> None:
    """The same process, with a command that misbehaves."""
    script = f"""
import sys
from pathlib import Path
import cli.main
from hostile.case import Case, Stage
from hostile.confinement import run_case

def run():
    names = {{}}
    exec({program!r}, names)
    return names["code"]

cli.main.run = run
base = Path({str(tmp_path)!r})
(base / "case").mkdir()
case = Case("kind", "name", ("x",), lambda stage: None)
print("; ".join(run_case(case, Stage.pattern(base / "pattern"), base / "case").faults))
"""
    path = os.pathsep.join(map(str, (TESTS, TESTS / "kit", TESTS.parent)))
    environment = {**os.environ, "PYTHONPATH": path}
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, encoding="utf-8")
    assert fault in ended.stdout, ended.stderr[-1000:]
