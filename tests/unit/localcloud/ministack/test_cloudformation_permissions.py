"""What IAM is asked for each handler's call: the needed actions of the schema's list, each on its resource."""

from __future__ import annotations

from typing import Any

import pytest
from ministack.core.responses import request_scope

from localcloud.ministack.cloudformation.permissions.actions import HandlerCall, permissions
from localcloud.ministack.cloudformation.permissions.arns import ARNS, ON_EVERYTHING, name_of
from localcloud.ministack.cloudformation.permissions.property_actions import PROPERTIES

HERE = "us-east-1:111122223333"
ROLE = "arn:aws:iam::111122223333:role/release"
OTHER = "arn:aws:iam::111122223333:role/other"
KEY = f"arn:aws:kms:{HERE}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"
TAGS = [{"Key": "team", "Value": "bikes"}, {"Key": "aws:cloudformation:stack-name", "Value": "s"}]

Asked = list[tuple[str, str]]


def asked(
    kind: str, verb: str, name: str, old: dict[str, Any] | None = None, new: dict[str, Any] | None = None
) -> Asked:
    """(action, resource) of each question, the resource in its first spelling."""
    with request_scope("111122223333", "us-east-1"):
        call = HandlerCall(kind, verb, name, old or {}, new or {})
        return [(each.action, each.spellings[0]) for each in permissions(call)]


def create(kind: str, name: str, **properties: Any) -> Asked:
    return asked(kind, "create", name, new=properties)


def update(kind: str, name: str, old: dict[str, Any], new: dict[str, Any]) -> Asked:
    return asked(kind, "update", name, old, new)


def test_a_bucket_takes_what_its_properties_take() -> None:
    where = "arn:aws:s3:::b"
    assert create("AWS::S3::Bucket", "b") == [("s3:CreateBucket", where), ("s3:ListBucket", where)]
    made = create("AWS::S3::Bucket", "b", BucketEncryption={"a": 1}, VersioningConfiguration={"Status": "Enabled"})
    assert made == [
        ("s3:CreateBucket", where),
        ("s3:PutEncryptionConfiguration", where),
        ("s3:ListBucket", where),
        ("s3:PutBucketVersioning", where),
    ]
    assert asked("AWS::S3::Bucket", "delete", "b", {"BucketName": "b"}) == [
        ("s3:DeleteBucket", where),
        ("s3:ListBucket", where),
    ]
    changed = update("AWS::S3::Bucket", "b", {"LifecycleConfiguration": {"Rules": []}}, {})
    assert changed == [("s3:PutLifecycleConfiguration", where), ("s3:ListBucket", where)]


def test_tags_of_ones_own_take_actions_and_those_of_cloudformation_none() -> None:
    group = f"arn:aws:logs:{HERE}:log-group:/g"
    plain = [("logs:DescribeLogGroups", "*"), ("logs:CreateLogGroup", group)]
    assert create("AWS::Logs::LogGroup", "/g", Tags=TAGS[1:]) == plain
    assert create("AWS::Logs::LogGroup", "/g", Tags=TAGS) == [*plain, ("logs:TagResource", group)]
    removed = update("AWS::Logs::LogGroup", "/g", {"Tags": TAGS}, {"Tags": TAGS[1:]})
    assert removed == [("logs:DescribeLogGroups", "*"), ("logs:UntagResource", group)]


def test_a_log_group_is_named_in_both_ways_of_policies_but_for_tags() -> None:
    group = f"arn:aws:logs:{HERE}:log-group:/g"
    with request_scope("111122223333", "us-east-1"):
        found = list(permissions(HandlerCall("AWS::Logs::LogGroup", "create", "/g", {}, {"Tags": TAGS})))
    assert {each.action: each.spellings for each in found} == {
        "logs:DescribeLogGroups": ("*",),
        "logs:CreateLogGroup": (group, f"{group}:*"),
        "logs:TagResource": (group,),
    }
    assert [each.action for each in found if each.tagging] == ["logs:TagResource"]
    assert found[1].context == {"aws:RequestTag/team": "bikes", "aws:TagKeys": ["team"]}


def test_a_role_takes_its_policies_and_tells_which_and_its_boundary() -> None:
    properties = {"ManagedPolicyArns": [ADMIN], "PermissionsBoundary": "arn:aws:iam::111122223333:policy/b"}
    with request_scope("111122223333", "us-east-1"):
        found = list(permissions(HandlerCall("AWS::IAM::Role", "create", "r", {}, {"Path": "/team/", **properties})))
    assert [(each.action, each.spellings, each.context) for each in found] == [
        (action, ("arn:aws:iam::111122223333:role/team/r",), {"iam:PermissionsBoundary": properties[key], **more})
        for action, key, more in (
            ("iam:CreateRole", "PermissionsBoundary", {}),
            ("iam:AttachRolePolicy", "PermissionsBoundary", {"iam:PolicyARN": ADMIN}),
            ("iam:GetRole", "PermissionsBoundary", {}),
        )
    ]
    changed = update("AWS::IAM::Role", "r", {"ManagedPolicyArns": [ADMIN, "a"]}, {"ManagedPolicyArns": ["a", "b"]})
    where = "arn:aws:iam::111122223333:role/r"
    assert changed == [("iam:DetachRolePolicy", where), ("iam:AttachRolePolicy", where)]


def test_a_policy_is_put_on_its_roles() -> None:
    first, second = (f"arn:aws:iam::111122223333:role/{name}" for name in ("a", "b"))
    made = create("AWS::IAM::Policy", "p", PolicyName="p", Roles=["a", "b"])
    assert made == [
        ("iam:GetRolePolicy", first),
        ("iam:GetRolePolicy", second),
        ("iam:PutRolePolicy", first),
        ("iam:PutRolePolicy", second),
    ]
    assert update("AWS::IAM::Policy", "p", {"Roles": ["a"]}, {"Roles": ["b"]}) == [
        ("iam:PutRolePolicy", second),
        ("iam:DeleteRolePolicy", first),
    ]
    assert asked("AWS::IAM::Policy", "delete", "p", {"Roles": ["a"]}) == [("iam:DeleteRolePolicy", first)]


@pytest.mark.parametrize(
    ("kind", "properties", "service"),
    [
        ("AWS::SageMaker::Model", {"ExecutionRoleArn": ROLE}, "sagemaker.amazonaws.com"),
        (
            "AWS::StepFunctions::StateMachine",
            {"RoleArn": ROLE, "DefinitionString": OTHER, "Definition": {"RoleArn": OTHER}},
            "states.amazonaws.com",
        ),
        ("AWS::Events::Rule", {"Targets": [{"Arn": "a", "RoleArn": ROLE}]}, "events.amazonaws.com"),
        ("AWS::Scheduler::Schedule", {"Target": {"RoleArn": ROLE}}, "scheduler.amazonaws.com"),
        ("AWS::S3::Bucket", {"ReplicationConfiguration": {"Role": ROLE}}, "s3.amazonaws.com"),
    ],
)
def test_a_role_that_a_resource_names_is_passed_to_its_service(
    kind: str, properties: dict[str, Any], service: str
) -> None:
    with request_scope("111122223333", "us-east-1"):
        found = list(permissions(HandlerCall(kind, "create", "n", {}, properties)))
        gone = list(permissions(HandlerCall(kind, "delete", "n", properties, {})))
    passed = [(each.spellings, each.context) for each in found if each.action == "iam:PassRole"]
    assert passed == [((ROLE,), {"iam:PassedToService": service})]
    assert not [each for each in gone if each.action == "iam:PassRole"]
    assert ("iam:PassRole", ROLE) not in create(kind, "n")


def test_a_key_is_asked_about_where_one_is_named() -> None:
    variants: dict[str, Any] = {"ProductionVariants": []}
    config = f"arn:aws:sagemaker:{HERE}:endpoint-config/c"
    assert create("AWS::SageMaker::EndpointConfig", "C", **variants) == [("sagemaker:CreateEndpointConfig", config)]
    assert create("AWS::SageMaker::EndpointConfig", "C", **variants, KmsKeyId=KEY) == [
        ("sagemaker:CreateEndpointConfig", config),
        ("kms:DescribeKey", KEY),
    ]


@pytest.mark.contract("K07")
def test_an_endpoint_takes_its_config_too_and_nothing_for_its_alarms() -> None:
    endpoint, config = (f"arn:aws:sagemaker:{HERE}:{each}" for each in ("endpoint/e", "endpoint-config/c"))
    kind, read = "AWS::SageMaker::Endpoint", ("sagemaker:DescribeEndpoint", endpoint)
    alarms = {"DeploymentConfig": {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "a"}]}}}
    properties = {"EndpointConfigName": "C", **alarms}
    assert create(kind, "E", **properties) == [
        ("sagemaker:CreateEndpoint", endpoint),
        ("sagemaker:CreateEndpoint", config),
        read,
    ]
    assert create(kind, "E", **properties, Tags=TAGS)[-1] == ("sagemaker:AddTags", endpoint)
    changed = update(kind, "E", {"EndpointConfigName": "B", "Tags": TAGS}, properties)
    assert changed == [
        ("sagemaker:UpdateEndpoint", endpoint),
        ("sagemaker:UpdateEndpoint", config),
        read,
        ("sagemaker:DeleteTags", endpoint),
    ]
    assert asked(kind, "read", "E", new=properties) == [read, ("sagemaker:ListTags", endpoint)]
    assert asked(kind, "delete", "E", properties) == [("sagemaker:DeleteEndpoint", endpoint), read]


def test_an_object_that_a_resource_is_made_of_is_read() -> None:
    made = create("AWS::StepFunctions::StateMachine", "m", DefinitionS3Location={"Bucket": "b", "Key": "k.json"})
    assert ("s3:GetObject", "arn:aws:s3:::b/k.json") in made


def test_custom_resources_call_what_stands_behind_them() -> None:
    function = f"arn:aws:lambda:{HERE}:function:f"
    assert create("Custom::Thing", "t", ServiceToken=function) == [("lambda:InvokeFunction", function)]
    topic = f"arn:aws:sns:{HERE}:t"
    assert create("AWS::CloudFormation::CustomResource", "t", ServiceToken=topic) == [("sns:Publish", topic)]
    assert create("AWS::CDK::Metadata", "m", Analytics="v2") == []


def test_an_update_of_a_type_that_has_none_is_asked_as_the_making_that_it_is_here() -> None:
    made = update("AWS::Logs::LogStream", "s", {"LogGroupName": "g"}, {"LogGroupName": "h"})
    assert made == [("logs:CreateLogStream", "*"), ("logs:DescribeLogStreams", "*")]


def test_a_type_without_an_arn_here_is_asked_about_as_a_whole() -> None:
    assert "AWS::EC2::VPC" not in ARNS
    assert ("ec2:CreateVpc", "*") in create("AWS::EC2::VPC", "v", CidrBlock="10.0.0.0/16")


def test_a_resource_is_asked_about_under_the_name_that_it_gets() -> None:
    with request_scope("111122223333", "us-east-1"):
        assert name_of("AWS::S3::Bucket", {"BucketName": "mine"}, "generated") == "mine"
        assert name_of("AWS::S3::Bucket", {}, "generated") == "generated"
    assert create("AWS::Scheduler::Schedule", "s", GroupName="g")[0][1] == f"arn:aws:scheduler:{HERE}:schedule/g/s"
    assert create("AWS::SSM::Parameter", "/a/b")[0][1] == f"arn:aws:ssm:{HERE}:parameter/a/b"


def test_the_tables_name_only_what_the_schemas_have() -> None:
    from kickstand.aws.resource_schema import resource_schema

    listed = {
        kind: {action for each in resource_schema("us-east-1", kind).handlers.values() for action in each}
        for kind in {*ARNS, *PROPERTIES}
    }
    assert {(kind, action) for kind, table in PROPERTIES.items() for action in table if action not in listed[kind]} == (
        set()
    )
    everything = {*set().union(*listed.values()), "sns:Unsubscribe"}
    subscription = resource_schema("us-east-1", "AWS::SNS::Subscription").handlers.values()
    assert set().union(everything, *subscription) >= ON_EVERYTHING
