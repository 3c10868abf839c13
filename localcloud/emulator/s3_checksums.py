"""Checksums and conditions of S3 writes as the answers tell them: PutObject's own checksum, and CopyObject's.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.seam import Seam, wrap

S3 = "ministack.services.s3"
PUT = Seam(S3, "_put_object", ("bucket_name", "key", "body", "headers"))
COPY = Seam(S3, "_copy_object", ("bucket_name", "dest_key", "headers"))
CONDITIONS = Seam(S3, "_check_put_preconditions", ("headers", "existing_obj"))


def install() -> None:
    """Tell the checksum of what was written, and let a copy be conditional and take a checksum."""
    CONDITIONS.original()
    wrap(PUT, _put)
    wrap(COPY, _copy)


def _put(original: Callable[..., Any]) -> Callable[..., Any]:
    def put_object(bucket_name: str, key: str, body: bytes, headers: dict[str, str]) -> Any:
        status, answer, content = original(bucket_name, key, body, headers)
        checksums = _checksums(bucket_name, key) if status == 200 else {}
        for algorithm, value in checksums.items():
            answer[f"x-amz-checksum-{algorithm.lower()}"] = value
            answer["x-amz-checksum-type"] = "FULL_OBJECT"
        return status, answer, content

    return put_object


def _copy(original: Callable[..., Any]) -> Callable[..., Any]:
    def copy_object(bucket_name: str, dest_key: str, headers: dict[str, str]) -> Any:
        from ministack.services import s3

        bucket = s3._buckets.get(bucket_name)
        if bucket is not None:
            refused = s3._check_put_preconditions(headers, bucket["objects"].get(dest_key))
            if refused:
                return refused
        algorithm = headers.get("x-amz-checksum-algorithm") or _composite_algorithm(headers)
        if algorithm:
            # The copy is one object again, whatever parts its source was sent in: its checksum is made of the whole.
            headers = {**headers, "x-amz-sdk-checksum-algorithm": algorithm}
        status, answer, content = original(bucket_name, dest_key, headers)
        if status == 200:
            content = _with_checksums(content, _checksums(bucket_name, dest_key))
        return status, answer, content

    return copy_object


def _checksums(bucket_name: str, key: str) -> dict[str, str]:
    from ministack.services import s3

    record = (s3._ensure_bucket(bucket_name) or {"objects": {}})["objects"].get(key) or {}
    return dict(record.get("checksums") or {})


def _composite_algorithm(headers: dict[str, str]) -> str | None:
    """The algorithm of a source whose checksum is one of parts."""
    from urllib.parse import unquote

    bucket_name, _, key = unquote(headers.get("x-amz-copy-source", "").lstrip("/").partition("?")[0]).partition("/")
    for algorithm, value in _checksums(bucket_name, key).items():
        if "-" in value:
            return algorithm
    return None


def _with_checksums(content: bytes | str, checksums: dict[str, str]) -> bytes:
    text = content.decode() if isinstance(content, bytes) else content
    told = "".join(f"<Checksum{algorithm}>{value}</Checksum{algorithm}>" for algorithm, value in checksums.items())
    if told:
        told += "<ChecksumType>FULL_OBJECT</ChecksumType>"
    return text.replace("</CopyObjectResult>", f"{told}</CopyObjectResult>").encode()
