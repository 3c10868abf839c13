"""`kickstand traffic`: load on an endpoint at a steady rate, or the rate that one instance bears."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import expected_features, open_workspace
from cli.evaluate import own_rows, test_report
from cli.options import AS_JSON, ENV
from kickstand.console import echo_json
from kickstand.errors import InputError, KickstandError, Problem

if TYPE_CHECKING:
    from rich.console import Console

    from kickstand.workspace import Workspace
    from review.cost.spent import Hosted
    from training.traffic.figures import Figures
    from training.traffic.runs import Traffic
    from training.traffic.sender import Plan

_MOST_ROWS = 10_000
"""Rows of the test channel that are sent, again and again: the first ones."""
_MOST_ROWS_PER_REQUEST = 10_000
_ANSWER_BYTES = 20
"""Of one row, about: for the cost."""


def traffic(
    ctx: typer.Context,
    environment: ENV,
    rate: Annotated[float, typer.Option(metavar="N", help="Requests a second: 0.1 to 10,000.")] = 50,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="How long: 30s, 2m, 1h at most.")] = "30s",
    rows_per_request: Annotated[int, typer.Option(metavar="N", help="Rows of one request.")] = 1,
    find_limit: Annotated[
        float | None,
        typer.Option(
            metavar="MS",
            help="Double the rate until the 99th percentile of the latency passes this limit; report what one "
            "instance bears. --rate is the first rate, --for the time of each.",
        ),
    ] = None,
    connections: Annotated[int, typer.Option(metavar="N", help="Requests on their way, at most: 1 to 512.")] = 256,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw latencies and errors over time, as PNG.")
    ] = None,
    as_json: AS_JSON = False,
) -> None:
    """Send rows of the test channel to the endpoint at a steady rate; report errors and latencies."""
    from training.traffic.runs import find_limit as search
    from training.traffic.sender import Plan
    from training.traffic.view import (
        run_problem,
        run_sentences,
        run_table,
        search_fields,
        search_problem,
        search_sentences,
        search_table,
    )

    seconds = _seconds(duration)
    plan = Plan(rate, seconds)
    _require_bounds(plan, rows_per_request, connections, find_limit, picture)
    workspace, console = open_workspace(ctx, environment, data_on_stdout=as_json)
    target, hosted = _target(workspace, rows_per_request, connections)
    _say_cost(console, workspace, target, hosted, plan, searching=find_limit is not None)
    endpoint = workspace.names.endpoint
    screen = _Screen(console, endpoint)
    if find_limit is None:
        figures = screen.run(target, plan)
        _draw(figures, endpoint, picture)
        fields, table = {"endpoint": endpoint, **figures.fields()}, run_table(figures, endpoint)
        sentences = [*run_sentences(figures)]
        problem = run_problem(figures, endpoint)
    else:
        limit = find_limit
        found = search(lambda step: screen.run(target, step, limit=limit), plan, limit)
        _draw(found.shown, endpoint, picture)
        instances = sum(count for _, count in hosted.instances)
        fields, table = search_fields(found, endpoint, instances), search_table(found, endpoint)
        sentences = [*search_sentences(found, instances)]
        problem = search_problem(found, endpoint)
    if as_json:
        echo_json(json.dumps(fields, indent=2))
    else:
        console.print(table)
        for sentence in (*sentences, *([] if picture is None else [f"The picture is in {picture}."])):
            console.print(sentence)
    if problem is not None:
        raise KickstandError(problem)


_UNITS = {"s": 1, "m": 60, "h": 3600}


def _seconds(text: str) -> float:
    """Seconds of `30s`, `2m`, `0.5h`."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d{1,3})?)(s|m|h)", text.strip())
    if match is None:
        raise InputError(Problem(f"Expected a time, found {text!r}.", "--for", "For example: 30s, 2m, 1h."))
    return float(match[1]) * _UNITS[match[2]]


def _require_bounds(
    plan: Plan, rows_per_request: int, connections: int, limit: float | None, picture: Path | None
) -> None:
    """InputError with every option that is out of its range."""
    from training.traffic.runs import MOST_CONNECTIONS, MOST_RATE, MOST_REQUESTS, MOST_SECONDS, most_seconds

    longest = MOST_SECONDS if limit is None else MOST_SECONDS * plan.seconds / most_seconds(plan, searching=True)
    problems = []
    for name, value, low, high, unit in (
        ("--rate", plan.rate, 0.1, MOST_RATE, "requests a second"),
        ("--for", plan.seconds, 1, longest, "seconds"),
        ("--rows-per-request", rows_per_request, 1, _MOST_ROWS_PER_REQUEST, "rows"),
        ("--connections", connections, 1, MOST_CONNECTIONS, "connections"),
        ("--find-limit", 1 if limit is None else limit, 0.1, 60_000, "milliseconds"),
    ):
        if not low <= value <= high:
            problems.append(Problem(f"Expected {low:g} to {high:,g} {unit}, found {value:g}.", name))
    if not problems and plan.count > MOST_REQUESTS:
        message = f"{plan.count:,} requests are more than {MOST_REQUESTS:,}, the most of one run."
        problems.append(Problem(message, "--rate and --for", "Send fewer, or for a shorter time."))
    if picture is not None and (picture.is_dir() or not picture.parent.is_dir()):
        problems.append(Problem("Expected the name of a file in a folder that exists.", str(picture)))
    if problems:
        raise InputError(*problems)


def _target(workspace: Workspace, rows_per_request: int, connections: int) -> tuple[Traffic, Hosted]:
    """What is sent and where to. Raises InputError or KickstandError: no release, test channel or endpoint."""
    from kickstand.aws.deployed import SERVING, find_endpoint
    from kickstand.aws.errors import explained
    from review.cost.spent import hosted_endpoint
    from training.model.golden_rows import read_golden
    from training.prediction.batches import batches
    from training.traffic.requests import Invocation, make_bodies
    from training.traffic.runs import Traffic

    release, endpoint = workspace.release(), workspace.names.endpoint
    expected = expected_features(workspace)
    with (
        own_rows(workspace, test_report(workspace), width=expected.features + 1 if expected else 0) as rows,
        rows.features() as features,
    ):
        checked = batches(features, rows.source, expected=expected)
        lines = list(islice((line for batch in checked for line in batch.body.decode().splitlines()), _MOST_ROWS))
    sagemaker = workspace.session.client("sagemaker")
    with explained(f"looking at the endpoint {endpoint}"):
        described = find_endpoint(sagemaker, endpoint)
    if described is not None and (status := described["EndpointStatus"]) not in SERVING:
        message = f"The endpoint is {status}, so it does not answer. {described.get('FailureReason', '')}"
        raise KickstandError(Problem(message.strip(), f"endpoint {endpoint}"))
    hosted = hosted_endpoint(sagemaker, endpoint)
    if hosted is None:
        fix = f"Deploy it first: {workspace.command('deploy')}"
        raise KickstandError(Problem("There is no such endpoint.", f"endpoint {endpoint}", fix))
    golden = read_golden(workspace.session.client("s3"), release.golden_rows)
    bodies = make_bodies(lines, golden, rows_per_request=rows_per_request)
    return Traffic(Invocation(workspace.session, endpoint), bodies, connections), hosted


_COUNTED = 100_000
"""Requests whose data is in the cost of a search, which may send more or less."""


def _say_cost(
    console: Console, workspace: Workspace, target: Traffic, hosted: Hosted, plan: Plan, *, searching: bool
) -> None:
    """Say, before anything is sent, what it costs on AWS."""
    from kickstand.aws.prices import price_table
    from review.cost.spent import together, traffic_cost
    from training.traffic.runs import most_seconds

    table, count = price_table(), _COUNTED if searching else plan.count
    mean = sum(len(body.content) for body in target.bodies) / len(target.bodies)
    spent = traffic_cost(
        hosted,
        workspace.environment.region,
        table,
        seconds=most_seconds(plan, searching=searching),
        sent=round(count * mean),
        answered=count * target.bodies[0].rows * _ANSWER_BYTES,
        as_of=datetime.now(UTC).date(),
    )
    several = f", each {_COUNTED:,} requests" if searching else f", {count:,} requests"
    console.print(f"On AWS this costs about {together(spent):,.4f} {table.currency}{several}:")
    for one in spent:
        amount = "no price" if one.amount is None else f"{one.amount:,.4f}"
        console.print(f"  {amount:>9}  {one.what}: {one.how}")


@dataclass(frozen=True, slots=True)
class _Screen:
    """Runs with one line that says how they go, where a person watches."""

    console: Console
    endpoint: str

    def run(self, target: Traffic, plan: Plan, *, limit: float | None = None) -> Figures:
        """Send a plan. limit: milliseconds of p99 at which the run ends early. Ctrl-C shows what was counted."""
        from kickstand.aws.errors import explained
        from training.traffic.figures import Figures
        from training.traffic.runs import Overload
        from training.traffic.view import run_table

        figures = Figures(plan)
        stopped = (lambda: False) if limit is None else Overload(figures, limit)
        with explained(f"sending requests to the endpoint {self.endpoint}"), self._live(figures) as tick:
            try:
                target.run(figures, tick=tick, stopped=stopped)
            except KeyboardInterrupt:
                self.console.print(run_table(figures, self.endpoint))
                raise
        return figures

    @contextmanager
    def _live(self, figures: Figures) -> Iterator[Callable[[], None]]:
        if not self.console.is_terminal:
            yield lambda: None
            return
        from rich.live import Live

        from training.traffic.view import progress_line

        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            yield lambda: live.update(progress_line(figures), refresh=True)


def _draw(figures: Figures, endpoint: str, file: Path | None) -> None:
    from training.traffic.picture import draw_traffic

    if file is not None and figures.sent:
        title = f"{endpoint}: {figures.plan.rate:g} requests a second, {figures.failures:,} of {figures.sent:,} failed"
        draw_traffic(figures, title=title, file=file)
