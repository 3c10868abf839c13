"""What captured requests take of permissions: SageMaker writes them as the model's role, people read them."""

from __future__ import annotations

from infra.policies.statement import Statement
from kickstand.bucket import CAPTURE
from kickstand.names import Names


def capture_statements(names: Names) -> list[Statement]:
    """Write what is captured; nothing where nothing is.

    All of `capture/` and not the one folder: while an endpoint is updated the old instances write as the old
    configuration says, when the policy is the new one's already. Nothing is read there, and nothing is deleted.
    """
    if not names.environment.captures:
        return []
    key = names.capture_key_arn
    own = key is not None and key != names.environment.storage.kms_key_arn
    return [
        Statement("WriteCaptured", ("s3:PutObject",), (CAPTURE.arn(names.bucket_arn),)),
        # The key of data and volumes has a statement of its own.
        *([Statement("UseCaptureKey", ("kms:Decrypt", "kms:GenerateDataKey"), (key,))] if key and own else []),
    ]


def captured_statements(names: Names) -> list[Statement]:
    """Read what is captured, as `kickstand captured` does, and nothing else.

    Whoever may read requests sees the rows of callers: so it is a policy of its own, and no part of a reviewer's.
    """
    bucket, key = names.bucket_arn, names.capture_key_arn
    return [
        Statement(
            "ListCaptured",
            ("s3:ListBucket",),
            (bucket,),
            conditions={"StringLike": {"s3:prefix": (CAPTURE.objects,)}},
        ),
        Statement("ReadCaptured", ("s3:GetObject",), (CAPTURE.arn(bucket),)),
        *([Statement("ReadWithKey", ("kms:Decrypt",), (key,))] if key else []),
    ]
