"""What a source grants to the release role of the environment that takes its models: the same statements wherever
they are written, in the bucket policy that the stack makes or by hand where the organisation owns bucket or key.
"""

from __future__ import annotations

from typing import Any

from kickstand.names import Names, partition

MODELS = "models/*"
"""All that a promotion reads of another environment's bucket."""

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
            "Resource": f"{source.bucket_arn}/{MODELS}",
            "Condition": role,
        },
        # A missing object is told from a refused one by listing its prefix: HeadObject says 403 to both.
        {
            "Sid": f"ListModels{name}",
            **who,
            "Action": "s3:ListBucket",
            "Resource": source.bucket_arn,
            "Condition": {**role, "StringLike": {"s3:prefix": MODELS}},
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
