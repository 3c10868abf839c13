"""State machines against the local cloud: the role they work with, its trust, and PassRole."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from state_machines import ACCOUNT, Client, allow, new_machine, new_role, run, trust


def object_in(client: Client, key: str = "data/manifest.json", body: bytes = b'{"a": 1}') -> str:
    bucket = f"b-{uuid.uuid4().hex[:10]}"
    client("s3").create_bucket(Bucket=bucket)
    client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return bucket


READ = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
    "Arguments": {"Bucket": "{% $states.input.bucket %}", "Key": "data/manifest.json"},
    "Output": "{% $parse($states.result.Body) %}",
    "End": True,
}


def test_a_task_is_refused_what_the_role_may_not_do(client: Client) -> None:
    bucket = object_in(client)
    machine = new_machine(client, new_role(client), {"Read": READ})

    end = run(client, machine, {"bucket": bucket})

    assert end["status"] == "FAILED"
    assert end["error"] == "S3.S3Exception"
    assert "is not authorized to perform: s3:GetObject" in end["cause"]
    assert "assumed-role/r-" in end["cause"]


def test_a_task_may_do_what_the_role_may(client: Client) -> None:
    bucket = object_in(client)
    role = new_role(client, policy=allow("s3:GetObject", f"arn:aws:s3:::{bucket}/data/*"))

    end = run(client, new_machine(client, role, {"Read": READ}), {"bucket": bucket})

    assert (end["status"], json.loads(end["output"])) == ("SUCCEEDED", {"a": 1})


def test_put_events_needs_the_role_and_names_the_execution(client: Client) -> None:
    states, events = client("stepfunctions"), client("events")
    queue = client("sqs").create_queue(QueueName=f"q-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    source, rule = f"kickstand.{uuid.uuid4().hex[:6]}", f"rule-{uuid.uuid4().hex[:8]}"
    events.put_rule(Name=rule, EventPattern=json.dumps({"source": [source]}))
    arn = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "events.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
            }
        ],
    }
    client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps(policy)})
    events.put_targets(Rule=rule, Targets=[{"Id": "q", "Arn": arn}])
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::events:putEvents",
        "Arguments": {
            "Entries": [{"Source": source, "DetailType": "Training Job Completed", "Detail": {"next": "adopt"}}]
        },
        "End": True,
    }
    refused = run(client, new_machine(client, new_role(client), {"Put": put}))
    assert (refused["status"], refused["error"]) == ("FAILED", "EventBridge.AccessDeniedException")

    bus = f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/default"
    machine = new_machine(client, new_role(client, policy=allow("events:PutEvents", bus)), {"Put": put})
    end = run(client, machine)

    assert end["status"] == "SUCCEEDED", end
    received = client("sqs").receive_message(QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    event = json.loads(received[0]["Body"])
    assert event["detail"] == {"next": "adopt"}
    assert event["resources"] == [end["executionArn"], machine]
    assert states.list_executions(stateMachineArn=machine)["executions"][0]["status"] == "SUCCEEDED"


def test_a_role_that_does_not_trust_step_functions_is_refused(client: Client) -> None:
    with pytest.raises(ClientError) as refused:
        new_machine(client, new_role(client, "sagemaker.amazonaws.com"), {"Read": READ})

    assert refused.value.response["Error"] == {
        "Code": "AccessDeniedException",
        "Message": "Neither the global service principal states.amazonaws.com, nor the regional one is authorized to "
        "assume the provided role.",
    }


def test_a_trust_that_is_taken_back_fails_the_task(client: Client) -> None:
    bucket = object_in(client)
    role = new_role(client, policy=allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    machine = new_machine(client, role, {"Read": READ})
    client("iam").update_assume_role_policy(
        RoleName=role.rpartition("/")[2], PolicyDocument=trust("sagemaker.amazonaws.com")
    )

    end = run(client, machine, {"bucket": bucket})

    assert (end["status"], end["error"]) == ("FAILED", "States.Permissions")


def test_creating_a_state_machine_needs_pass_role(client: Client) -> None:
    role = new_role(client)
    caller = f"u-{uuid.uuid4().hex[:8]}"
    iam = client("iam")
    iam.create_user(UserName=caller)
    iam.put_user_policy(UserName=caller, PolicyName="p", PolicyDocument=allow("states:*", "*"))
    key = iam.create_access_key(UserName=caller)["AccessKey"]
    credentials = {**key, "SessionToken": None}

    def as_caller(service: str) -> Any:
        return client(service, credentials=credentials)

    with pytest.raises(ClientError) as refused:
        new_machine(as_caller, role, {"Read": READ})
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert refused.value.response["Error"]["Message"] == (
        f"User: arn:aws:iam::{ACCOUNT}:user/{caller} is not authorized to perform: iam:PassRole on resource: {role} "
        "because no identity-based policy allows the iam:PassRole action"
    )

    only_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    document = json.loads(allow("iam:PassRole", role))
    document["Statement"][0]["Condition"] = only_lambda
    iam.put_user_policy(UserName=caller, PolicyName="q", PolicyDocument=json.dumps(document))
    with pytest.raises(ClientError, match="iam:PassRole"):
        new_machine(as_caller, role, {"Read": READ})

    only_lambda["StringEquals"]["iam:PassedToService"] = "states.amazonaws.com"
    iam.put_user_policy(UserName=caller, PolicyName="q", PolicyDocument=json.dumps(document))
    assert new_machine(as_caller, role, {"Read": READ}).startswith(f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:")
