"""The search for the rate that an endpoint bears, on endpoints of a known limit; tables and pictures of runs."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

import pytest

from kickstand.console import make_console
from training.traffic.figures import Figures
from training.traffic.picture import draw_traffic
from training.traffic.runs import (
    FAILS,
    HOLDS,
    MOST_RATE,
    MOST_STEPS,
    SENDER,
    SLOW,
    Overload,
    Search,
    find_limit,
    most_seconds,
)
from training.traffic.sender import Outcome, Plan, Sent
from training.traffic.view import (
    progress_line,
    run_problem,
    run_sentences,
    run_table,
    search_fields,
    search_problem,
    search_sentences,
    search_table,
)


def figures(plan: Plan, latency: float, *, error: str = "", lag: float = 0.0, count: int = 200) -> Figures:
    """A run whose requests all take so many seconds."""
    made = Figures(plan)
    for number in range(count):
        made.record(Sent(number / plan.rate, lag, latency, Outcome(error, "all")))
    return made


def search(bears: float, first: float = 50, *, error: str = "", lag: float = 0.0) -> Search:
    """A search with a limit of 20 ms on an endpoint that answers in 5 ms up to a rate, and beyond it in a second."""

    def run(plan: Plan) -> Figures:
        return figures(plan, 0.005) if plan.rate <= bears else figures(plan, 1, error=error, lag=lag)

    return find_limit(run, Plan(first, 10), 20)


@pytest.mark.parametrize("bears", [50, 60, 99, 100, 333, 1000, 4000, 9999])
def test_the_rate_is_found_to_an_eighth(bears: float) -> None:
    found = search(bears)
    assert found.rate <= bears < found.rate * 1.125
    assert len(found.steps) <= MOST_STEPS
    assert {step.verdict for step in found.steps} == {HOLDS, SLOW}
    assert found.shown.plan.rate == found.rate


def test_the_steps_of_a_search() -> None:
    assert [step.figures.plan.rate for step in search(333).steps] == [50, 100, 200, 400, 300, 350, 325]


def test_a_search_is_bounded() -> None:
    found = search(1e9)
    assert (found.rate, found.ended_early) == (MOST_RATE, True)
    found = search(1e9, first=0.1)
    assert (found.rate, found.ended_early, len(found.steps)) == (0.1 * 2**8, True, 9)
    assert most_seconds(Plan(50, 30), searching=True) == 360
    assert most_seconds(Plan(50, 30), searching=False) == 30


@pytest.mark.parametrize(("error", "lag", "verdict"), [("timeout", 0, FAILS), ("", 0.9, SENDER), ("", 0, SLOW)])
def test_why_a_rate_does_not_hold(error: str, lag: float, verdict: str) -> None:
    assert search(100, error=error, lag=lag).steps[2].verdict == verdict


def test_a_first_rate_that_does_not_hold() -> None:
    found = search(10)
    assert (found.rate, len(found.steps)) == (0, 1)
    problem = search_problem(found, "bikes-dev")
    assert problem is not None
    assert problem.message == "At the first rate, 50 a second, p99 is 1,000.4 ms; the limit is 20 ms."
    problem = search_problem(search(10, error="ModelError 500"), "bikes-dev")
    assert problem is not None
    assert problem.message == "200 of 200 requests failed: ModelError 500: 200."
    assert search_problem(search(100), "bikes-dev") is None


def test_what_a_search_says() -> None:
    found = search(100)
    assert list(search_sentences(found, 2)) == [
        "100.0 requests a second within 20 ms (p99) on 2 instances: one bears 50.0 a second, 3,000 a minute.",
        "As a target of [hosting.scaling], half of what one bears: invocations_per_minute = 1500",
    ]
    assert list(search_sentences(search(100, lag=0.9), 1))[1:] == [
        "This machine could not send faster: the endpoint may bear more.",
        "As a target of [hosting.scaling], half of what one bears: invocations_per_minute = 3000",
    ]
    assert list(search_sentences(search(1e9), 1))[1:-1] == [
        "The search ended at its highest rate: the endpoint may bear more."
    ]
    fields = search_fields(found, "bikes-dev", 2)
    assert fields["requests_a_second_an_instance"] == 50
    assert fields["requests_a_minute_an_instance"] == 3000
    assert fields["invocations_per_minute"] == 1500
    assert [step["verdict"] for step in fields["steps"]] == [HOLDS, HOLDS, SLOW, SLOW, SLOW, SLOW]


def test_a_run_ends_once_more_than_a_hundredth_is_late_or_one_fails() -> None:
    run = Figures(Plan(100, 10))
    overload = Overload(run, 20)
    for number in range(30):
        run.record(Sent(0, 0, 0.5 if number % 3 == 0 else 0.02, Outcome()))
        assert not overload()
    run.record(Sent(0, 0, 0.0201, Outcome()))
    assert overload()
    run = Figures(Plan(100, 10))
    run.record(Sent(0, 0, 0.001, Outcome("timeout")))
    assert Overload(run, 20)()


def test_errors_variants_and_models_are_counted() -> None:
    run = Figures(Plan(10, 1))
    for number, outcome in enumerate(
        [
            *[Outcome("", "all", "released")] * 4,
            Outcome("", "all", "another"),
            *[Outcome("ModelError 500", "all")] * 2,
            Outcome("timeout"),
        ]
    ):
        run.record(Sent(number / 10, 0.0005, 0.1, outcome))
    fields = run.fields()
    assert {name: fields[name] for name in ("planned", "sent", "answered", "failed", "rate", "throughput")} == {
        "planned": 10,
        "sent": 8,
        "answered": 5,
        "failed": 3,
        "rate": 10,
        "throughput": 6.25,
    }
    assert fields["errors"] == {"ModelError 500": 2, "timeout": 1}
    assert fields["variants"] == {"all": 7}
    assert fields["golden_answers"] == {"released": 4, "another": 1}
    assert fields["sender_lag_ms"]["p99"] == pytest.approx(0.5, rel=0.001)
    assert list(run_sentences(run)) == ["1 of 5 golden rows had another answer than the release's."]
    assert progress_line(run) == ("8 of 10 at 10/s   p50 100.0 p99 100.0 ms   failed 3 (ModelError 500: 2, timeout: 1)")
    problem = run_problem(run, "bikes-dev")
    assert problem is not None
    assert problem.message == "3 of 8 requests failed: ModelError 500: 2, timeout: 1."


def test_a_run_without_requests_has_figures_and_no_picture(tmp_path: Path) -> None:
    run = Figures(Plan(10, 1))
    assert (run.latency(99), run.rate, run.throughput) == (0, 0, 0)
    with pytest.raises(ValueError, match="nothing to draw"):
        draw_traffic(run, title="t", file=tmp_path / "a.png")


@pytest.mark.parametrize("error", ["", "timeout"])
def test_a_picture_of_a_run(error: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = figures(Plan(50, 4), 0.01, error=error)
    draw_traffic(run, title="costs $5 \x1b[31m", file=tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", content[16:24]) == (1210, 605)


def test_tables(capsys: pytest.CaptureFixture[str]) -> None:
    console = make_console(sys.stdout)
    console.print(run_table(figures(Plan(50, 4), 0.01, error="ModelError 500"), "bikes-dev"))
    console.print(search_table(search(100), "bikes-dev"))
    lines = [" ".join(line.replace("│", " ").split()) for line in capsys.readouterr().out.splitlines()]
    for line in ("requests 200 of 200 planned", "ModelError 500 200", "latency p99 10.01 ms", "100.0 5.0 5.0 0 holds"):
        assert line in lines, lines
    assert "200.0 1,000.4 1,000.4 0 too slow" in lines
