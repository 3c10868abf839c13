"""Alarms that roll a stack operation back: during it, in the monitoring time after it, and in the next one."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import local_client
import pytest
from botocore.exceptions import ClientError
from changed_stack import Stack, parameter
from killed_server import kill
from local_client import ACCOUNT, REGION

from localcloud.cloud import LocalCloud

LONG = 180
"""Minutes, three real ones here: nothing waits for their end."""
FACTOR = 60


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    running = LocalCloud(tmp_path_factory.mktemp("triggers"))
    running.start(port=0, time_factor=FACTOR)
    yield running
    try:
        running.stop()
    finally:
        running.stop(discard=True)


@pytest.fixture(scope="module")
def client(cloud: LocalCloud) -> Callable[..., Any]:
    return partial(local_client.client_of, cloud)


class Watched(Stack):
    """A stack of two parameters, and an alarm outside of it that nothing but a test moves."""

    def __init__(self, client: Callable[..., Any]) -> None:
        super().__init__(client)
        self.client, self.cloudwatch, self.path = client, client("cloudwatch"), f"/{uuid.uuid4().hex[:8]}"
        self.alarm = f"{self.name}-alarm"
        self.arn = f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{self.alarm}"
        # A day's period: it is not evaluated to another state while a test runs.
        self.cloudwatch.put_metric_alarm(
            AlarmName=self.alarm,
            Namespace="test",
            MetricName=self.alarm,
            Statistic="Sum",
            Period=86400,
            EvaluationPeriods=1,
            Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
            TreatMissingData="ignore",
        )
        self.move("OK")

    def move(self, state: str) -> None:
        self.cloudwatch.set_alarm_state(AlarmName=self.alarm, StateValue=state, StateReason="by a test")

    def template(self, value: str, **more: Any) -> dict[str, Any]:
        """`One` keeps its name, `Two` is replaced by another value."""
        two = parameter(f"{self.path}/{value}", value) | {"DependsOn": "One"}
        return {"Resources": {"One": parameter(self.path, value), "Two": two, **more}}

    def create(self) -> None:
        assert self.deploy(self.template("old")) == "CREATE_COMPLETE"

    def triggers(self, minutes: int = 0, arn: str = "", kind: str = "AWS::CloudWatch::Alarm") -> dict[str, Any]:
        return {
            "RollbackTriggers": [{"Arn": arn or self.arn, "Type": kind}],
            "MonitoringTimeInMinutes": minutes,
        }

    def update(self, template: dict[str, Any], **more: Any) -> None:
        self.cfn.update_stack(StackName=self.name, TemplateBody=json.dumps(template), **more)

    def reached(self, *event: str) -> None:
        deadline = time.monotonic() + 60
        while tuple(event) not in self.events():
            assert time.monotonic() < deadline, self.events()
            time.sleep(0.05)

    def reasons(self) -> list[tuple[str, str]]:
        """(status, reason) of the stack's own events with a reason, last operation, first to last."""
        found = []
        for event in self.cfn.describe_stack_events(StackName=self.name)["StackEvents"]:
            if event["LogicalResourceId"] == self.name:
                found.append((event["ResourceStatus"], event.get("ResourceStatusReason", "")))
                if found[-1][0] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
                    break
        return [each for each in found[::-1] if each[1] and each[0] not in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS")]

    def values(self) -> tuple[str | None, str | None, str | None]:
        return self.value(self.path), self.value(f"{self.path}/old"), self.value(f"{self.path}/new")


@pytest.fixture
def stack(client: Callable[..., Any]) -> Watched:
    return Watched(client)


TAKEN_BACK = [
    ("Stack", "UPDATE_IN_PROGRESS"),
    ("One", "UPDATE_IN_PROGRESS"),
    ("One", "UPDATE_COMPLETE"),
    ("Two", "UPDATE_IN_PROGRESS"),
    ("Two", "UPDATE_COMPLETE"),
    ("Stack", "UPDATE_ROLLBACK_IN_PROGRESS"),
    ("One", "UPDATE_IN_PROGRESS"),
    ("One", "UPDATE_COMPLETE"),
    ("Stack", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS"),
    ("Two", "DELETE_IN_PROGRESS"),
    ("Two", "DELETE_COMPLETE"),
    ("Stack", "UPDATE_ROLLBACK_COMPLETE"),
]


@pytest.mark.contract("K18", "K23", "K24")
def test_an_alarm_in_the_monitoring_time_takes_all_of_an_update_back(stack: Watched) -> None:
    stack.create()
    stack.update(stack.template("new"), RollbackConfiguration=stack.triggers(LONG))
    stack.reached("Two", "UPDATE_COMPLETE")
    assert stack.values() == ("new", "old", "new")  # what is replaced is still there
    assert stack.describe()["StackStatus"] == "UPDATE_IN_PROGRESS"

    stack.move("ALARM")

    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.values() == ("old", "old", None)
    assert stack.events() == TAKEN_BACK
    reason = f"The following rollback triggers are in ALARM state: [{stack.arn}]"
    assert stack.reasons() == [("UPDATE_ROLLBACK_IN_PROGRESS", reason)]
    assert stack.describe()["RollbackConfiguration"] == stack.triggers(LONG)


@pytest.mark.contract("K18")
def test_an_alarm_during_a_creation_lets_nothing_more_be_begun(stack: Watched) -> None:
    """It is in ALARM for a moment, while a resource takes its time; that one is finished."""
    slow = {
        "Handle": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Slow": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "Properties": {"Handle": {"Ref": "Handle"}, "Timeout": "300", "Count": 1},
        },
    }
    template = stack.template("new", **slow)
    template["Resources"]["One"]["DependsOn"] = "Slow"
    body = json.dumps(template)
    stack.cfn.create_stack(StackName=stack.name, TemplateBody=body, RollbackConfiguration=stack.triggers())
    stack.reached("Slow", "CREATE_IN_PROGRESS")
    stack.move("ALARM")
    time.sleep(1)  # several looks
    stack.move("OK")
    stack.cfn.signal_resource(StackName=stack.name, LogicalResourceId="Slow", UniqueId="1", Status="SUCCESS")

    assert stack.settled() == "ROLLBACK_COMPLETE"
    assert ("Slow", "CREATE_COMPLETE") in stack.events()
    assert not [each for each in stack.events() if each[0] in ("One", "Two")]


@pytest.mark.contract("K22")
def test_a_trigger_that_does_not_exist_fails_the_operation(stack: Watched) -> None:
    missing = f"{stack.arn}-missing"
    body = json.dumps(stack.template("new"))
    stack.cfn.create_stack(StackName=stack.name, TemplateBody=body, RollbackConfiguration=stack.triggers(0, missing))

    assert stack.settled() == "ROLLBACK_COMPLETE"
    assert stack.values() == (None, None, None)
    reason = f"The following rollback triggers do not exist: [{missing}]"
    assert stack.reasons() == [("ROLLBACK_IN_PROGRESS", reason), ("ROLLBACK_COMPLETE", "Rollback complete")]


@pytest.mark.contract("K23", "K25")
def test_triggers_are_kept_until_others_are_given(stack: Watched) -> None:
    stack.create()
    assert stack.describe()["RollbackConfiguration"] == {}
    template = stack.template("old")
    made = stack.change_set(template | {"Outputs": {"O": {"Value": "1"}}}, RollbackConfiguration=stack.triggers(1))
    assert made["RollbackConfiguration"] == stack.triggers(1)
    assert stack.describe()["RollbackConfiguration"] == {}
    stack.cfn.execute_change_set(StackName=stack.name, ChangeSetName=made["ChangeSetName"])
    assert stack.settled() == "UPDATE_COMPLETE"
    assert stack.describe()["RollbackConfiguration"] == stack.triggers(1)

    stack.move("ALARM")
    assert stack.deploy(stack.template("new")) == "UPDATE_ROLLBACK_COMPLETE"  # K25: in ALARM before it began
    assert stack.events()[1:-2] == [("Stack", "UPDATE_ROLLBACK_IN_PROGRESS")]
    later = {"MonitoringTimeInMinutes": 2}
    assert stack.deploy(stack.template("new"), RollbackConfiguration=later) == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.describe()["RollbackConfiguration"] == stack.triggers(2)
    none: dict[str, Any] = {"RollbackTriggers": []}
    assert stack.deploy(stack.template("new"), RollbackConfiguration=none) == "UPDATE_COMPLETE"
    assert stack.describe()["RollbackConfiguration"] == {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0}
    assert stack.values() == ("new", None, "new")


@pytest.mark.contract("K24")
def test_the_time_is_waited_for_before_the_clean_up_and_an_update_can_be_cancelled_in_it(stack: Watched) -> None:
    stack.create()
    stack.update(stack.template("new"), RollbackConfiguration={"MonitoringTimeInMinutes": LONG})
    stack.reached("Two", "UPDATE_COMPLETE")
    stack.cfn.cancel_update_stack(StackName=stack.name)
    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert (stack.values(), stack.events()) == (("old", "old", None), TAKEN_BACK)
    assert stack.reasons() == [("UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")]

    began = time.monotonic()
    stack.update(stack.template("new"), RollbackConfiguration=stack.triggers(1))
    assert stack.settled() == "UPDATE_COMPLETE"
    assert time.monotonic() - began > 60 / FACTOR  # a lower bound: the wait itself
    assert stack.events() == [
        *TAKEN_BACK[:5],
        ("Stack", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
        ("Two", "DELETE_IN_PROGRESS"),
        ("Two", "DELETE_COMPLETE"),
        ("Stack", "UPDATE_COMPLETE"),
    ]


@pytest.mark.contract("K25")
def test_a_role_that_may_not_describe_the_alarm_ends_the_operation(stack: Watched) -> None:
    iam, name = stack.client("iam"), stack.name
    trust = {"Effect": "Allow", "Principal": {"Service": "cloudformation.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    rights = {"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(rights))
    request = {"RoleARN": role, "RollbackConfiguration": stack.triggers()}
    body = json.dumps(stack.template("new"))

    made = stack.cfn.create_stack(StackName=stack.name, TemplateBody=body, OnFailure="DELETE", **request)
    stack_id = made["StackId"]
    stack.cfn.get_waiter("stack_delete_complete").wait(
        StackName=stack_id, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600}
    )
    events = stack.cfn.describe_stack_events(StackName=stack_id)["StackEvents"]
    (reason,) = (one["ResourceStatusReason"] for one in events if one["ResourceStatus"] == "ROLLBACK_IN_PROGRESS")
    assert reason.startswith("The rollback triggers could not be read: User: ")
    assert f"is not authorized to perform: cloudwatch:DescribeAlarms on resource: {stack.arn}" in reason

    rights["Action"] = ["ssm:*", "cloudwatch:DescribeAlarms"]  # type: ignore[assignment]
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(rights))
    stack.cfn.create_stack(StackName=stack.name, TemplateBody=body, **request)
    assert stack.settled() == "CREATE_COMPLETE"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.mark.contract("K22")
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"RollbackTriggers": 6}, "Member must have length less than or equal to 5"),
        ({"MonitoringTimeInMinutes": 181}, "Value '181' at 'rollbackConfiguration.monitoringTimeInMinutes' failed"),
        ({"Type": "AWS::Lambda::Function"}, "Value 'AWS::Lambda::Function' at 'rollbackConfiguration.rollbackTriggers"),
        ({"Arn": f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:a"}, "in the stack's account and region"),
    ],
)
@pytest.mark.parametrize("operation", ["create_stack", "update_stack", "create_change_set"])
def test_what_is_no_rollback_configuration_is_refused(
    stack: Watched, operation: str, change: dict[str, Any], message: str
) -> None:
    configuration = stack.triggers(change.get("MonitoringTimeInMinutes", 1))
    trigger = configuration["RollbackTriggers"][0]
    trigger.update({name: change[name] for name in ("Arn", "Type") if name in change})
    configuration["RollbackTriggers"] = [trigger] * change.get("RollbackTriggers", 1)
    request = {"StackName": stack.name, "TemplateBody": json.dumps(stack.template("new"))}
    if operation == "create_change_set":
        request |= {"ChangeSetName": "c", "ChangeSetType": "CREATE"}
    with pytest.raises(ClientError) as refused:
        getattr(stack.cfn, operation)(**request, RollbackConfiguration=configuration)
    assert refused.value.response["Error"]["Code"] == "ValidationError"
    assert message in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError, match="does not exist"):
        stack.describe()


@pytest.mark.contract("K24")
def test_a_kill_in_the_monitoring_time_takes_the_update_back(cloud: LocalCloud) -> None:
    stack = Watched(partial(local_client.client_of, cloud))
    stack.create()
    stack.update(stack.template("new"), RollbackConfiguration=stack.triggers(LONG))
    stack.reached("Two", "UPDATE_COMPLETE")
    time.sleep(2)  # what is saved within a second is saved
    kill(cloud)
    cloud.start(time_factor=FACTOR)

    assert stack.settled() == "UPDATE_ROLLBACK_COMPLETE"
    assert stack.values() == ("old", "old", None)
    assert stack.describe()["StackStatusReason"] == "The local cloud ended while this operation was running."
