"""Two small stacks as they are deployed: what their policies allow, and to whom."""

from __future__ import annotations

from typing import Any

from samples import environment

from review.access.allowed import Access, DeployedStack, allowed

ACCOUNT = "111122223333"
BUCKET = f"bikes-dev-{ACCOUNT}-us-east-1"
ARTIFACT = f"arn:aws:s3:::{BUCKET}/models/{'a' * 64}/model.tar.gz"
ENDPOINT = f"arn:aws:sagemaker:us-east-1:{ACCOUNT}:endpoint/bikes-dev"
ROLE = "bikes-dev-hosting-Role-1X"


def trust(**principal: str) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}


def allow(actions: str | list[str], resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def role(trusted: dict[str, Any], description: str, **more: Any) -> dict[str, Any]:
    properties = {"AssumeRolePolicyDocument": trusted, "Description": description, **more}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def managed(name: str, description: str, *statements: dict[str, Any]) -> dict[str, Any]:
    properties = {
        "ManagedPolicyName": name,
        "Description": description,
        "PolicyDocument": {"Statement": list(statements)},
    }
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": properties}


def objects(prefix: str) -> dict[str, Any]:
    return {"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, f"/{prefix}/*"]]}


TRAINING: dict[str, Any] = {
    "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}},
    "JobRole": role(trust(Service="sagemaker.amazonaws.com"), "Training jobs of bikes-dev"),
    "JobPolicy": {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "p",
            "Roles": [{"Ref": "JobRole"}],
            "PolicyDocument": {
                "Statement": [allow("s3:PutObject", objects("training")), allow("s3:GetObject", objects("data"))]
            },
        },
    },
    "TakesRole": role(
        trust(AWS=f"arn:aws:iam::{ACCOUNT}:root"),
        "Takes models in",
        RoleName="bikes-dev-release",
        ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"],
        PermissionsBoundary=f"arn:aws:iam::{ACCOUNT}:policy/limit",
        Policies=[
            {
                "PolicyName": "p",
                "PolicyDocument": {
                    "Statement": [
                        allow("s3:PutObject", objects("models"), Condition={"Null": {"s3:if-none-match": "false"}}),
                        allow("sagemaker:DescribeModelPackage", "*"),
                    ]
                },
            }
        ],
    ),
    "Fitter": managed(
        "bikes-dev-fitter",
        "Train models",
        allow(["s3:PutObject", "s3:GetObject"], [objects("models"), objects("data")]),
        allow(["sagemaker:AddTags", "sagemaker:DescribeTrainingJob"], "*"),
    ),
    "BucketPolicy": {
        "Type": "AWS::S3::BucketPolicy",
        "Properties": {
            "Bucket": {"Ref": "Bucket"},
            "PolicyDocument": {
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": {"Fn::GetAtt": ["Bucket", "Arn"]},
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                    {
                        "Effect": "Allow",
                        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
                        "Action": "s3:GetObject",
                        "Resource": objects("models"),
                    },
                ]
            },
        },
    },
}
HOSTING: dict[str, Any] = {
    "Role": role(trust(Service="sagemaker.amazonaws.com"), "The endpoint bikes-dev"),
    "Policy": {
        "Type": "AWS::IAM::Policy",
        "Properties": {
            "PolicyName": "p",
            "Roles": [{"Ref": "Role"}],
            "PolicyDocument": {
                "Statement": [
                    allow(
                        "cloudwatch:PutMetricData",
                        "*",
                        Condition={"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/Endpoints"}},
                    ),
                    allow("s3:GetObject", f"arn:aws:s3:::{BUCKET}/models/*"),
                ]
            },
        },
    },
    "Model": {
        "Type": "AWS::SageMaker::Model",
        "Properties": {"ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "EnableNetworkIsolation": True},
    },
}
PHYSICAL = {"Bucket": BUCKET, "JobRole": "bikes-dev-training-JobRole-2Y", "TakesRole": "bikes-dev-release"}


def access(hosting: dict[str, Any] | None = None, **training: dict[str, Any]) -> Access:
    first = DeployedStack("bikes-dev-training", {"Resources": {**TRAINING, **training}}, PHYSICAL)
    second = DeployedStack("bikes-dev-hosting", {"Resources": hosting or HOSTING}, {"Role": ROLE})
    return allowed([first, second], environment())
