"""What is done to an endpoint while requests go to it at a steady rate, and what came of each request."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from array import array
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import boto3

from benchmarks.cloud import ACCOUNT, REGION, running_cloud
from benchmarks.measure import is_running
from benchmarks.updates.site import ENDPOINT, INSTANCES, ONE, VARIANT, WRONG, Oracle, Site
from training.traffic.figures import Figures
from training.traffic.requests import Invocation
from training.traffic.runs import Traffic
from training.traffic.sender import Plan, Sent

TIME_FACTOR = 60.0
_CONNECTIONS = 256
_WAIT = 0.2
"""Share of a run that each wait of an update takes; half of that time nothing is done to the endpoint yet."""
_NO_ANSWER = ("timeout", "connection", "TLS failed", "name not resolved")
"""How kinds of failure begin that are no answer at all."""


class Watched(Figures):
    """Figures of requests during an update: which model answered when, and what failed when."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.answered: dict[str, array[float]] = defaultdict(lambda: array("d"))
        """Planned instants of the requests that the `old` and the `new` model answered, and of those that `failed`."""
        self._lags = array("d")
        self.began = float("inf")
        """The first planned instant, by time.monotonic."""

    def record(self, sent: Sent) -> None:
        super().record(sent)
        self.began = min(self.began, time.monotonic() - sent.planned - sent.latency)
        self._lags.append(sent.lag)
        self.answered[sent.outcome.model or "failed"].append(sent.planned)

    @property
    def sent_rate(self) -> float:
        """Requests a second that this machine came to send."""
        last = max((at + lag for at, lag in zip(self.planned, self._lags, strict=True)), default=0.0)
        return self.sent / (last + 1 / self.plan.rate)

    def since_sent(self) -> list[float]:
        """Seconds from the moment in which this machine came to send each request until it ended."""
        return [took - lag for took, lag in zip(self.latencies, self._lags, strict=True)]

    @property
    def lost(self) -> int:
        """Requests that had no answer."""
        return sum(count for kind, count in self.errors.items() if kind.startswith(_NO_ANSWER))

    @property
    def wrong(self) -> int:
        """Requests whose answer was that of none of the two models."""
        return self.errors[WRONG]

    def failed_apart(self, begin: float, end: float) -> int:
        """How many failed that were not on their way at some instant between two, by time.monotonic."""
        begin, end = begin - self.began, end - self.began
        times = zip(self.planned, self._lags, self.latencies, self.failed, strict=True)
        return sum(bool(failed) and (at + lag > end or at + took < begin) for at, lag, took, failed in times)


@dataclass
class Run:
    """One run: what was counted, and what was done to the endpoint when.

    marks: instants by time.monotonic, and what began then. dying: from the signal to the end of a killed process.
    """

    case: str
    figures: Watched
    marks: list[tuple[float, str]] = field(default_factory=list)
    dying: tuple[float, float] | None = None

    def mark(self, text: str) -> None:
        self.marks.append((time.monotonic(), text))

    @property
    def faults(self) -> int:
        """Requests that failed, were lost or had a wrong answer, but for those on their way as a process was killed."""
        return self.figures.failures if self.dying is None else self.figures.failed_apart(*self.dying)

    def fields(self) -> dict[str, Any]:
        """For programs, and for the picture."""
        figures = self.figures
        return {
            **{"case": self.case, **figures.fields(), "sent_rate": round(figures.sent_rate, 3)},
            **{"lost": figures.lost, "wrong": figures.wrong, "faults": self.faults},
            "marks": [[round(at - figures.began, 3), text] for at, text in self.marks],
            "answered_at": {name: [round(at, 3) for at in times] for name, times in figures.answered.items()},
        }


@dataclass(frozen=True)
class Stage:
    """What an act does something to, and for how long AWS's waits are. wait: AWS's seconds."""

    site: Site
    run: Run
    wait: int

    def blue_green(self, kind: str, **routing: Any) -> dict[str, Any]:
        return {
            "BlueGreenUpdatePolicy": {
                "TrafficRoutingConfiguration": {"Type": kind, "WaitIntervalInSeconds": self.wait, **routing},
                "TerminationWaitInSeconds": self.wait,
            }
        }

    def pause(self) -> None:
        time.sleep(self.wait / self.site.time_factor)


def _all_at_once(stage: Stage) -> None:
    stage.site.update(stage.run.mark, stage.blue_green("ALL_AT_ONCE"))


def _canary(stage: Stage) -> None:
    stage.site.update(stage.run.mark, stage.blue_green("CANARY", CanarySize=ONE))


def _linear(stage: Stage) -> None:
    stage.site.update(stage.run.mark, stage.blue_green("LINEAR", LinearStepSize=ONE))


def _rolling(stage: Stage) -> None:
    policy = {"MaximumBatchSize": ONE, "WaitIntervalInSeconds": stage.wait}
    stage.site.update(stage.run.mark, {"RollingUpdatePolicy": policy})


def _capacity(stage: Stage) -> None:
    for count in (2 * INSTANCES, INSTANCES):
        stage.site.scale(stage.run.mark, count)
        stage.run.mark(f"{count} instances")
        stage.pause()


def _rollback(stage: Stage) -> None:
    """A canary of a model that answers well, with an alarm of the new instances alone that any request raises."""
    site, config = stage.site, stage.site.config(stage.site.other)
    dimensions = {"EndpointName": ENDPOINT, "VariantName": VARIANT, "EndpointConfigName": config}
    site.cloudwatch.put_metric_alarm(
        AlarmName=config,
        Namespace="AWS/SageMaker",
        MetricName="Invocations",
        Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=max(1, stage.wait // 120),
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )
    course = stage.blue_green("CANARY", CanarySize=ONE)
    course["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["WaitIntervalInSeconds"] = 3600
    before = site.serving
    site.update(stage.run.mark, {**course, "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": config}]}}, config)
    if site.serving != before:
        raise SystemExit("error: the alarm did not roll the update back")


def _kill(stage: Stage) -> None:
    before = stage.site.processes()
    stage.run.mark("kill -9")
    signalled = time.monotonic()
    os.kill(before[0], signal.SIGKILL)
    while is_running(before[0]):  # then all is closed that it held: its folder is gone before its connections are
        time.sleep(0.001)
    stage.run.dying = (signalled, time.monotonic())
    stage.site.await_processes(lambda pids: len(pids) == INSTANCES and before[0] not in pids)
    stage.run.mark("a new process starts")
    stage.pause()


CASES: Mapping[str, Callable[[Stage], None]] = {
    "all at once": _all_at_once,
    "canary": _canary,
    "linear": _linear,
    "rolling": _rolling,
    "2 to 4 to 2 instances": _capacity,
    "rollback": _rollback,
    "kill -9 of a process": _kill,
}


@contextlib.contextmanager
def made_site(state: Path, time_factor: float = TIME_FACTOR) -> Iterator[Site]:
    """The endpoint in a cloud of its own, and this process's environment as its clients need it."""
    with running_cloud(state, time_factor) as cloud, patch.dict(os.environ):
        cloud.enter(ACCOUNT, REGION)
        yield Site(cloud, Oracle(), time_factor)


def run_case(site: Site, case: str, plan: Plan, *, wait: float | None = None) -> Run:
    """Send the plan's requests to the endpoint while something is done to it.

    wait: seconds of each wait of an update, and that no more is sent once it has ended; None: a share of the plan, all
    of which is sent. Raises SystemExit where what is done goes wrong or outlasts the plan, or a request is not counted.
    """
    run, ended, failure = Run(case, Watched(plan)), threading.Event(), []
    seconds = plan.seconds * _WAIT if wait is None else wait
    stage = Stage(site, run, round(seconds * site.time_factor))

    def act() -> None:
        try:
            time.sleep(seconds / 2)
            CASES[case](stage)
            run.mark("")
        except BaseException as error:  # the requests end, too, and then it is raised
            failure.append(error)
        ended.set()

    traffic = Traffic(
        Invocation(boto3.Session(), ENDPOINT), site.oracle.bodies, _CONNECTIONS, site.oracle.reader(site.serving)
    )
    actor = threading.Thread(target=act, name=case, daemon=True)
    actor.start()
    traffic.run(run.figures, stopped=lambda: bool(failure) or (wait is not None and ended.is_set()))
    over = ended.is_set()
    actor.join()
    for error in failure:
        raise error
    if not over:
        raise SystemExit(f"error: {case}: it was not over after {plan.seconds:g} s: send for longer")
    if wait is None and run.figures.sent != plan.count:
        raise SystemExit(f"error: {case}: {plan.count} requests were planned, {run.figures.sent} ended")
    return run
