"""Training jobs in the console: the newest, those that run with their rounds, one by its name."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from console_world import NOW, Clients, ask, reads, refused, source
from workspaces import workspace

from console.views.jobs import JOB, JOBS, duration, read_job, read_jobs
from kickstand.errors import InputError
from kickstand.workspace import Workspace

NAME = "bikes-dev-20261130-115800-abcd"
MARKUP = '<img src=x onerror="alert(1)">'


def summary(name: str, status: str = "Completed", **more: Any) -> dict[str, Any]:
    return {"TrainingJobName": name, "TrainingJobStatus": status, "CreationTime": NOW - timedelta(minutes=2), **more}


def job(name: str = NAME, status: str = "InProgress", **more: Any) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "TrainingJobArn": f"arn:aws:sagemaker:us-east-1:111122223333:training-job/{name}",
        "TrainingJobStatus": status,
        "SecondaryStatus": "Training",
        "HyperParameters": {"num_round": "10"},
        "ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        "CreationTime": NOW - timedelta(minutes=2),
        **more,
    }


class Log:
    """CloudWatch Logs with one stream, to which a test adds lines."""

    def __init__(self, *texts: str, host: str = "algo-1") -> None:
        self.events = [{"timestamp": n, "message": text} for n, text in enumerate(texts)]
        self.host = host

    def add(self, *texts: str) -> None:
        self.events += [{"timestamp": len(self.events) + n, "message": text} for n, text in enumerate(texts)]

    def streams(self, logStreamNamePrefix: str, **_: Any) -> Any:  # noqa: N803
        return {"logStreams": [{"logStreamName": f"{logStreamNamePrefix.rpartition('/')[0]}/{self.host}-1"}]}

    def get(self, nextToken: str = "0", **_: Any) -> Any:  # noqa: N803
        return {"events": self.events[int(nextToken) :], "nextForwardToken": str(len(self.events))}


def rounds(*numbers: int) -> tuple[str, ...]:
    return tuple(f"[{n}]#011train-rmse:{4 - n / 10}#011validation-rmse:{5 - n / 10}" for n in numbers)


def clients(log: Log, summaries: list[dict[str, Any]], described: Any = None, **more: Any) -> Clients:
    return Clients(
        {
            "sagemaker.list_training_jobs": {"TrainingJobSummaries": summaries},
            "sagemaker.list_transform_jobs": {"TransformJobSummaries": []},
            "sagemaker.describe_training_job": described or (lambda TrainingJobName: job(TrainingJobName)),  # noqa: N803
            "logs.describe_log_streams": log.streams,
            "logs.get_log_events": log.get,
            **more,
        }
    )


def test_a_job_that_runs_shows_its_rounds_as_they_come() -> None:
    log = Log("Arguments: train", *rounds(0, 1, 2))
    asked = clients(log, [summary(NAME, "InProgress")])
    opened = source(asked)
    first = opened.read_now(JOBS, {}).value
    (running,) = first.running
    assert (running.done, running.expected, running.last) == (3, 10, {"train-rmse": 3.8, "validation-rmse": 4.8})
    (chart,) = running.charts
    assert (chart.title, [line.label for line in chart.lines]) == ("rmse by round", ["train", "validation"])
    assert [tick.text for tick in chart.across] == ["0", "4", "9"]
    log.add(*rounds(3, 4))
    (running,) = opened.read_now(JOBS, {}).value.running
    assert (running.done, running.last["train-rmse"]) == (5, 3.6)
    assert JOBS.seconds(first) == 2.0
    reading = [sent for name, sent in asked.calls if name == "logs.get_log_events"]
    assert "nextToken" not in reading[0]
    assert "4" in [sent.get("nextToken") for sent in reading[1:]]


def test_a_job_that_began_anew_has_each_round_once() -> None:
    log = Log(*rounds(0, 1, 2, 3), *rounds(2, 3, 4))
    (running,) = read_jobs(reads(clients(log, [summary(NAME, "InProgress")]))).running
    assert running.done == 5


def test_folds_are_lines_of_their_own() -> None:
    parameters = {"num_round": "2", "_kfold": "2"}
    log = Log(*rounds(0, 1), *rounds(0, 1), *rounds(2))
    found = read_jobs(
        reads(clients(log, [summary(NAME, "InProgress")], lambda **_: job(HyperParameters=parameters)))
    ).running[0]
    assert (found.done, found.expected) == (4, 4)
    assert [line.label for line in found.charts[0].lines] == [
        "train, fold 1",
        "validation, fold 1",
        "train, fold 2",
        "validation, fold 2",
    ]


def test_the_newest_fifty_are_asked_for_and_older_ones_are_a_link_away() -> None:
    def listed(**sent: Any) -> Any:
        return {"TrainingJobSummaries": [summary(NAME)], **({} if "NextToken" in sent else {"NextToken": "a b/c"})}

    asked = clients(Log(), [], **{"sagemaker.list_training_jobs": listed})
    page = ask([JOBS], source(asked), f"/{'t' * 43}/jobs").body
    assert f'href="/{"t" * 43}/jobs?after=a%20b/c"' in page
    (sent,) = [sent for name, sent in asked.calls if name == "sagemaker.list_training_jobs"]
    assert sent == {
        "NameContains": "bikes-dev-",
        "SortBy": "CreationTime",
        "SortOrder": "Descending",
        "MaxResults": 50,
    }
    older = ask([JOBS], source(asked), f"/{'t' * 43}/jobs", query="after=a%20b/c").body
    assert "Older jobs" in older
    assert asked.calls[-2][1]["NextToken"] == "a b/c"


def test_jobs_of_others_are_not_listed_and_only_three_logs_are_read() -> None:
    names = [f"{NAME}-r{n}" for n in range(5)]
    found = read_jobs(
        reads(clients(Log(), [summary("other-bikes-dev-1"), *(summary(name, "InProgress") for name in names)]))
    )
    assert [row.name for row in found.rows] == names
    assert (len(found.running), found.not_followed, found.sentence) == (3, 2, "5 training jobs are running now.")


def test_a_failed_job_shows_its_reason_its_log_and_its_cost() -> None:
    times: dict[str, Any] = {
        "TrainingStartTime": NOW - timedelta(minutes=2),
        "TrainingEndTime": NOW,
        "BillableTimeInSeconds": 3600,
    }
    described = job(status="Failed", FailureReason="ClientError: bad data", **times)
    found = read_job(reads(clients(Log("one", "two"), [], lambda **_: described), job=NAME))
    assert (found.tone, found.running, found.took) == ("danger", False, "2 min")
    assert [line.text for line in found.tail] == ["one", "two"]
    assert found.cost.startswith("0.2300 USD: 3,600 billable seconds on 1 x ml.m5.xlarge, price of ")


def test_a_log_that_may_not_be_read_leaves_the_job() -> None:
    denied = refused(
        "DescribeLogStreams", "AccessDeniedException", "not authorized to perform: logs:DescribeLogStreams"
    )
    found = read_job(reads(clients(Log(), [], **{"logs.describe_log_streams": denied}), job=NAME))
    assert found.job.name == NAME
    assert "These credentials lack the permission logs:DescribeLogStreams" in found.log_problems[0].fix


def test_an_unknown_job_is_a_sentence() -> None:
    gone = refused("DescribeTrainingJob", "ValidationException", "Requested resource not found.")
    with pytest.raises(InputError, match="There is no training job of this name in account 111122223333"):
        read_job(reads(clients(Log(), [], **{"sagemaker.describe_training_job": gone}), job="none"))


def test_markup_in_every_text_of_a_job_is_text() -> None:
    source_of_data = {"S3DataSource": {"S3Uri": MARKUP, "S3DataType": MARKUP}}
    described = job(
        MARKUP,
        MARKUP,
        SecondaryStatus=MARKUP,
        FailureReason=MARKUP,
        HyperParameters={MARKUP: MARKUP, "num_round": "3"},
        AlgorithmSpecification={"TrainingImage": MARKUP},
        ModelArtifacts={"S3ModelArtifacts": MARKUP},
        InputDataConfig=[{"ChannelName": MARKUP, "ContentType": MARKUP, "DataSource": source_of_data}],
        SecondaryStatusTransitions=[{"Status": MARKUP, "StatusMessage": MARKUP, "StartTime": NOW}],
        FinalMetricDataList=[{"MetricName": MARKUP, "Value": 1.0}],
        ResourceConfig={"InstanceType": MARKUP, "InstanceCount": 1},
    )
    log = Log(MARKUP, "[0]#011<b>train</b>-<i>rmse</i>:1.5")
    asked = clients(log, [summary(NAME, MARKUP, SecondaryStatus=MARKUP)], lambda **_: described)
    asked.answers["sagemaker.list_transform_jobs"] = {
        "TransformJobSummaries": [
            {"TransformJobName": f"bikes-dev-{MARKUP}", "TransformJobStatus": MARKUP, "CreationTime": NOW}
        ]
    }
    pages = [ask([JOBS], source(asked), f"/{'t' * 43}/{path}").body for path in ("jobs", "jobs/bikes-dev-a")]
    for page in pages:
        assert "<img" not in page
        assert "<b>" not in page
        assert "<i>" not in page
    assert pages[0].count("&lt;img") >= 6
    assert pages[1].count("&lt;img") >= 16
    assert "&lt;i&gt;rmse&lt;/i&gt; by round" in pages[1]


def test_a_log_is_read_on_by_the_session_that_was_opened_anew() -> None:
    log = Log(*rounds(0, 1, 2))
    expired = clients(log, [summary(NAME, "InProgress")])
    opened: list[Clients] = []

    def reopen() -> Workspace:
        opened.append(clients(log, [summary(NAME, "InProgress")]))
        return workspace(opened[-1])

    read = source(expired, reopen=reopen)
    assert read.read_now(JOBS, {}).value.running[0].done == 3
    for name in expired.answers:
        expired.answers[name] = refused("Any", "ExpiredTokenException")
    assert read.read_now(JOBS, {}).value is None
    assert read.read_now(JOBS, {}).value.running[0].done == 3
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (-5, "0 s"), (59.6, "1 min"), (185, "3 min 5 s"), (7440, "2 h 4 min"), (266_400, "3 days 2 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(timedelta(seconds=seconds)) == text


def test_a_job_that_has_ended_is_read_once_a_minute() -> None:
    ended = read_job(reads(clients(Log(), [], lambda **_: job(status="Completed")), job=NAME))
    assert JOB.seconds(ended) == 60.0
