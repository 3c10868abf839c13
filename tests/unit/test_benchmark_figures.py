"""The arithmetic of the benchmarks: ratios, spreads, verdicts, goals, growth; what is shown, kept and drawn."""

from __future__ import annotations

import json
import math
import os
import re
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from benchmarks.__main__ import BENCHMARKS
from benchmarks.figure import _QUANTILES, Figure, Skipped, median_spread, number
from benchmarks.measure import Use
from benchmarks.picture import draw, growth
from benchmarks.report import Results, Row, failed, show, shown
from benchmarks.rounds import Budget, in_turn, within
from benchmarks.serving import load
from benchmarks.serving.load import Load, alternate
from benchmarks.serving.servers import Server
from benchmarks.sizes.growth import Subject, over_sizes, subject_figures
from benchmarks.synthesis import template_figures

CORES = os.cpu_count() or 1
PAGE = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
PAIRS = ((6.0, 10.0), *((7.0, 10.0),) * 3, (90.0, 100.0))
RATE = Figure("answers", PAIRS, "/s", "empty answers", 0.6, at_most=False, goal=0.8)
TIME = Figure("wall", ((1.5, 1.0),) * 5, "s", "bare", 1.2, note="AWS: 3.9 s")
FREE = Figure("demo", ((31.0, 2.0),), "s", "synth", goal=45, goal_of_ours=True)


def of_ratios(*ratios: float, limit: float | None = None, at_most: bool = True) -> Figure:
    return Figure("wall", tuple((ratio, 1.0) for ratio in ratios), "s", "bare", limit, at_most)


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ((0.96, 1.0, 1.0, 1.0, 1.04), "good"),
        ((0.94, 1.0, 1.0, 1.0, 1.04), "unclear"),
        ((0.96, 1.0, 1.0, 1.0, 1.06), "unclear"),
        ((0.93, 0.93, 0.93, 0.93, 0.94), "over"),
        ((1.06, 1.06, 1.06, 1.06, 1.07), "over"),
        ((0.94, 1.0, 1.0, 1.0, 1.06), "unclear"),
    ],
)
def test_a_limit_may_be_one_in_both_directions(ratios: tuple[float, ...], verdict: str) -> None:
    figure = Figure("rate", tuple((ratio, 1.0) for ratio in ratios), "/s", "another", 1.05, either_way=True)
    assert (figure.verdict, figure.bound()) == (verdict, "± 5 %")


def test_a_limit_in_both_directions_is_as_far_below_as_above() -> None:
    half, double = (Figure("rate", ((ours, 10.0),), "/s", "other", 1.05, either_way=True) for ours in (5.0, 20.0))
    assert half.times_better() == double.times_better() == pytest.approx(0.525)


def test_a_ratio_is_the_median_of_pairs_and_not_the_ratio_of_medians() -> None:
    assert (RATE.ours, RATE.others, RATE.ratio) == (7.0, 10.0, 0.7)


@pytest.mark.parametrize(
    ("ratios", "spread"),
    [
        ([2.0], (2.0, 2.0)),
        ([0.0, 0.0, 0.0], (0.0, 0.0)),
        ([1.0, 1.21], (1.1 * math.exp(-6.06745), 1.1 * math.exp(6.06745))),  # mean ± t, whose deviation is half the gap
        ([1.0, 1.1, 1.21], (1.1 * math.exp(-0.54615), 1.1 * math.exp(0.54615))),  # log 1.1 * 9.925 / sqrt(3)
        ([2.0, 2.0, 2.0, 2.0], (2.0, 2.0)),
        ([5.0, 1.0, 4.0, 2.0, 3.0], (1.0, 5.0)),  # 2/32 = 0.06 of being outside
        ([float(value) for value in range(7)], (0.0, 6.0)),  # without the ends it would be 16/128 = 0.125
        ([float(value) for value in range(8)], (1.0, 6.0)),  # 18/256 = 0.07
        ([float(value) for value in range(9)], (1.0, 7.0)),  # 20/512 = 0.04; one less: 92/512 = 0.18
        ([float(value) for value in range(15)], (3.0, 11.0)),
    ],
)
def test_the_spread_of_a_median_is_of_order_statistics(ratios: list[float], spread: tuple[float, float]) -> None:
    assert median_spread(ratios) == pytest.approx(spread, rel=1e-4)


def test_the_quantiles_of_few_values_are_those_of_student() -> None:
    """By the integral of Student's density with n - 1 degrees of freedom."""
    for count, quantile in _QUANTILES.items():
        freedom = count - 1
        scale = math.gamma((freedom + 1) / 2) / math.sqrt(freedom * math.pi) / math.gamma(freedom / 2)
        at = np.tan(np.linspace(0, math.atan(quantile), 200_001))
        within = np.trapezoid(scale * (1 + at**2 / freedom) ** (-(freedom + 1) / 2), at) * 2
        assert within == pytest.approx(0.99, abs=1e-4)


def test_three_pairs_decide_only_what_is_far_from_the_limit() -> None:
    assert of_ratios(1.0, 1.02, 1.04, limit=1.5).verdict == "good"
    assert of_ratios(1.0, 1.1, 1.2, limit=1.5).verdict == "unclear"
    assert of_ratios(1.9, 2.0, 2.1, limit=1.2).verdict == "over"


@pytest.mark.parametrize(
    ("figure", "verdict"),
    [
        (of_ratios(1.0, 1.1, 1.1, 1.1, 1.2, limit=1.2), "good"),
        (of_ratios(1.0, 1.1, 1.1, 1.1, 1.3, limit=1.2), "unclear"),
        (of_ratios(1.3, 1.4, 1.4, 1.4, 1.5, limit=1.2), "over"),
        (of_ratios(0.6, 0.7, 0.7, 0.7, 0.7, limit=0.6, at_most=False), "good"),
        (of_ratios(0.5, 0.7, 0.7, 0.7, 0.7, limit=0.6, at_most=False), "unclear"),
        (of_ratios(0.5, 0.5, 0.5, 0.5, 0.5, limit=0.6, at_most=False), "over"),
        (of_ratios(0.0, limit=0), "good"),
        (of_ratios(1e-5, limit=0), "over"),
        (of_ratios(9.0), ""),
    ],
)
def test_a_verdict_is_made_where_the_whole_spread_is_on_one_side_of_the_limit(figure: Figure, verdict: str) -> None:
    assert figure.verdict == verdict
    assert failed([figure]) is (verdict == "over")


def test_one_pair_of_nine_that_another_program_disturbed_changes_no_verdict() -> None:
    assert of_ratios(*[1.0] * 8, 9.0, limit=1.2).verdict == "good"
    assert of_ratios(*[1.0] * 4, 9.0, limit=1.2).verdict == "unclear"
    assert of_ratios(*[1.0] * 2, 9.0, limit=1.2).verdict == "unclear"


def test_a_goal_is_said_and_is_no_part_of_the_verdict() -> None:
    assert RATE.goal_line() == "goal ≥ 0.8: 0.7, not reached"
    assert FREE.goal_line() == "goal ≤ 45 s: 31 s, reached"
    assert TIME.goal_line() == ""
    assert not failed([RATE, FREE, Skipped("FastAPI", "no network")])


def test_limits_and_figures_are_words() -> None:
    assert [figure.bound() for figure in (RATE, TIME, FREE)] == ["≥ 0.6", "≤ 1.2", ""]
    assert [number(value) for value in (0.6123, 14.52, 7069.6)] == ["0.612", "14.5", "7,070"]
    assert [round(figure.times_better(), 9) for figure in (RATE, TIME)] == [round(0.7 / 0.6, 9), 0.8]


@pytest.mark.parametrize(("limit", "rounds"), [(2.0, 5), (1.5, 7), (90.0, 3)])
def test_measures_are_taken_in_turn_until_the_verdict_is_clear(limit: float, rounds: int) -> None:
    taken: list[str] = []

    def take(name: str) -> float:
        taken.append(name)
        return (1.0, 1.9)[taken.count(name) % 2] if name == "ours" else 1.0

    def made(found: Sequence[Mapping[str, float]]) -> list[Figure]:
        return [Figure("wall", tuple((each["ours"], each["peer"]) for each in found), "s", "bare", limit)]

    (figure,) = in_turn({"ours": lambda: take("ours"), "peer": lambda: take("peer")}, made, most=7)
    assert len(figure.pairs) == rounds
    words, _, beside = figure.unclear_line().partition("; the machine's load is ")
    if limit == 1.5:
        most = "7 pairs were taken, which are the most"
        assert words == f"its ratio lies between 1 and 1.9, and its limit is ≤ 1.5; {most}"
        assert re.fullmatch(rf"\d+\.\d on {CORES} cores", beside)
    else:
        assert words == ""
    assert taken[:6] == ["ours", "peer", "ours", "peer", "peer", "ours"]


@pytest.mark.parametrize(("load", "pairs"), [(0.5, 4), (2.0 * CORES, 8)])
def test_a_row_ends_with_its_budget_of_which_a_second_counts_less_beside_other_work(load: float, pairs: int) -> None:
    """Each pair takes two seconds; of a budget of eight there are no more than four on a machine of its own."""
    now = 0.0

    def take() -> float:
        nonlocal now
        now += 1
        return 1.0 + now % 3

    said: list[str] = []
    with within(Budget(8, say=said.append, clock=lambda: now, load=lambda: load)):
        (figure,) = in_turn({"ours": take, "peer": take}, lambda found: [unclear(len(found))], warm_up=False)
    assert len(figure.pairs) == pairs
    assert figure.reason.startswith(f"{pairs} pairs were taken, and the 8 s of this row are used up; the machine's")
    assert said[:3] == [
        "pair 1 of at least 3: wall",
        "pair 2 of at least 3: wall",
        "3 pairs, not certain yet: wall (bare)",
    ]
    assert len(said) == pairs - 1


def test_the_least_pairs_are_taken_whatever_the_budget() -> None:
    with within(Budget(0)):
        (figure,) = in_turn({"ours": lambda: 1.0}, lambda found: [unclear(len(found))])
    assert len(figure.pairs) == 3


def unclear(pairs: int) -> Figure:
    return of_ratios(*([1.0, 2.0] * pairs)[:pairs], limit=1.5)


def test_servers_are_under_load_in_turns_after_one_that_does_not_count() -> None:
    order: list[str] = []

    class Fixed:
        def __init__(self, name: str, seconds: float) -> None:
            self.name, self.seconds = name, seconds

        def turn(self, load: Load) -> None:
            order.append(self.name)
            load.answers += 100
            load.seconds += self.seconds
            load.latencies += [number / 1e3 for number in range(100, 0, -1)]

    loads = alternate({"ours": Fixed("ours", 0.5), "peer": Fixed("peer", 0.25)}, turns=3)
    assert order == ["ours", "peer", "ours", "peer", "peer", "ours", "ours", "peer"]
    assert {name: load.rate for name, load in loads.items()} == {"ours": 200.0, "peer": 400.0}
    assert (loads["ours"].p50, loads["ours"].p99) == (51.0, 100.0)


_TWO_CONNECTIONS = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
for _ in range(2):
    connection, _ = listener.accept()
    with connection:
        for _ in range(4):  # those of a turn, at least
            assert connection.recv(1 << 16).startswith(b"GET /ping HTTP/1.1\\r\\n")
            connection.sendall(b"HTTP/1.1 200 OK\\r\\ncontent-length: 0\\r\\n\\r\\n")
listener.close()
print("both", flush=True)
input()
"""
# A process of its own, whose processor time nothing else of a test run touches.


def test_a_connection_that_a_server_closed_between_two_turns_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvicorn keeps an idle connection for five seconds; beside other work the others' turns take longer."""
    monkeypatch.setattr(load, "TURN_SECONDS", 0.0)
    command = [sys.executable, "-I", "-S", "-c", _TWO_CONNECTIONS]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        target = load.HttpTarget(Server(server.pid, int(server.stdout.readline())), "/ping", 1)
        taken = Load()
        target.turn(taken)
        while not target._connections[0].is_ended():
            select.select([target._connections[0].socket], [], [], 10)
        target.turn(taken)
        target.close()
        assert server.stdout.readline() == "both\n"
        server.communicate("\n")
    assert server.returncode == 0
    assert taken.answers == 8
    assert 0 < taken.processor < 5


def test_a_server_that_only_closes_its_connections_is_no_measurement() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        target = load.HttpTarget(Server(os.getpid(), listener.getsockname()[1]), "/ping", 1)

        def refuse() -> None:
            for _ in range(6):
                listener.accept()[0].close()

        thread = threading.Thread(target=refuse)
        thread.start()
        with pytest.raises(SystemExit, match="the server closes its connections without an answer"):
            target.turn(Load())
        thread.join()
        target.close()


READ = Subject("read", "bare", processor=3, memory=2, goal=1.5, pace=1.2, held=1.1)


def linear(subject: str, rows: int) -> Use:
    """Twice the peer's processor time, and memory that does not grow."""
    ours = subject != "peer"
    return Use(rows * 2e-6, rows * (2e-6 if ours else 1e-6), 60.0 if ours else 40.0)


def test_what_is_linear_and_bounded_is_good_and_sizes_are_one_line() -> None:
    taken: list[tuple[str, int]] = []

    def measured(subject: str, rows: int) -> Use:
        taken.append((subject, rows))
        return linear(subject, rows)

    found = {figure.name: figure for figure in over_sizes({"read": READ}, (1_000, 10_000, 100_000), measured)}
    assert [taken.count(each) for each in (("read", 1_000), ("peer", 10_000), ("read", 10_000))] == [1, 1, 3]
    assert [taken.count((name, 100_000)) for name in ("read", "peer")] == [3, 3]
    largest = "read, 100,000 rows"
    assert {name: (round(figure.ratio, 9), figure.verdict) for name, figure in found.items() if figure.limit} == {
        f"{largest}: processor time": (2.0, "good"),
        f"{largest}: memory": (1.5, "good"),
        f"{largest}: processor time for one row": (1.0, "good"),
        f"{largest}: growth of memory": (1.0, "good"),
    }
    assert found[f"{largest}: time"].goal_line() == "goal ≤ 1.5: 1, reached"
    lines = growth(list(found.values()))
    assert {line: [each.size for each in points] for line, points in lines.items()} == {
        "read: time": [1_000, 10_000, 100_000],
        "read: memory": [1_000, 10_000, 100_000],
    }


def test_what_is_quadratic_or_holds_all_rows_is_over() -> None:
    sized = {
        rows: {"read": Use(1.0, rows**2 * 1e-9, rows * 1e-2), "peer": Use(1.0, rows * 1e-6, 1e3)}
        for rows in (1_000, 10_000, 20_000)
    }
    found = subject_figures(READ, "read", [sized] * 5)
    grown = [(each.name, round(each.ratio, 9), each.verdict) for each in found if each.peer == "at 10,000 rows"]
    assert grown == [
        ("read, 20,000 rows: processor time for one row", 2.0, "over"),
        ("read, 20,000 rows: growth of memory", 2.0, "over"),
    ]


def test_the_table_has_the_greatest_size_and_below_it_what_was_skipped_goals_and_notes(tmp_path: Path) -> None:
    points = [
        Figure(f"read, {size} rows: time", ((1, 1),), "s", "bare", line="read: time", size=size) for size in (1, 9)
    ]
    assert [figure.name for figure in shown([RATE, *points])] == ["answers", "read, 9 rows: time"]
    near = Figure("near", tuple((ratio, 1.0) for ratio in (1, 1, 1, 1, 9)), "s", "bare", 2, reason="no more")
    with (tmp_path / "out").open("w") as stream:
        rows: list[Row] = [RATE, TIME, near, *points, Skipped("FastAPI", "No network.")]
        show(Console(file=stream, width=150), rows, 2)
    text = (tmp_path / "out").read_text()
    assert "read, 9 rows: time" in text
    assert "read, 1 rows" not in text
    assert "good" in text
    assert "over" in text
    assert text.endswith(
        "skipped: FastAPI: No network.\n"
        "Unclear:\n"
        "  near: its ratio lies between 1 and 9, and its limit is ≤ 2; no more\n"
        "Goals, on a quiet machine; they are no part of the verdicts:\n"
        "  answers of empty answers: goal ≥ 0.8: 0.7, not reached\n"
        "Measured elsewhere, with AWS's published container code on two cores:\n"
        "  AWS: 3.9 s\n"
    )


def test_templates_are_measured_against_the_quotas_of_cloudformation(tmp_path: Path) -> None:
    (tmp_path / "assembly-dev").mkdir()
    template = json.dumps({"Resources": {f"R{number}": {} for number in range(50)}, "Outputs": {}}).ljust(100_001)
    (tmp_path / "assembly-dev" / "devhosting1.template.json").write_text(template)
    size, resources = template_figures(tmp_path)
    assert (size.name, round(size.ratio, 9)) == ("template of hosting with every setting: size", 0.100001)
    assert size.verdict == "over"
    assert (resources.ours, resources.ratio, resources.verdict) == (50, 0.1, "good")


def test_results_are_kept_and_drawn(tmp_path: Path) -> None:
    point = Figure("read, 9 rows: time", ((1, 1),), "s", "bare", line="read: time", size=9)
    results = Results(2, date(2026, 11, 29), {"serving": [RATE, Skipped("FastAPI", "No network.")], "read": [TIME]})
    results.save(tmp_path / "kept" / "results.json")
    assert Results.load(tmp_path / "kept" / "results.json") == results
    zero = Figure("failed", ((0, 24_000),), "requests", "sent", 0)  # no bar: it has no distance from its limit
    draw(Results(2, results.day, {**results.rows, "updates": [zero]}), tmp_path / "bars.png")
    draw(Results(2, results.day, {"read": [TIME, point]}), tmp_path / "lines.png")
    sizes = [(tmp_path / name).read_bytes()[16:24] for name in ("bars.png", "lines.png")]  # width and height of a PNG
    assert [int.from_bytes(size[4:]) for size in sizes] == [
        pytest.approx((1.6 + 2 * 0.36) * 100, abs=1),
        pytest.approx((1.6 + 0.36 + 2.8) * 100, abs=1),
    ]


def test_nothing_to_draw_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no figure has a limit"):
        draw(Results(2, date(2026, 11, 29), {"demo": [FREE]}), tmp_path / "none.png")


def test_the_page_has_each_row_and_its_budget() -> None:
    _, budgets, measured = re.split(r"^\| row \| budget.*$|^## What is measured$", PAGE.read_text("utf-8"), flags=re.M)
    found = re.findall(r"\| `(\w+)` \| (\d+) (?=\|)", budgets)
    assert sorted(found) == sorted((name, f"{row.budget:g}") for name, row in BENCHMARKS.items())
    assert sorted(re.findall(r"^\| `(\w+)` \|", measured, re.M)) == sorted(BENCHMARKS)
