"""A training job's log in CloudWatch Logs, and the boosting rounds in it, of one model or fold by fold.

Group `/aws/sagemaker/TrainingJobs`, one stream an instance: `JOB/algo-1-EPOCH`
(https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html).

A cross-validation trains one model after another, each counted from 0 again. Behind the folds the container writes
lines that look like a round's, numbered `num_round`, one more than any has: the means over the folds of each
repetition, and behind several repetitions those over all.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError

from kickstand.aws.errors import AWS_FAILURES, error_code
from training.job.jobs import JobDescription

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
TRANSFORM_LOG_GROUP = "/aws/sagemaker/TransformJobs"
_PAGES_A_READ = 200
_DATA_LOG_TAIL = 8
"""Lines of a failed transform job's data log that are shown."""

# The container writes a tab, which CloudWatch shows as `#011`.
_ROUND = re.compile(r"\[(\d+)\]\t(\S+:\S+(?:\t\S+:\S+)*)")


@dataclass(frozen=True, slots=True)
class Round:
    """One boosting round, counted from 0, with its metrics by xgboost's names (`train-rmse`), in its order.

    fold: which model of a cross-validation it belongs to, counted from 0, where that is known.
    """

    number: int
    metrics: Mapping[str, float]
    fold: int = 0


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of the log: milliseconds since 1970, the host (`algo-1`), the text."""

    time: int
    host: str
    text: str


def parse_round(line: str) -> Round | None:
    """The round that a line reports; None for any other line.

    `[0]#011train-rmse:2.88379#011validation-rmse:2.90972` -> Round(0, {"train-rmse": 2.88379, ...})
    """
    found = _ROUND.search(line.replace("#011", "\t"))
    if found is None:
        return None
    metrics = {}
    for field in found[2].split("\t"):
        name, _, value = field.rpartition(":")
        try:
            metrics[name] = float(value)
        except ValueError:
            return None
    return Round(int(found[1]), metrics)


class Log(Protocol):
    """What reads a job's log: `JobLog`."""

    @property
    def streams(self) -> Sequence[str]: ...

    def started_over(self, times: int) -> None: ...

    def read(self) -> list[LogLine]: ...


class JobLog:
    """Reads one job's log on from where it last stopped.

    logs: a CloudWatch Logs client. instances: how many streams to expect.
    """

    def __init__(self, logs: CloudWatchLogsClient, job: str, instances: int = 1) -> None:
        self._logs = logs
        self._job = job
        self._instances = max(1, instances)
        self._runs = 1
        self._tokens: dict[str, str | None] = {}

    def started_over(self, times: int) -> None:
        """Expect the streams of that many more runs: on other instances a job writes to other streams."""
        self._runs = 1 + times

    @property
    def streams(self) -> tuple[str, ...]:
        """The names of the streams found so far."""
        return tuple(self._tokens)

    def read(self) -> list[LogLine]:
        """The lines that came since the last call, in time order; none while the log is not there yet.

        Raises botocore's ClientError where AWS refuses or throttles; nothing that was not returned is lost.
        """
        lines: list[LogLine] = []
        try:
            if len(self._tokens) < self._instances * self._runs:
                self._find_streams()
            for stream in self._tokens:
                self._read_stream(stream, lines)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException" and not lines:
                raise
        return sorted(lines, key=lambda line: line.time)

    def _find_streams(self) -> None:
        request: dict[str, Any] = {"logGroupName": LOG_GROUP, "logStreamNamePrefix": f"{self._job}/algo-"}
        while True:
            answer = self._logs.describe_log_streams(**request)
            for stream in answer.get("logStreams", ()):
                self._tokens.setdefault(stream["logStreamName"], None)
            if not answer.get("nextToken"):
                return
            request["nextToken"] = answer["nextToken"]

    def _read_stream(self, stream: str, lines: list[LogLine]) -> None:
        host = "-".join(stream.rpartition("/")[2].split("-")[:2])
        for _ in range(_PAGES_A_READ):
            token = self._tokens[stream]
            request: dict[str, Any] = {"logGroupName": LOG_GROUP, "logStreamName": stream, "startFromHead": True}
            answer = self._logs.get_log_events(**request | ({"nextToken": token} if token else {}))
            lines += [LogLine(event["timestamp"], host, event["message"]) for event in answer["events"]]
            self._tokens[stream] = answer["nextForwardToken"]
            # The same token back is CloudWatch's way to say that this is the end for now; an empty page is not.
            if answer["nextForwardToken"] == token:
                return


@dataclass(slots=True)
class FoldCount:
    """Which fold the log has come to.

    models: how many the job makes. rounds: how many each has at most (`num_round`).
    """

    models: int
    rounds: int
    _fold: int = 0
    _last: int = -1
    _host: str = ""

    def place(self, done: Round, host: str) -> Round | None:
        """A line's round with its fold; None where another host tells it once more.

        A line of means has the fold behind the last one told, and the number `rounds`.
        """
        self._host = self._host or host
        if host != self._host:
            return None
        if done.number >= self.rounds:
            return Round(done.number, done.metrics, min(self._fold + 1, self.models))
        if done.number <= self._last:
            self._fold += 1
        self._last = done.number
        return Round(done.number, done.metrics, self._fold)

    def start_over(self) -> None:
        """The job begins anew, on another instance."""
        self._fold, self._last = 0, -1


def fold_rounds(rounds: Sequence[Round], models: int, most: int) -> tuple[tuple[Round, ...], ...]:
    """The rounds of each fold, in the order of the folds; none where folds are missing.

    rounds: as the log has them, in order; of a job that began anew the last folds are those of its models.
    models: how many the job made. most: `num_round`; what is numbered so is no round.
    """
    folds: list[list[Round]] = []
    for done in rounds:
        if done.number >= most:
            continue
        if done.number == 0 or not folds:
            folds.append([])
        folds[-1].append(done)
    made = folds[-models:]
    return tuple(map(tuple, made)) if len(made) == models else ()


def mean_rounds(folds: Sequence[Sequence[Round]]) -> tuple[Round, ...]:
    """The mean over the folds at each round, up to the last that all of them have; of one model its own rounds."""
    if len(folds) == 1:
        return tuple(folds[0])
    shortest = min(map(len, folds), default=0)
    return tuple(mean_round([fold[number] for fold in folds]) for number in range(shortest))


def mean_round(rounds: Sequence[Round]) -> Round:
    """The mean of rounds, one of each fold, of the metrics that all of them have."""
    first = rounds[0]
    named = [name for name in first.metrics if all(name in done.metrics for done in rounds)]
    return Round(first.number, {name: sum(done.metrics[name] for done in rounds) / len(rounds) for name in named})


_LATE_READS = 3
"""Times that a log is read again, a second apart: CloudWatch may be a few seconds behind a job that has ended."""


def rounds_of(lines: Iterable[LogLine]) -> tuple[Round, ...]:
    """The rounds that made the model, by number.

    lines: of all streams; a spot job that was interrupted has one more each time, and goes on from its checkpoint:
    of a round that was trained twice the last one counts, and rounds behind a restart that did not come again do not.
    """
    kept: list[Round] = []
    for line in sorted(lines, key=lambda line: line.time):
        done = parse_round(line.text)
        if done is None:
            continue
        while kept and kept[-1].number >= done.number:
            kept.pop()
        kept.append(done)
    return tuple(kept)


def runs_of(lines: Iterable[LogLine], job: JobDescription) -> tuple[tuple[Round, ...], ...]:
    """The rounds of each model that a job made, of a cross-validation fold by fold; none before the log has them."""
    if job.models == 1:
        rounds = rounds_of(lines)
        return (rounds,) if rounds else ()
    logged = sorted((line for line in lines if parse_round(line.text)), key=lambda line: line.time)
    # One host writes them; where several do, they write the same.
    read = [done for line in logged if line.host == logged[0].host and (done := parse_round(line.text))]
    # The means end a repetition: without them the last fold may still lack rounds.
    if job.rounds is None or not read or read[-1].number < job.rounds:
        return ()
    return fold_rounds(read, job.models, job.rounds)


def read_runs(log: Log, job: JobDescription, *, sleep: Callable[[float], None]) -> tuple[tuple[Round, ...], ...]:
    """Every round of a job's log, model by model; none where there is no log any more.

    log: not read yet. sleep: seconds. Raises botocore's errors.
    """
    lines: list[LogLine] = []
    for further in range(_LATE_READS + 1):
        while read := [line for line in log.read() if parse_round(line.text)]:
            lines += read
        runs = runs_of(lines, job)
        if runs and (job.models > 1 or runs[0][-1].number + 1 == job.rounds or _is_the_last(runs[0][-1], job)):
            break
        if further < _LATE_READS:
            sleep(1.0)
    return runs


def _is_the_last(done: Round, job: JobDescription) -> bool:
    """Whether a round can be the last of a job that stops early: SageMaker's final metrics are its own."""
    if "early_stopping_rounds" not in job.hyperparameters:
        return False
    logged = {name.replace("-", ":", 1): value for name, value in done.metrics.items() if math.isfinite(value)}
    return all(
        math.isclose(value, job.metrics[name], rel_tol=1e-5) for name, value in logged.items() if name in job.metrics
    )


def data_log_tail(logs: CloudWatchLogsClient, job: str) -> list[str]:
    """The end of a transform job's data log, which says what SageMaker's FailureReason only points at; may be empty."""
    found: list[str] = []
    try:
        streams = logs.describe_log_streams(logGroupName=TRANSFORM_LOG_GROUP, logStreamNamePrefix=f"{job}/")
        for stream in streams["logStreams"]:
            if stream["logStreamName"].endswith("/data-log"):
                answer = logs.get_log_events(
                    logGroupName=TRANSFORM_LOG_GROUP, logStreamName=stream["logStreamName"], limit=_DATA_LOG_TAIL
                )
                found += [event["message"] for event in answer["events"]]
    except AWS_FAILURES:
        return found  # the reason is shown without them
    return found[-_DATA_LOG_TAIL:]
