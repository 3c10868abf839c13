"""What trains when nobody types `fit`: the new-data rule and the schedule of a deployed training stack."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from deployed_project import DeployedProject, make_deployed_project
from sagemaker_world import ACCOUNT, REGION, wait_for

from localcloud.cloud import LocalCloud

BY_ITSELF = """\
tags = { team = "rides" }
[environments.dev.training]
on_new_data = true
schedule = "rate(7 days)"
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, cloud: LocalCloud) -> DeployedProject:
    return make_deployed_project(tmp_path_factory.mktemp("by-itself"), cloud, BY_ITSELF)


def executions(project: DeployedProject, count: int) -> list[dict[str, Any]]:
    """The executions of the trigger, newest first, once there are at least so many and all have ended."""
    states = project.client("stepfunctions")
    found: list[dict[str, Any]] = wait_for(
        lambda: states.list_executions(stateMachineArn=project.names.state_machine_arn)["executions"],
        lambda each: len(each) >= count and all(one["status"] != "RUNNING" for one in each),
        60,
    )
    assert count in (0, len(found))
    return [states.describe_execution(executionArn=one["executionArn"]) for one in found]


@pytest.fixture(scope="module")
def queue(project: DeployedProject) -> str:
    """A queue that hears what this project's trigger tells the default bus."""
    sqs, events, name = project.client("sqs"), project.client("events"), f"{project.names.prefix}-heard"
    url: str = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = {"Version": "2012-10-17", "Statement": [{**allowed, "Resource": arn}]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    pattern = {"source": ["kickstand"], "detail": {"project": [project.names.environment.project]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": "heard", "Arn": arn}])
    return url


def heard(project: DeployedProject, queue: str) -> dict[str, Any]:
    """The next event in the queue."""
    sqs = project.client("sqs")
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    event: dict[str, Any] = json.loads(message["Body"])
    return event


def test_a_rate_starts_at_once_and_fails_before_the_first_upload(project: DeployedProject) -> None:
    """EventBridge Scheduler calls a rate without a StartDate when it is created."""
    (execution,) = executions(project, 1)
    assert json.loads(execution["input"]) == {"Manifest": "latest/manifest.json"}
    assert "nothing uploaded yet?" in execution["cause"]


def test_a_start_without_a_job_is_told_with_where_to_look(project: DeployedProject, queue: str) -> None:
    states = project.client("stepfunctions")
    started = states.start_execution(stateMachineArn=project.names.state_machine_arn, input="{}")["executionArn"]
    event = heard(project, queue)
    assert event["detail-type"] == "Training Job Failed"
    assert event["detail"]["next"] == f"aws stepfunctions describe-execution --execution-arn {started}"


def test_an_upload_trains_once_and_the_end_is_told_and_adopted(project: DeployedProject, queue: str) -> None:
    before = len(executions(project, 0))
    for _ in range(2):  # the second uploads nothing new, so that nothing starts
        uploaded = project.kickstand(project.cloud.root_key(ACCOUNT), "upload", "dev")
        assert uploaded.code == 0, uploaded.err
        assert "starts by itself" in uploaded.out
    execution = executions(project, before + 1)[0]
    assert execution["status"] == "SUCCEEDED", execution
    job = json.loads(execution["output"])

    event = heard(project, queue)
    assert event["detail-type"] == "Training Job Completed"
    assert event["detail"]["trainingJobName"] == job["TrainingJobName"]
    words = event["detail"]["next"].split()
    assert words == ["kickstand", "adopt", job["TrainingJobName"], "dev"]

    adopted = project.kickstand(project.cloud.root_key(ACCOUNT), *words[1:])
    assert adopted.code == 0, adopted.err
    release = json.loads((project.folder / "releases" / "dev.json").read_text())
    assert release["training_job"]["name"] == job["TrainingJobName"]
    tags = project.client("sagemaker").list_tags(ResourceArn=job["TrainingJobArn"])["Tags"]
    assert {"Key": "team", "Value": "rides"} in tags


def test_the_schedule_trains_on_what_was_uploaded_last(project: DeployedProject) -> None:
    before = len(executions(project, 0))
    scheduler = project.client("scheduler")
    made = scheduler.get_schedule(Name=project.names.schedule)
    assert made["ScheduleExpression"] == "rate(7 days)"
    due = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 1))
    # Nobody waits a week: the same target in the same group, once and now.
    kept = {key: made[key] for key in ("FlexibleTimeWindow", "Target")}
    scheduler.create_schedule(**kept, Name=f"{made['Name']}-now", ScheduleExpression=f"at({due})")

    (execution, *_) = executions(project, before + 1)

    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert json.loads(execution["input"]) == {"Manifest": "latest/manifest.json"}
    assert json.loads(execution["output"])["HyperParameters"]["num_round"] == "5"
