"""An endpoint that stops by itself, deployed by `kickstand`: its notice, its end, its way back, what is in its way."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from fit_world import rows
from hosted_project import TOML, HostedProject, train
from sagemaker_world import ACCOUNT, REGION, wait_for
from topic_queue import messages, queue_for

from localcloud.cloud import LocalCloud

FACTOR = 240
"""An hour takes a quarter of a minute."""
ENDS = 'expires_after = "1h"\n[environments.dev.alerts]\nemails = ["team@example.com"]\n'
SLOW = "[environments.dev.hosting.update]\nbake_seconds = 2400\n"
"""An update takes longer than there is between the notice and the end."""


class Stopping(HostedProject):
    """A project whose endpoint lives for an hour."""

    def write(self, *tables: str) -> None:
        name = f"x{self.folder.name[-8:]}".replace("_", "").lower()
        text = TOML.format(name=name, account=ACCOUNT, region=REGION) + "".join(tables)
        (self.folder / "kickstand.toml").write_text(text)

    def stack(self) -> dict[str, Any] | None:
        """As CloudFormation describes it by its name; None where it does not."""
        try:
            found = self.client("cloudformation").describe_stacks(StackName=self.names.hosting_stack)["Stacks"]
        except ClientError:
            return None
        return dict(found[0])

    def deployed(self) -> None:
        """Deploy where the endpoint has stopped meanwhile."""
        if self.stack() is None:
            self.type("deploy", "dev", "--yes").good()

    def await_end(self, seconds: float) -> None:
        wait_for(self.stack, lambda found: found is None, seconds)

    def executions(self) -> list[dict[str, Any]]:
        """Of the stop machine, the newest first."""
        found: list[dict[str, Any]] = self.client("stepfunctions").list_executions(
            stateMachineArn=self.names.stop_machine_arn
        )["executions"]
        return found

    def states_of(self, execution: str) -> list[str]:
        pages = self.client("stepfunctions").get_paginator("get_execution_history").paginate(executionArn=execution)
        events = (event for page in pages for event in page["events"])
        return [one["stateEnteredEventDetails"]["name"] for one in events if "stateEnteredEventDetails" in one]

    def announced(self) -> str | None:
        """The execution that has given notice and not stopped anything yet."""
        running = [one["executionArn"] for one in self.executions() if one["status"] == "RUNNING"]
        return next((one for one in running if self.states_of(one)[-1:] == ["Last wait"]), None)

    def start(self, reason: str) -> str:
        return str(
            self.client("stepfunctions").start_execution(
                stateMachineArn=self.names.stop_machine_arn, input=json.dumps({"Reason": reason})
            )["executionArn"]
        )

    def ended(self, execution: str) -> str:
        """The status in which an execution ends."""
        found = wait_for(
            lambda: self.client("stepfunctions").describe_execution(executionArn=execution)["status"],
            lambda status: status != "RUNNING",
            30,
        )
        return str(found)

    def billed(self) -> dict[str, list[str]]:
        """What an endpoint is made of, by kind: names of what there is in the account."""
        sagemaker, cloudwatch = self.client("sagemaker"), self.client("cloudwatch")
        return {
            "endpoints": [one["EndpointName"] for one in sagemaker.list_endpoints()["Endpoints"]],
            "configurations": [
                one["EndpointConfigName"] for one in sagemaker.list_endpoint_configs()["EndpointConfigs"]
            ],
            "models": [one["ModelName"] for one in sagemaker.list_models()["Models"]],
            "targets": [
                one["ResourceId"]
                for one in self.client("application-autoscaling").describe_scalable_targets(
                    ServiceNamespace="sagemaker"
                )["ScalableTargets"]
            ],
            "alarms": sorted(one["AlarmName"] for one in cloudwatch.describe_alarms()["MetricAlarms"]),
        }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stopping]:
    """Its training stack and a release; nothing is hosted."""
    folder = tmp_path_factory.mktemp(f"x{uuid.uuid4().hex[:6]}")
    cloud = LocalCloud(folder / "state")
    cloud.start(port=0, time_factor=FACTOR)
    try:
        (folder / "train.csv").write_text(rows(200, 0))
        made = Stopping(folder, cloud)
        made.write(ENDS, SLOW)
        made.type("deploy", "dev", "--yes").good()
        made.release(made.serving)
        yield made
    finally:
        cloud.stop(discard=True)


@pytest.mark.contract("L02", "L08")
def test_it_stops_after_a_notice_costs_nothing_and_comes_back(project: Stopping) -> None:
    url, arn = queue_for(project.client, "sns.amazonaws.com")
    project.client("sns").subscribe(TopicArn=str(project.names.alert_topic_arn), Protocol="sqs", Endpoint=arn)
    done = project.type("deploy", "dev", "--yes").good()
    began, stack = time.monotonic(), project.stack()
    assert stack is not None
    assert f"{project.names.endpoint} stops on " in done.out
    shown = project.type("status", "dev").good().out
    assert "1h after its last deployment (expires_after)." in " ".join(shown.split())
    project.await_end(60)
    assert time.monotonic() - began > 0.8 * 3600 / FACTOR
    assert project.billed() == {
        **{kind: [] for kind in ("endpoints", "configurations", "models", "targets")},
        "alarms": [
            project.names.alarm(what) for what in ("not-started", "stop-failed", "stop-lost", "training-failed")
        ],
    }
    by_id = project.client("cloudformation").describe_stacks(StackName=stack["StackId"])["Stacks"][0]
    assert by_id["StackStatus"] == "DELETE_COMPLETE"
    heard: list[str] = []
    while len(heard) < 2:  # alarms that are OK are told of too
        (one,) = messages(project.client, url, 1)
        heard += [one["Subject"]] if one["Subject"].startswith(f"{project.names.endpoint}: ") else []
    assert heard == [f"{project.names.endpoint}: {what}" for what in ("stops soon", "stopped")]
    again = project.type("status", "dev").good().out
    assert "is not there. It comes back by:" in " ".join(again.split())
    project.type("deploy", "dev", "--yes").good()
    assert project.who_answers() == {"released"}


def test_an_execution_that_is_one_too_many_ends_at_once(project: Stopping) -> None:
    project.deployed()
    extra = [project.start("watch"), project.start("watch")]
    assert [project.ended(one) for one in extra] == ["SUCCEEDED", "SUCCEEDED"]
    assert [project.states_of(one)[-1] for one in extra] == ["Watched already", "Watched already"]


@pytest.mark.contract("L03")
def test_an_update_at_the_end_is_waited_for_and_the_time_starts_anew(project: Stopping) -> None:
    project.deployed()
    model = train(31)
    watch = str(wait_for(project.announced, lambda found: found is not None, 40))
    began = time.monotonic()
    assert project.update(model) == "UPDATE_COMPLETE"
    project.serving = model
    assert time.monotonic() - began > 1800 / FACTOR
    assert project.who_answers() == {"released"}
    project.await_end(60)
    assert project.ended(watch) == "SUCCEEDED"
    assert project.states_of(watch).count("Announce") == 2


@pytest.mark.contract("Z08")
def test_a_schedule_whose_role_is_gone_raises_an_alarm(project: Stopping) -> None:
    iam, alarm = project.client("iam"), project.names.alarm("stop-lost")
    schedule = project.client("scheduler").get_schedule(Name=project.names.stop_schedule("watch"))
    role, policy = schedule["Target"]["RoleArn"].rpartition("/")[2], f"{project.names.stop_machine}-schedules"
    iam.delete_role_policy(RoleName=role, PolicyName=policy)
    iam.delete_role(RoleName=role)
    wait_for(
        lambda: project.client("cloudwatch").describe_alarms(AlarmNames=[alarm])["MetricAlarms"][0]["StateValue"],
        lambda state: state == "ALARM",
        60,
    )
    assert "Its role" in project.type("doctor", "dev").out
