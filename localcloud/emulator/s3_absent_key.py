"""Whether a key is absent is told only to those who may list the bucket; the others get 403.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html and API_HeadObject.html, under Permissions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.acting import require
from localcloud.emulator.credentials import AccessDenied
from localcloud.emulator.seam import Seam, wrap

S3 = "ministack.services.s3"
READ = ("bucket_name", "key", "headers", "query_params")
GET = Seam(S3, "_get_object", READ)
HEAD = Seam(S3, "_head_object", READ)
ERROR = Seam(S3, "_error", ("code", "message", "status", "resource", "extra", "headers"))

Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Ask for s3:ListBucket before a 404 of a key is told."""
    ERROR.original()
    wrap(GET, _discreet)
    wrap(HEAD, _discreet)


def _discreet(original: Callable[..., Answer]) -> Callable[..., Answer]:
    def read(bucket_name: str, key: str, headers: Any = None, query_params: Any = None) -> Answer:
        answer = original(bucket_name, key, headers, query_params)
        if answer[0] != 404 or b"<Code>NoSuchKey</Code>" not in _bytes(answer[2]):
            return answer
        try:
            require("s3:ListBucket", f"arn:aws:s3:::{bucket_name}")
        except AccessDenied as refused:
            denied: Answer = ERROR.original()("AccessDenied", str(refused), 403, f"/{bucket_name}/{key}")
            return denied
        return answer

    return read


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else body
