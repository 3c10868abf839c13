"""Step Functions' SDK integrations: any operation of a service of the local cloud, under the state machine's role."""

from __future__ import annotations

import json
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from state_machines import ACCOUNT, Client, allow, ended, new_machine, new_role, run
from topic_queue import messages, queue_for

PARAMETER = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "1"}}


def task(action: str, **arguments: Any) -> dict[str, Any]:
    resource = f"arn:aws:states:::aws-sdk:{action}"
    return {"Task": {"Type": "Task", "Resource": resource, "Arguments": arguments, "End": True}}


def called(client: Client, policy: str | None, action: str, **arguments: Any) -> dict[str, Any]:
    """The end of an execution that makes one call with a role of that policy; `result` where it succeeds."""
    end = run(client, new_machine(client, new_role(client, policy=policy), task(action, **arguments)))
    return {**end, "result": json.loads(end["output"])} if end["status"] == "SUCCEEDED" else end


@pytest.fixture(scope="module")
def stack(client: Client) -> str:
    name, cloudformation = f"s-{uuid.uuid4().hex[:8]}", client("cloudformation")
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": {"P": PARAMETER}}))
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    return name


@pytest.mark.contract("Y01", "Y03")
def test_describe_stacks_has_the_members_of_the_api(client: Client, stack: str) -> None:
    arn = f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{stack}/*"
    policy = allow("cloudformation:DescribeStacks", arn)

    end = called(client, policy, "cloudformation:describeStacks", StackName=stack)

    known = client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
    shown = end["result"]["Stacks"][0]
    assert (shown["StackName"], shown["StackStatus"], shown["StackId"]) == (stack, "CREATE_COMPLETE", known["StackId"])
    made = datetime.fromisoformat(shown["CreationTime"])
    assert abs(made - known["CreationTime"].astimezone(UTC)).total_seconds() < 0.001
    assert shown["CreationTime"].endswith("Z")
    updated = datetime.fromisoformat(shown["LastUpdatedTime"])
    assert abs(updated - known["LastUpdatedTime"].astimezone(UTC)).total_seconds() < 0.001


@pytest.mark.contract("Y02")
def test_a_stack_that_is_not_there_is_the_error_of_the_sdk_for_java(client: Client) -> None:
    end = called(client, allow("cloudformation:*", "*"), "cloudformation:describeStacks", StackName="missing")

    assert (end["status"], end["error"]) == ("FAILED", "CloudFormation.CloudFormationException")
    assert end["cause"].startswith(
        "Stack with id missing does not exist (Service: CloudFormation, Status Code: 400, Request ID: "
    )


@pytest.mark.contract("Y02", "Y03")
def test_a_role_that_may_not_is_refused_as_the_sdk_for_java_says_it(client: Client, stack: str) -> None:
    end = called(client, None, "cloudformation:describeStacks", StackName=stack)

    assert (end["status"], end["error"]) == ("FAILED", "CloudFormation.CloudFormationException")
    assert "is not authorized to perform: cloudformation:DescribeStacks" in end["cause"]
    assert "(Service: CloudFormation, Status Code: 403, Request ID: " in end["cause"]


def test_executions_are_started_listed_and_stopped(client: Client) -> None:
    waiting = new_machine(client, new_role(client), {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}})
    # The ARNs of its executions, and no other resource: IAM is asked about each by its own.
    own = [waiting, f"{waiting.replace(':stateMachine:', ':execution:')}:*"]
    policy = allow(["states:StartExecution", "states:ListExecutions", "states:StopExecution"], own)

    started = called(client, policy, "sfn:startExecution", StateMachineArn=waiting, Name="one", Input='{"a": 1}')
    arn = started["result"]["ExecutionArn"]
    listed = called(client, policy, "sfn:listExecutions", StateMachineArn=waiting, StatusFilter="RUNNING")
    stopped = called(client, policy, "sfn:stopExecution", ExecutionArn=arn, Cause="enough")

    execution = listed["result"]["Executions"][0]
    assert (execution["ExecutionArn"], execution["Name"], execution["Status"]) == (arn, "one", "RUNNING")
    assert execution["StartDate"] == started["result"]["StartDate"]
    assert stopped["result"]["StopDate"] >= execution["StartDate"]
    end = ended(client, arn)
    assert (end["status"], end["cause"]) == ("ABORTED", "enough")
    again = called(client, policy, "sfn:startExecution", StateMachineArn=waiting, Name="one", Input='{"a": 2}')
    assert again["error"] == "Sfn.ExecutionAlreadyExistsException"


def test_an_argument_in_the_spelling_of_the_wire_is_refused(client: Client) -> None:
    end = called(client, allow("states:*", "*"), "sfn:listExecutions", stateMachineArn="a")

    assert (end["status"], end["error"]) == ("FAILED", "States.Runtime")
    assert "The field 'stateMachineArn' is not supported by Step Functions" in end["cause"]


def test_alarms_and_metrics_are_read(client: Client) -> None:
    watch, name = client("cloudwatch"), f"a-{uuid.uuid4().hex[:8]}"
    asked = {"Namespace": f"N/{name}", "MetricName": "M"}
    watch.put_metric_alarm(
        AlarmName=name,
        **asked,
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    watch.put_metric_data(Namespace=asked["Namespace"], MetricData=[{"MetricName": "M", "Value": 3}])
    policy = allow(["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics", "cloudwatch:GetMetricData"], "*")
    now = time.time()
    window = {
        "StartTime": datetime.fromtimestamp(now - 3600, UTC).isoformat(),
        "EndTime": datetime.fromtimestamp(now + 120, UTC).isoformat(),
    }

    alarms = called(client, policy, "cloudwatch:describeAlarms", AlarmNames=[name])
    statistics = called(
        client, policy, "cloudwatch:getMetricStatistics", **asked, **window, Period=3600, Statistics=["Sum"]
    )
    query = {"Id": "m", "MetricStat": {"Metric": asked, "Period": 3600, "Stat": "Sum"}}
    data = called(client, policy, "cloudwatch:getMetricData", **window, MetricDataQueries=[query])

    assert [each["AlarmName"] for each in alarms["result"]["MetricAlarms"]] == [name]
    assert sum(point["Sum"] for point in statistics["result"]["Datapoints"]) == 3
    assert sum(data["result"]["MetricDataResults"][0]["Values"]) == 3


def test_sagemaker_is_read_and_what_is_missing_is_named(client: Client) -> None:
    policy = allow(["sagemaker:DescribeEndpoint", "sagemaker:ListTransformJobs"], "*")

    jobs = called(client, policy, "sagemaker:listTransformJobs", StatusEquals="InProgress", NameContains="no-such")
    missing = called(client, policy, "sagemaker:describeEndpoint", EndpointName="no-such-endpoint")

    assert jobs["result"]["TransformJobSummaries"] == []
    assert (missing["status"], missing["error"]) == ("FAILED", "SageMaker.SageMakerException")
    assert missing["cause"].startswith("Could not find endpoint ")


@pytest.mark.parametrize("resource", ["arn:aws:states:::sns:publish", "arn:aws:states:::aws-sdk:sns:publish"])
def test_a_message_is_published_from_jsonata(client: Client, resource: str) -> None:
    topic = client("sns").create_topic(Name=f"t-{uuid.uuid4().hex[:8]}")["TopicArn"]
    queue, queue_arn = queue_for(client, "sns.amazonaws.com")
    client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn)
    text = "{% 'The environment ' & $states.input.name & ' stops.' %}"
    state = {"Type": "Task", "Resource": resource, "Arguments": {"TopicArn": topic, "Message": text}, "End": True}
    machine = new_machine(client, new_role(client, policy=allow("sns:Publish", topic)), {"Task": state})

    end = run(client, machine, {"name": "dev"})

    assert end["status"] == "SUCCEEDED", end
    assert set(json.loads(end["output"])) == {"MessageId"}
    assert messages(client, queue, 1)[0]["Message"] == "The environment dev stops."


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        ("arn:aws:states:::sns:publish", "SNS.AuthorizationErrorException"),
        ("arn:aws:states:::aws-sdk:sns:publish", "Sns.AuthorizationErrorException"),
    ],
)
def test_publishing_needs_the_role(client: Client, resource: str, name: str) -> None:
    topic = client("sns").create_topic(Name=f"t-{uuid.uuid4().hex[:8]}")["TopicArn"]
    state = {"Type": "Task", "Resource": resource, "Arguments": {"TopicArn": topic, "Message": "m"}, "End": True}

    end = run(client, new_machine(client, new_role(client), {"Task": state}))

    assert (end["status"], end["error"]) == ("FAILED", name)
    assert f"is not authorized to perform: sns:Publish on resource: {topic}" in end["cause"].replace("SNS:", "sns:")


@pytest.mark.contract("Y08")
def test_publishing_to_an_encrypted_topic_needs_its_key(client: Client) -> None:
    key = client("kms").create_key()["KeyMetadata"]["Arn"]
    topic = client("sns").create_topic(Name=f"t-{uuid.uuid4().hex[:8]}", Attributes={"KmsMasterKeyId": key})["TopicArn"]
    publish = {"Action": "sns:Publish", "Resource": topic}
    use = {"Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key}
    policies = [[publish], [publish, {**use, "Action": "kms:GenerateDataKey"}], [publish, use]]

    ends = []
    for statements in policies:
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]}
        ends.append(called(client, json.dumps(document), "sns:publish", TopicArn=topic, Message="m"))

    assert [end.get("error") for end in ends] == [*["Sns.KmsAccessDeniedException"] * 2, None]
    assert "is not authorized to perform: kms:GenerateDataKey" in ends[0]["cause"]
    assert "is not authorized to perform: kms:Decrypt" in ends[1]["cause"]


@pytest.mark.contract("Y07")
def test_delete_stack_works_with_the_stacks_own_role(client: Client) -> None:
    """The state machine may only ask for it: CloudFormation deletes with the role that the stack was made with."""
    name, cloudformation = f"s-{uuid.uuid4().hex[:8]}", client("cloudformation")
    service_role = new_role(client, "cloudformation.amazonaws.com", allow("ssm:*", "*"))
    cloudformation.create_stack(
        StackName=name, RoleARN=service_role, TemplateBody=json.dumps({"Resources": {"P": PARAMETER}})
    )
    cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
    stack = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    policy = allow("cloudformation:DeleteStack", f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/{name}/*")

    end = called(client, policy, "cloudformation:deleteStack", StackName=name)

    assert end["result"] == {}
    cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack, WaiterConfig={"Delay": 1})
    again = called(client, policy, "cloudformation:deleteStack", StackName=name)
    assert again["status"] == "SUCCEEDED", "a stack that is not there is no error"


@pytest.mark.contract("Y07")
def test_termination_protection_refuses(client: Client, stack: str) -> None:
    client("cloudformation").update_termination_protection(StackName=stack, EnableTerminationProtection=True)

    end = called(client, allow("cloudformation:DeleteStack", "*"), "cloudformation:deleteStack", StackName=stack)

    client("cloudformation").update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    assert end["error"] == "CloudFormation.CloudFormationException"
    assert "] cannot be deleted while TerminationProtection is enabled (Service: CloudFormation, " in end["cause"]
