"""One statement of an IAM policy, as a value; when an ARN in it may hold a wildcard; those that a release role needs.

What a source grants to the release role of the environment that takes its models is the same wherever it is written:
in the bucket policy that the stack makes, or by hand where the organisation owns bucket or key.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kickstand.bucket import MODELS
from kickstand.names import Names, partition

Conditions = Mapping[str, Mapping[str, str | tuple[str, ...]]]
"""Operator, key, value or values: `{"StringLike": {"s3:prefix": ("data/*",)}}`."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing that a role or a caller may do.

    sid:       letters and digits: what it is for. Unique in its policy.
    actions:   IAM actions, each by its full name.
    resources: ARNs. Empty where `everywhere` is given.
    everywhere: why the actions can name no resource; the statement is then for `*`.
    conditions: further limits.
    """

    sid: str
    actions: tuple[str, ...]
    resources: tuple[str, ...] = ()
    everywhere: str = ""
    conditions: Conditions = field(default_factory=dict)

    def __post_init__(self) -> None:
        if bool(self.resources) == bool(self.everywhere):
            raise ValueError(f"{self.sid}: name its resources, or say why it has none.")
        if any("*" in action for action in self.actions) or "*" in self.resources:
            raise ValueError(f"{self.sid}: name every action, and give a reason in place of the resource *.")

    def document(self) -> dict[str, Any]:
        """The statement as IAM reads it."""
        limits = {
            operator: {key: _one_or_list(v) for key, v in keys.items()} for operator, keys in self.conditions.items()
        }
        return {
            "Sid": self.sid,
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources) or "*",
            **({"Condition": limits} if limits else {}),
        }


def policy_document(statements: Iterable[Statement]) -> dict[str, Any]:
    """An IAM policy of some statements, in their order."""
    return {"Version": "2012-10-17", "Statement": [statement.document() for statement in statements]}


def _one_or_list(value: str | tuple[str, ...]) -> str | list[str]:
    return value if isinstance(value, str) else list(value)


_REASONS: tuple[tuple[str, str], ...] = (
    (r":s3:::[^*/]+/[a-z-]+/\*", "Objects below one prefix of one bucket, whose keys are digests and names of jobs."),
    (r":s3:::[^*/]+/transform/(input|output)/\*", "Rows and answers of one bucket, below digests and names of jobs."),
    (r":s3:::cdk-[^*/]+-assets-[^*/]+/\*", "Templates in the CDK's own bucket, whose keys are digests."),
    (r":s3:::[^*/]+/data/\*/[a-z]+/\*", "One channel of every set of data, whose keys begin with digests."),
    (r":states:[^*]+:execution:[^*]+:\*", "Executions of one state machine get their names when they start."),
    (r":sagemaker:[^*]+:training-job/[^*]+-\*", "Training jobs of one environment get their names when they start."),
    (r":sagemaker:[^*]+:transform-job/[^*]+-\*", "Transform jobs of one environment get their names when they start."),
    (
        r":sagemaker:[^*]+:training-job/\*",
        "Describes any job of the account: one that was begun elsewhere may be adopted.",
    ),
    (r":sagemaker:[^*]+:model-package/[^*]+/\*", "Model packages of one group are numbered as they are registered."),
    (r":sagemaker:[^*]+:(model|endpoint-config)/\*", "CloudFormation names these; it reads them, and changes none."),
    (r":logs:[^*]+:log-group:[^*]+:\*", "Streams of one log group, which jobs and instances name."),
    (r":cloudformation:[^*]+:stack/[^*]+/\*", "CloudFormation puts an id of its own behind the name of one stack."),
    (r":iam:[^*]+:(role|policy)/[^*/]+-\*", "CloudFormation names these behind the environment's own prefix."),
    (r":cloudwatch:[^*]+:alarm:[^*]+-\*", "The alarms of one environment, whose names begin with its prefix."),
    (r":kms:[^*]+:key/\*", "KMS names the key of alerts; a condition limits it to that with the environment's tag."),
    (
        r":ec2:[^*:]+:\*:(subnet|security-group)/[^*]+",
        "The account that shares a subnet or a security group is its owner's; the id is unique.",
    ),
    (
        r":application-autoscaling:[^*]+:scalable-target/\*",
        "Application Auto Scaling names its targets; tags are read.",
    ),
    (r":ec2:[^*]+:network-interface/\*", "EC2 names network interfaces; the condition limits them to the subnets."),
)


def wildcard_reason(arn: str) -> str:
    """The reason of an ARN's wildcard; empty where it has no wildcard, or none that has a reason."""
    if "*" not in arn:
        return ""
    return next((reason for pattern, reason in _REASONS if re.fullmatch(rf"arn:[a-z-]+{pattern}", arn)), "")


READ_MODEL = ("s3:GetObject", "s3:GetObjectAttributes")
"""Copy an object and read its checksum. Its tags are not copied (TaggingDirective REPLACE), so not read."""


def bucket_grants(source: Names, target: Names) -> list[dict[str, Any]]:
    """Statements of the source's bucket policy: the target's release role reads and lists `models/`.

    The principal is the target's account, narrowed to the role by a condition, and not the role itself: S3 refuses
    a policy that names a role which does not exist yet, and after a role was deleted and made again it would hold
    on to the id of the old one. So source and target can be deployed in any order.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html#principal-roles
    """
    name = target.environment.name.capitalize()
    who: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": _account(target)}}
    role = {"ArnEquals": {"aws:PrincipalArn": target.release_role_arn}}
    return [
        {
            "Sid": f"ReadModels{name}",
            **who,
            "Action": list(READ_MODEL),
            "Resource": MODELS.arn(source.bucket_arn),
            "Condition": role,
        },
        # A missing object is told from a refused one by listing its prefix: HeadObject says 403 to both.
        {
            "Sid": f"ListModels{name}",
            **who,
            "Action": "s3:ListBucket",
            "Resource": source.bucket_arn,
            "Condition": {**role, "StringLike": {"s3:prefix": MODELS.objects}},
        },
    ]


def key_grant(target: Names) -> dict[str, Any]:
    """The statement of the source's key policy: the target's release role decrypts what it may read.

    In a key policy `*` is the key itself. Which objects it is that are decrypted, the bucket policy says.
    """
    name = target.environment.name.capitalize()
    return {
        "Sid": f"DecryptModels{name}",
        "Effect": "Allow",
        "Principal": {"AWS": _account(target)},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": target.release_role_arn}},
    }


def _account(names: Names) -> str:
    environment = names.environment
    return f"arn:{partition(environment.region)}:iam::{environment.account}:root"
