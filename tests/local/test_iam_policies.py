"""Policies made by a stack, and what they let a caller do: actions, resources, conditions, boundaries, error codes."""

from __future__ import annotations

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError
from stack_role import ACCOUNT, Client, assumed, document, refused

PLACE = f"us-east-1:{ACCOUNT}"


@dataclass
class Place:
    """What the policies of these tests are about."""

    bucket: str
    group: str
    namespace: str


@pytest.fixture
def place(client: Client) -> Place:
    made = Place(f"iam-{uuid.uuid4().hex[:8]}", f"/iam/{uuid.uuid4().hex[:8]}", f"/iam/{uuid.uuid4().hex[:8]}")
    client("s3").create_bucket(Bucket=made.bucket)
    for key in ("data/a.csv", "other/b.csv"):
        client("s3").put_object(Bucket=made.bucket, Key=key, Body=b"1")
    return made


def test_a_change_set_reads_the_parameters_of_its_template_as_who_makes_it(client: Client) -> None:
    name = f"/iam/{uuid.uuid4().hex[:8]}"
    client("ssm").put_parameter(Name=name, Type="String", Value="32")
    template = {
        # As the CDK's templates have it.
        "Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": name}},
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}},
    }
    arn = f"arn:aws:ssm:{PLACE}:parameter{name}"
    change_sets = document({"Action": "cloudformation:*", "Resource": "*"})
    stack = f"iam-{uuid.uuid4().hex[:8]}"
    request = {
        "StackName": stack,
        "ChangeSetName": "one",
        "ChangeSetType": "CREATE",
        "TemplateBody": json.dumps(template),
    }
    without = assumed(client, {}, {"Policy": change_sets})
    code, status, message = refused(without("cloudformation").create_change_set, **request)
    assert (code, status) == ("ValidationError", 400)
    assert f"is not authorized to perform: ssm:GetParameters on resource: {arn}" in message
    reads = document({"Action": "ssm:GetParameters", "Resource": arn})
    assumed(client, {}, {"Policy": change_sets, "Reads": reads})("cloudformation").create_change_set(**request)
    client("cloudformation").delete_stack(StackName=stack)


def test_a_managed_policy_of_a_stack_bites_on_actions_and_resources(client: Client, place: Place) -> None:
    policy = document({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{place.bucket}/data/*"})
    s3 = assumed(client, {}, {"Read": policy})("s3")

    assert s3.get_object(Bucket=place.bucket, Key="data/a.csv")["Body"].read() == b"1"
    assert refused(s3.get_object, Bucket=place.bucket, Key="other/b.csv")[:2] == ("AccessDenied", 403)
    assert refused(s3.put_object, Bucket=place.bucket, Key="data/a.csv", Body=b"")[:2] == ("AccessDenied", 403)
    assert refused(s3.list_objects_v2, Bucket=place.bucket)[:2] == ("AccessDenied", 403)
    assert refused(s3.head_object, Bucket=place.bucket, Key="other/b.csv")[:2] == ("403", 403)
    assert refused(s3.copy_object, Bucket=place.bucket, Key="data/c", CopySource=f"{place.bucket}/data/a.csv")[0] == (
        "AccessDenied"
    )


def test_an_inline_policy_and_a_policy_of_its_own_bite(client: Client, place: Place) -> None:
    inline = document({"Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{place.bucket}/data/*"})
    apart = {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "apart",
            "PolicyDocument": document({"Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{place.bucket}/data/*"}),
            "Roles": [{"Ref": "Role"}],
        },
    }
    s3 = assumed(client, {"Policies": [{"PolicyName": "in", "PolicyDocument": inline}]}, {}, Apart=apart)("s3")

    s3.get_object(Bucket=place.bucket, Key="data/a.csv")
    s3.put_object(Bucket=place.bucket, Key="data/new", Body=b"2")
    assert refused(s3.delete_object, Bucket=place.bucket, Key="data/new")[0] == "AccessDenied"


def test_a_prefix_condition_limits_listing(client: Client, place: Place) -> None:
    policy = document(
        {
            "Action": "s3:ListBucket",
            "Resource": f"arn:aws:s3:::{place.bucket}",
            "Condition": {"StringLike": {"s3:prefix": ["data/*"]}},
        }
    )
    s3 = assumed(client, {}, {"List": policy})("s3")

    found = s3.list_objects_v2(Bucket=place.bucket, Prefix="data/")
    assert [each["Key"] for each in found["Contents"]] == ["data/a.csv"]
    assert refused(s3.list_objects_v2, Bucket=place.bucket, Prefix="other/")[0] == "AccessDenied"
    assert refused(s3.list_objects_v2, Bucket=place.bucket)[0] == "AccessDenied"


def test_a_namespace_condition_limits_metrics(client: Client, place: Place) -> None:
    policy = document(
        {
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": place.namespace}},
        }
    )
    cloudwatch = assumed(client, {}, {"Put": policy})("cloudwatch")
    data = [{"MetricName": "train:rmse", "Value": 1.0}]

    cloudwatch.put_metric_data(Namespace=place.namespace, MetricData=data)

    code, status, _ = refused(cloudwatch.put_metric_data, Namespace="Other", MetricData=data)
    assert (code, status) == ("AccessDeniedException", 400)


def test_logs_are_written_to_the_groups_that_a_role_may_write_to(client: Client, place: Place) -> None:
    own = f"arn:aws:logs:{PLACE}:log-group:{place.group}"
    policy = document(
        {"Action": ["logs:CreateLogGroup", "logs:DescribeLogStreams"], "Resource": [own, f"{own}:*"]},
        {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": f"{own}:log-stream:job/*"},
    )
    logs = assumed(client, {}, {"Write": policy})("logs")
    event = {"timestamp": int(time.time() * 1000), "message": "[0]#011train-rmse:1.0"}

    logs.create_log_group(logGroupName=place.group)
    logs.create_log_stream(logGroupName=place.group, logStreamName="job/algo-1-1")
    logs.put_log_events(logGroupName=place.group, logStreamName="job/algo-1-1", logEvents=[event])

    read = client("logs").get_log_events(logGroupName=place.group, logStreamName="job/algo-1-1")["events"]
    assert [each["message"] for each in read] == ["[0]#011train-rmse:1.0"]
    code, status, message = refused(logs.create_log_stream, logGroupName=place.group, logStreamName="other/1")
    assert (code, status) == ("AccessDeniedException", 400)
    assert "is not authorized to perform: logs:CreateLogStream on resource: " in message
    assert refused(logs.create_log_group, logGroupName="/other")[0] == "AccessDeniedException"


def test_a_permissions_boundary_cuts_what_a_policy_grants(client: Client, place: Place) -> None:
    boundary = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {
            "PolicyDocument": document({"Action": "s3:Get*", "Resource": "*"}, {"Action": "logs:*", "Resource": "*"})
        },
    }
    everything = document({"Action": ["s3:*", "ssm:*"], "Resource": "*"})
    own = assumed(client, {"PermissionsBoundary": {"Ref": "Boundary"}}, {"All": everything}, Boundary=boundary)

    own("s3").get_object(Bucket=place.bucket, Key="data/a.csv")
    assert refused(own("s3").put_object, Bucket=place.bucket, Key="data/b", Body=b"")[0] == "AccessDenied"
    assert refused(own("ssm").get_parameter, Name="/a")[:2] == ("AccessDeniedException", 400)
    assert refused(own("logs").describe_log_groups)[0] == "AccessDeniedException"


def test_each_protocol_says_no_in_its_own_words(client: Client, place: Place) -> None:
    own = assumed(client, {}, {})

    assert refused(own("s3").get_object, Bucket=place.bucket, Key="data/a.csv")[:2] == ("AccessDenied", 403)
    assert refused(own("iam").list_roles)[:2] == ("AccessDenied", 403)
    assert refused(own("cloudformation").list_stacks)[:2] == ("AccessDenied", 403)
    assert refused(own("stepfunctions").list_state_machines)[:2] == ("AccessDeniedException", 400)
    assert refused(own("ssm").get_parameter, Name="/a")[:2] == ("AccessDeniedException", 400)
    assert refused(own("events").list_rules)[:2] == ("AccessDeniedException", 400)
    assert refused(own("logs").describe_log_groups)[:2] == ("AccessDeniedException", 400)
    assert refused(own("sagemaker").list_models)[:2] == ("AccessDeniedException", 400)
    assert refused(own("scheduler").list_schedules)[:2] == ("AccessDeniedException", 403)
    body = {"EndpointName": "e", "Body": b"1", "ContentType": "text/csv"}
    code, status, message = refused(own("sagemaker-runtime").invoke_endpoint, **body)
    assert (code, status) == ("AccessDeniedException", 403)
    assert f"sagemaker:InvokeEndpoint on resource: arn:aws:sagemaker:{PLACE}:endpoint/e" in message


def test_the_actions_of_a_fit_ask_for_their_own_resources(client: Client) -> None:
    name = f"m-{uuid.uuid4().hex[:8]}"
    machine = f"arn:aws:states:{PLACE}:stateMachine:{name}"
    policy = document(
        {"Action": ["states:StartExecution", "states:DescribeStateMachine"], "Resource": machine},
        {
            "Action": ["states:DescribeExecution", "states:StopExecution"],
            "Resource": f"arn:aws:states:{PLACE}:execution:{name}:*",
        },
    )
    trust = document({"Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"})
    client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 20, "End": True}}}
    for each in (name, f"{name}-other"):
        client("stepfunctions").create_state_machine(
            name=each, roleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}", definition=json.dumps(wait)
        )
    states = assumed(client, {}, {"Fit": policy})("stepfunctions")

    execution = states.start_execution(stateMachineArn=machine)["executionArn"]
    assert states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    states.stop_execution(executionArn=execution)
    states.describe_state_machine(stateMachineArn=machine)
    assert refused(states.start_execution, stateMachineArn=f"{machine}-other")[0] == "AccessDeniedException"
    assert refused(states.list_executions, stateMachineArn=machine)[0] == "AccessDeniedException"
    assert refused(states.get_execution_history, executionArn=execution)[0] == "AccessDeniedException"


def test_a_change_set_that_is_named_by_its_arn_is_asked_about_as_its_stack(client: Client) -> None:
    cloudformation, iam = client("cloudformation"), client("iam")
    names = [f"iam-{uuid.uuid4().hex[:8]}" for _ in range(2)]
    template = json.dumps({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    arns = [
        cloudformation.create_change_set(
            StackName=name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=template
        )["Id"]
        for name in names
    ]
    user = f"u-{uuid.uuid4().hex[:8]}"
    iam.create_user(UserName=user)
    allowed = {
        "Action": "cloudformation:DescribeChangeSet",
        "Resource": f"arn:aws:cloudformation:{PLACE}:stack/{names[0]}/*",
    }
    iam.put_user_policy(UserName=user, PolicyName="p", PolicyDocument=json.dumps(document(allowed)))
    key = {**iam.create_access_key(UserName=user)["AccessKey"], "SessionToken": None}
    reader = client("cloudformation", credentials=key)

    assert reader.describe_change_set(ChangeSetName=arns[0])["StackName"] == names[0]
    with pytest.raises(
        ClientError, match=f"DescribeChangeSet on resource: arn:aws:cloudformation:{PLACE}:stack/{names[1]}"
    ):
        reader.describe_change_set(ChangeSetName=arns[1])


@pytest.mark.contract("C5")
def test_policies_are_simulated_for_every_action_and_resource(client: Client) -> None:
    """As SageMaker's SDK asks before it trains: policies and boundary, the role's path, a role that is not there."""
    iam, name = client("iam"), f"sim-{uuid.uuid4().hex[:8]}"
    boundary = iam.create_policy(
        PolicyName=name, PolicyDocument=json.dumps(document({"Action": ["s3:*", "logs:*"], "Resource": "*"}))
    )["Policy"]["Arn"]
    trust = document({"Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(
        RoleName=name, Path="/work/", PermissionsBoundary=boundary, AssumeRolePolicyDocument=json.dumps(trust)
    )["Role"]["Arn"]
    own = document(
        {"Action": ["s3:PutObject", "ec2:DescribeVpcs"], "Resource": ["arn:aws:s3:::one/*", "*"]},
        {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::two/*"},
    )
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(own))

    def decided(*actions: str, **more: Any) -> list[tuple[str, str, str]]:
        results = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions, **more)["EvaluationResults"]
        return [(one["EvalActionName"], one["EvalResourceName"], one["EvalDecision"]) for one in results]

    one, two = "arn:aws:s3:::one/a", "arn:aws:s3:::two/a"
    assert decided("s3:PutObject", "s3:GetObject", ResourceArns=[one, two]) == [
        ("s3:PutObject", one, "allowed"),
        ("s3:PutObject", two, "explicitDeny"),
        ("s3:GetObject", one, "implicitDeny"),
        ("s3:GetObject", two, "implicitDeny"),
    ]
    assert decided("ec2:DescribeVpcs") == [("ec2:DescribeVpcs", "*", "implicitDeny")]
    absent = refused(iam.simulate_principal_policy, PolicySourceArn=f"{arn}-absent", ActionNames=["s3:PutObject"])
    assert absent == ("NoSuchEntity", 404, f"The role with name {name}-absent cannot be found.")
    nobody = f"arn:aws:iam::{ACCOUNT}:group/some"
    assert refused(iam.simulate_principal_policy, PolicySourceArn=nobody, ActionNames=["s3:PutObject"])[0] == (
        "InvalidInput"
    )


def test_a_simulation_weighs_the_context_that_it_is_given(client: Client) -> None:
    iam, name = client("iam"), f"sim-{uuid.uuid4().hex[:8]}"
    trust = document({"Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    through = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    own = document({"Action": "kms:Decrypt", "Resource": "*", "Condition": through})
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(own))
    entry = {"ContextKeyName": "kms:ViaService", "ContextKeyType": "string"}
    found = [
        iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=["kms:Decrypt"], ContextEntries=entries)
        for entries in (
            [],
            [{**entry, "ContextKeyValues": ["s3.us-east-1.amazonaws.com"]}],
            [{**entry, "ContextKeyValues": ["ec2.us-east-1.amazonaws.com"]}],
        )
    ]
    decisions = [one["EvaluationResults"][0]["EvalDecision"] for one in found]
    assert decisions == ["implicitDeny", "allowed", "implicitDeny"]
