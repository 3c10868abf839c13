"""Writes to S3 that never write over anything: `IfNoneMatch="*"` on PutObject and on CopyObject.

S3 decides, so two that write the same key need no lock (https://docs.aws.amazon.com/AmazonS3/latest/userguide/
conditional-writes.html). For copies it does so since October 2025 ("Amazon S3 adds conditional write functionality to
copy operations", https://www.amazonaws.cn/en/new/2025/amazon-s3-adds-conditional-write-functionality-to-copy-operations,
in all regions); the page "conditional-writes-enforce" is older than that and says that such a copy is refused.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from kickstand.aws_errors import error_code

EXISTS = frozenset({"PreconditionFailed", "412"})
"""What S3 answers where a condition does not hold: with `IfNoneMatch="*"`, where there is an object."""

CONFLICT = frozenset({"ConditionalRequestConflict", "409"})
"""What S3 answers where another request changed the same key at that moment. Nothing was decided: try again."""

ATTEMPTS = 4
_FIRST_WAIT = 0.1


def decided(write: Callable[[], Any], *, sleep: Callable[[float], None] = time.sleep) -> Any:
    """The answer to a conditional request, repeated while another one on the same key is in its way.

    Repeated three times, after 0.1, 0.2 and 0.4 s. Every refusal but these conflicts passes, as does the last conflict.
    """
    for attempt in range(ATTEMPTS - 1):
        try:
            return write()
        except ClientError as error:
            if error_code(error) not in CONFLICT:
                raise
        sleep(_FIRST_WAIT * 2**attempt)
    return write()


def write_once(write: Callable[[], Any], *, sleep: Callable[[float], None] = time.sleep) -> bool:
    """Do a write with `IfNoneMatch="*"`; False where its condition does not hold, and nothing was written."""
    try:
        decided(write, sleep=sleep)
    except ClientError as error:
        if error_code(error) not in EXISTS:
            raise
        return False
    return True
