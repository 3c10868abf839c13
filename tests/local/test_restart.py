"""What a killed local cloud left at work, at its next start: stacks, change sets and executions all have an end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from killed_server import kill
from state_machines import ACCOUNT, Client, allow, ended, new_machine, new_role

from localcloud.cloud import LocalCloud

REASON = "The local cloud ended while this operation was running."
HANDLE = {"Type": "AWS::CloudFormation::WaitConditionHandle"}
STUCK = {
    "Type": "AWS::CloudFormation::WaitCondition",
    "DependsOn": ["Before"],
    "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "600"},
}


@dataclass
class Killed:
    """A cloud that was killed in the midst of everything, and started again."""

    client: Client
    executions: dict[str, str]
    """What each was doing -> its ARN."""
    scheduled: dict[str, str]
    """State machines that a schedule calls once."""
    moment: float
    """When it was gone."""


WAIT = {"Type": "Wait", "Seconds": 60, "End": True}
INTERRUPTED: dict[str, dict[str, Any]] = {
    "waiting": {
        "First": {"Type": "Pass", "Assign": {"who": "{% $states.input.name %}"}, "Next": "Wait"},
        "Wait": {"Type": "Wait", "Seconds": "{% 4 %}", "Output": {"in": "{% $states.input %}"}, "Next": "Last"},
        "Last": {"Type": "Pass", "Output": {"who": "{% $who %}", "wait": "{% $states.input %}"}, "End": True},
    },
    "waiting long": {"Wait": WAIT},
    "at work": {"Both": {"Type": "Parallel", "Branches": [{"StartAt": "Wait", "States": {"Wait": WAIT}}], "End": True}},
}
"""The states that executions are in when the local cloud is killed."""


def start(client: Client, states: dict[str, Any]) -> str:
    machine = new_machine(client, new_role(client), states)
    given = json.dumps({"name": "dev"})
    return str(client("stepfunctions").start_execution(stateMachineArn=machine, input=given)["executionArn"])


def once(client: Client, seconds: float) -> str:
    """A state machine that is started so many seconds from now."""
    machine = new_machine(client, new_role(client), {"Done": {"Type": "Succeed"}})
    role = new_role(client, "scheduler.amazonaws.com", allow("states:StartExecution", machine))
    due = datetime.fromtimestamp(time.time() + seconds, UTC)
    client("scheduler").create_schedule(
        Name=machine.rpartition(":")[2],
        ScheduleExpression=f"{due:at(%Y-%m-%dT%H:%M:%S)}",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": machine, "RoleArn": role},
    )
    return machine


def parameter(name: str, value: str) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Name": name, "Type": "String", "Value": value}}


def template(**resources: Any) -> str:
    return json.dumps({"Resources": resources})


def status(client: Client, stack: str) -> str:
    return str(client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])


def wait_for(client: Client, stack: str, *wanted: str) -> str:
    deadline = time.time() + 20
    while (found := status(client, stack)) not in wanted:
        assert time.time() < deadline, f"{stack} is {found}"
        time.sleep(0.05)
    return found


def value(client: Client, name: str) -> str | None:
    ssm = client("ssm")
    try:
        return str(ssm.get_parameter(Name=name)["Parameter"]["Value"])
    except ssm.exceptions.ParameterNotFound:
        return None


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    cloud = LocalCloud(tmp_path_factory.mktemp("killed"))
    cloud.start(port=0)

    def client(service: str) -> Any:
        return cloud.client(service, ACCOUNT, "us-east-1")

    cfn = client("cloudformation")
    old = template(Before=parameter("/updated", "1"), Other=parameter("/replaced/old", "1"))
    cfn.create_stack(StackName="updating", TemplateBody=old)
    wait_for(client, "updating", "CREATE_COMPLETE")
    new = template(
        Before=parameter("/updated", "2"),
        Other={**parameter("/replaced/new", "1"), "DependsOn": ["Before"]},
        Handle=HANDLE,
        Stuck={**STUCK, "DependsOn": ["Before", "Other"]},
    )
    cfn.update_stack(StackName="updating", TemplateBody=new)
    stuck = template(Before=parameter("/created", "1"), Handle=HANDLE, Stuck=STUCK)
    cfn.create_change_set(StackName="creating", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=stuck)
    cfn.execute_change_set(StackName="creating", ChangeSetName="c")
    wait_for(client, "creating", "CREATE_IN_PROGRESS")
    wait_for(client, "updating", "UPDATE_IN_PROGRESS")
    deadline = time.time() + 10
    while value(client, "/replaced/new") is None or value(client, "/created") is None:
        assert time.time() < deadline
        time.sleep(0.05)
    scheduled = {name: once(client, seconds) for name, seconds in {"called": -60, "due meanwhile": 3}.items()}
    executions = {name: start(client, states) for name, states in INTERRUPTED.items()}
    time.sleep(1.5)  # what is older than a second is saved

    kill(cloud)
    moment = time.time()
    cloud.start()
    yield Killed(client, executions, scheduled, moment)
    cloud.stop()


def events(client: Client, stack: str) -> list[tuple[str, str, str]]:
    """(logical id, status, reason), first to last."""
    found = client("cloudformation").describe_stack_events(StackName=stack)["StackEvents"]
    return [
        (event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        for event in reversed(found)
    ]


def test_an_interrupted_create_is_rolled_back(killed: Killed) -> None:
    assert status(killed.client, "creating") == "ROLLBACK_COMPLETE"
    assert value(killed.client, "/created") is None
    assert ("creating", "ROLLBACK_IN_PROGRESS", REASON) in events(killed.client, "creating")
    assert ("Stuck", "CREATE_FAILED", REASON) in events(killed.client, "creating")


def test_its_change_set_has_failed(killed: Killed) -> None:
    found = killed.client("cloudformation").describe_change_set(StackName="creating", ChangeSetName="c")
    assert (found["Status"], found["ExecutionStatus"]) == ("CREATE_COMPLETE", "EXECUTE_FAILED")


def test_an_interrupted_update_is_back_at_the_old_template(killed: Killed) -> None:
    cfn = killed.client("cloudformation")
    assert status(killed.client, "updating") == "UPDATE_ROLLBACK_COMPLETE"
    assert value(killed.client, "/updated") == "1"
    assert (value(killed.client, "/replaced/old"), value(killed.client, "/replaced/new")) == ("1", None)
    assert ("updating", "UPDATE_ROLLBACK_IN_PROGRESS", REASON) in events(killed.client, "updating")
    resources = cfn.describe_stack_resources(StackName="updating")["StackResources"]
    assert {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in resources} == {
        "Before": "/updated",
        "Other": "/replaced/old",
    }


def test_the_interrupted_update_is_a_change_again(killed: Killed) -> None:
    cfn = killed.client("cloudformation")
    wanted = template(Before=parameter("/updated", "2"), Other=parameter("/replaced/new", "1"))
    cfn.create_change_set(StackName="updating", ChangeSetName="again", TemplateBody=wanted)
    found = cfn.describe_change_set(StackName="updating", ChangeSetName="again")
    assert found["Status"] == "CREATE_COMPLETE"
    changes = {c["ResourceChange"]["LogicalResourceId"]: c["ResourceChange"]["Replacement"] for c in found["Changes"]}
    assert changes == {"Before": "False", "Other": "True"}

    cfn.execute_change_set(StackName="updating", ChangeSetName="again")

    assert wait_for(killed.client, "updating", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE") == "UPDATE_COMPLETE"
    assert (value(killed.client, "/replaced/old"), value(killed.client, "/replaced/new")) == (None, "1")


def test_the_interrupted_create_can_be_deleted_and_made_again(killed: Killed) -> None:
    cfn = killed.client("cloudformation")
    cfn.delete_stack(StackName="creating")
    cfn.get_waiter("stack_delete_complete").wait(StackName="creating", WaiterConfig={"Delay": 0.2, "MaxAttempts": 600})

    cfn.create_stack(StackName="creating", TemplateBody=template(Before=parameter("/created", "2")))

    assert wait_for(killed.client, "creating", "CREATE_COMPLETE") == "CREATE_COMPLETE"
    assert value(killed.client, "/created") == "2"


def test_an_execution_that_was_at_work_has_failed_with_a_cause(killed: Killed) -> None:
    states, arn = killed.client("stepfunctions"), killed.executions["at work"]
    end = states.describe_execution(executionArn=arn)
    assert (end["status"], end["error"]) == ("FAILED", "States.ServiceRestart")
    assert end["cause"] == "The local cloud ended while this execution was running."
    assert states.get_execution_history(executionArn=arn)["events"][-1]["type"] == "ExecutionFailed"


def test_an_execution_that_was_waiting_goes_on_with_all_that_it_had(killed: Killed) -> None:
    states, arn = killed.client("stepfunctions"), killed.executions["waiting"]
    end = ended(killed.client, arn)
    assert (end["status"], json.loads(end["output"])) == (
        "SUCCEEDED",
        {"who": "dev", "wait": {"in": {"name": "dev"}}},
    )
    history = states.get_execution_history(executionArn=arn)["events"]
    assert [event["type"] for event in history] == [
        "ExecutionStarted",
        "PassStateEntered",
        "PassStateExited",
        "WaitStateEntered",
        "WaitStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    entered, left = (history[index]["timestamp"].timestamp() for index in (3, 4))
    assert left > killed.moment
    assert left >= entered + 4


def test_an_execution_that_goes_on_waiting_can_be_stopped(killed: Killed) -> None:
    states, arn = killed.client("stepfunctions"), killed.executions["waiting long"]
    assert states.describe_execution(executionArn=arn)["status"] == "RUNNING"
    states.stop_execution(executionArn=arn, cause="enough")
    assert states.describe_execution(executionArn=arn)["status"] == "ABORTED"
    assert states.get_execution_history(executionArn=arn)["events"][-1]["type"] == "ExecutionAborted"


@pytest.mark.parametrize("schedule", ["called", "due meanwhile"])
def test_a_schedule_calls_once(killed: Killed, schedule: str) -> None:
    states, machine = killed.client("stepfunctions"), killed.scheduled[schedule]
    deadline = time.time() + 10
    while not (found := states.list_executions(stateMachineArn=machine)["executions"]):
        assert time.time() < deadline
        time.sleep(0.05)
    assert len(found) == 1
    assert (found[0]["startDate"].timestamp() < killed.moment) == (schedule == "called")
