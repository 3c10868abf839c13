"""A run of many tests is spread over processes, the slowest files first, and makes once what all of them need."""

from __future__ import annotations

import os
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import hypothesis
import pytest
import run_end
import run_order
from once_a_run import once_a_run

TESTS = Path(__file__).resolve().parents[1]
ALL = (os.cpu_count() or 1) + 2


def _options(arguments: list[str], *, plugin: bool = True, **given: Any) -> SimpleNamespace:
    """What a command line's options become."""
    options = SimpleNamespace(**{"numprocesses": None, "dist": "no", "usepdb": False, "collectonly": False, **given})
    manager = SimpleNamespace(hasplugin=lambda _: plugin)
    run_order.pytest_cmdline_main(SimpleNamespace(args=arguments, option=options, pluginmanager=manager))  # type: ignore[arg-type]
    return options


@pytest.mark.parametrize(
    ("arguments", "given", "processes"),
    [
        ([str(TESTS)], {}, ALL),
        ([str(TESTS / "unit"), str(TESTS / "kit")], {}, ALL),
        ([str(TESTS)], {"numprocesses": 1}, 1),
        ([str(TESTS)], {"numprocesses": 0}, 0),
        ([str(TESTS)], {"usepdb": True}, None),
        ([str(TESTS)], {"collectonly": True}, None),
        ([str(TESTS)], {"plugin": False}, None),
        ([__file__], {}, None),
        ([f"{__file__}::test_x"], {}, None),
    ],
)
def test_folders_are_run_in_two_processes_more_than_there_are_cores(
    arguments: list[str], given: dict[str, Any], processes: int | None
) -> None:
    options = _options(arguments, **given)
    assert options.numprocesses == processes
    assert options.dist == ("loadfile" if processes else "no")


@pytest.mark.parametrize(("worker", "own"), [("gw0", "ac"), ("gw1", "bd"), ("", "")])
def test_a_worker_imports_its_share_of_the_tests_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, worker: str, own: str
) -> None:
    """One that cannot be imported is for the collection to report."""
    names = {letter: f"test_{letter}_{uuid4().hex}" for letter in "abcd"}
    for letter, name in names.items():
        (tmp_path / f"{name}.py").write_text("" if letter != "d" else "raise ValueError")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "2")
    monkeypatch.setattr(sys, "path", [*sys.path])
    run_order._import_share(SimpleNamespace(args=[str(tmp_path)]))  # type: ignore[arg-type]
    assert "".join(letter for letter, name in names.items() if name in sys.modules) == own.replace("d", "")
    assert (str(tmp_path) in sys.path) is bool(own)


@pytest.mark.parametrize(("free", "used"), [(4 << 30, False), ((4 << 30) + 1, os.access("/dev/shm", os.W_OK))])
def test_a_run_writes_to_memory_where_there_is_room(monkeypatch: pytest.MonkeyPatch, free: int, used: bool) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert run_end._memory() == ("/dev/shm" if used else None)


def test_the_slowest_files_are_there_once_and_first() -> None:
    assert [file for file in run_order.SLOWEST if not (TESTS / file).is_file()] == []
    assert len({*run_order.SLOWEST}) == len(run_order.SLOWEST)
    paths = [TESTS / "unit" / "test_x.py", *(TESTS / file for file in reversed(run_order.SLOWEST))]
    items: Any = [SimpleNamespace(path=path) for path in paths]
    run_order.pytest_collection_modifyitems(SimpleNamespace(rootpath=TESTS.parent), items)  # type: ignore[arg-type]
    assert [item.path for item in items] == [*reversed(paths[1:]), paths[0]]


def _sent(name: str, *, verbose: bool = False, **fields: Any) -> list[tuple[str, dict[str, Any]]]:
    sent: list[tuple[str, dict[str, Any]]] = []
    run_order.without_idle_messages(lambda name, **sends: sent.append((name, sends)), verbose=verbose)(name, **fields)
    return sent


@pytest.mark.parametrize(
    ("name", "data", "is_sent"),
    [
        ("testreport", {"when": "setup", "outcome": "passed", "sections": []}, False),
        ("testreport", {"when": "teardown", "outcome": "passed", "sections": []}, False),
        ("testreport", {"when": "setup", "outcome": "skipped", "sections": []}, True),
        ("testreport", {"when": "setup", "outcome": "failed", "sections": []}, True),
        ("testreport", {"when": "call", "outcome": "failed", "sections": [], "keywords": {"test_x": 1}}, True),
        ("testreport", {"when": "teardown", "outcome": "failed", "sections": []}, True),
        ("testreport", {"when": "teardown", "outcome": "passed", "sections": [["Captured stdout", "x"]]}, True),
        ("collectreport", {"outcome": "passed", "sections": []}, True),
        ("warning_recorded", None, True),
    ],
)
def test_a_worker_sends_all_reports_but_those_of_setups_and_teardowns_that_passed(
    name: str, data: dict[str, Any] | None, is_sent: bool
) -> None:
    assert _sent(name, data=data) == ([(name, {"data": data})] if is_sent else [])


def test_of_a_test_that_passed_a_worker_sends_no_keywords() -> None:
    passed = {"when": "call", "outcome": "passed", "sections": [], "duration": 0.5}
    sent = _sent("testreport", data={**passed, "keywords": {"test_x": 1}})
    assert sent == [("testreport", {"data": {**passed, "keywords": {}}})]


def test_a_worker_sends_starts_where_they_are_shown() -> None:
    assert _sent("logstart", nodeid="test_x") == []
    assert _sent("logstart", nodeid="test_x", verbose=True) == [("logstart", {"nodeid": "test_x"})]
    assert _sent("logfinish", nodeid="test_x") == [("logfinish", {"nodeid": "test_x"})]


def test_what_several_ask_for_at_a_time_is_made_once() -> None:
    made = []

    def make() -> bytes:
        made.append(1)
        time.sleep(0.05)
        return b"this"

    key = f"asked for {uuid4()}"
    with ThreadPoolExecutor(4) as pool:
        answers = [*pool.map(lambda _: once_a_run(key, make), range(8))]
    assert (answers, made) == ([b"this"] * 8, [1])


def test_what_cannot_be_made_is_tried_again_by_the_next() -> None:
    key = f"asked for {uuid4()}"
    with pytest.raises(ZeroDivisionError):
        once_a_run(key, lambda: bytes(1 // 0))
    assert once_a_run(key, lambda: b"this") == b"this"


def test_outside_a_run_it_is_made_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KICKSTAND_TEST_FOLDER")
    made = iter((b"one", b"two"))
    assert [once_a_run("asked for", lambda: next(made)) for _ in range(2)] == [b"one", b"two"]


def test_no_example_of_a_property_fails_by_the_clock() -> None:
    assert hypothesis.settings().deadline is None
