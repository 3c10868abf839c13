"""A write that asks for aws:kms and names no key is encrypted with the account's own `aws/s3` key, not refused.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (x-amz-server-side-encryption-aws-kms-key-id).
The CDK CLI publishes assets that way to a bucket that its bootstrap stack encrypts with aws:kms.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.emulator.context import account_id, region
from localcloud.emulator.seam import Seam, wrap

_ALGORITHM = "x-amz-server-side-encryption"
_KEY = "x-amz-server-side-encryption-aws-kms-key-id"

_RESOLVE = Seam("ministack.services.s3", "_resolve_sse_write_headers", ("headers", "bucket_name"))


def install() -> None:
    """Put the managed key in the place of the missing one."""
    wrap(_RESOLVE, _with_managed_key)


def _with_managed_key(resolve: Callable[..., Any]) -> Callable[..., Any]:
    def resolved(headers: Mapping[str, str], bucket_name: str) -> Any:
        if headers.get(_ALGORITHM) == "aws:kms" and not headers.get(_KEY):
            key = f"arn:aws:kms:{region()}:{account_id()}:alias/aws/s3"
            headers = {**headers, _KEY: key}
        return resolve(headers, bucket_name)

    return resolved
