"""Everything that a training job may do, and nothing more."""

from __future__ import annotations

from typing import Any

from samples import environment

from infra.policies.execution import training_statements
from kickstand.config.model import Storage, Training
from kickstand.names import Names

BUCKET = "arn:aws:s3:::bikes-dev-111122223333-us-east-1"
IMAGES = "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"
LOG = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/TrainingJobs"
EC2 = "arn:aws:ec2:us-east-1:111122223333:"
KEY = "arn:aws:kms:us-east-1:111122223333:key/1"

PLAIN = [
    ("s3:GetObject", [f"{BUCKET}/data/*"]),
    ("s3:ListBucket", [BUCKET]),
    ("s3:AbortMultipartUpload", [f"{BUCKET}/training/*"]),
    ("s3:PutObject", [f"{BUCKET}/training/*"]),
    ("ecr:BatchCheckLayerAvailability", [IMAGES]),
    ("ecr:BatchGetImage", [IMAGES]),
    ("ecr:GetDownloadUrlForLayer", [IMAGES]),
    ("ecr:GetAuthorizationToken", "*"),
    ("logs:CreateLogGroup", [LOG]),
    ("logs:CreateLogStream", [f"{LOG}:*"]),
    ("logs:DescribeLogStreams", [f"{LOG}:*"]),
    ("logs:PutLogEvents", [f"{LOG}:*"]),
    ("cloudwatch:PutMetricData", "*"),
]
WITH_KEY = [
    (f"kms:{action}", [KEY]) for action in ("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "CreateGrant")
]
INTERFACES = f"{EC2}network-interface/*"
IN_VPC = [
    # Another account may share a subnet or a security group: the ARN has the owner's account.
    (
        "ec2:CreateNetworkInterface",
        ["arn:aws:ec2:us-east-1:*:subnet/subnet-1", "arn:aws:ec2:us-east-1:*:security-group/sg-1", INTERFACES],
    ),
    ("ec2:CreateNetworkInterfacePermission", [INTERFACES]),
    ("ec2:DeleteNetworkInterface", [INTERFACES]),
    ("ec2:DeleteNetworkInterfacePermission", [INTERFACES]),
    ("ec2:DescribeDhcpOptions", "*"),
    ("ec2:DescribeNetworkInterfaces", "*"),
    ("ec2:DescribeSecurityGroups", "*"),
    ("ec2:DescribeSubnets", "*"),
    ("ec2:DescribeVpcs", "*"),
]


def granted(*, kms_key_arn: str | None = None, **training: Any) -> list[tuple[str, Any]]:
    """Each action with its resources, in the policy's order."""
    settings = environment(storage=Storage(kms_key_arn=kms_key_arn), training=Training(**training))
    statements = training_statements(Names(settings))
    documents = [statement.document() for statement in statements]
    return [(action, document["Resource"]) for document in documents for action in document["Action"]]


def test_data_output_image_log_and_metrics() -> None:
    assert granted() == PLAIN


def test_a_key_and_a_vpc_bring_their_own_and_no_others() -> None:
    assert granted(kms_key_arn=KEY) == PLAIN + WITH_KEY
    assert granted(subnets=("subnet-1",), security_group_ids=("sg-1",)) == PLAIN + IN_VPC
