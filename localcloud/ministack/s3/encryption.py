"""SSE-KMS: whoever writes or reads an object must be allowed to use its key, as S3 asks KMS on their behalf.

| call | asks for |
|---|---|
| PutObject, POST form, the target of CopyObject, CreateMultipartUpload, PutObjectAnnotation | kms:GenerateDataKey |
| GetObject, the source of CopyObject and UploadPartCopy, GetObjectAnnotation | kms:Decrypt |
| UploadPart, UploadPartCopy, CompleteMultipartUpload | kms:Decrypt |
| HeadObject with its checksum, GetObjectAttributes with checksum or parts | kms:Decrypt |

https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html and the Permissions of each call's page.
The encryption context is the object's ARN; with an S3 Bucket Key, the bucket's
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html). A write that names no key takes the `aws/s3`
key of its caller's account; an id or an alias is looked for there, too.
"""

from __future__ import annotations

import base64
import binascii
import contextvars
import json
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import unquote

from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import s3
from localcloud.ministack.iam import acting
from localcloud.ministack.kms.authorization import KeyRefused, KeyUse, authorize
from localcloud.ministack.registry import region

ALGORITHM = "x-amz-server-side-encryption"
KEY = "x-amz-server-side-encryption-aws-kms-key-id"
BUCKET_KEY = "x-amz-server-side-encryption-bucket-key-enabled"
CONTEXT = "x-amz-server-side-encryption-context"
_KMS = ("aws:kms", "aws:kms:dsse")

READ = ("bucket_name", "key", "headers", "query_params")

Answer = tuple[int, dict[str, str], bytes]

_written: contextvars.ContextVar[tuple[str, str | None]] = contextvars.ContextVar(
    "kickstand_written_key", default=("", None)
)
"""Key of the object that is being written, and the access key of a form that carries its own."""


def install() -> None:
    """Ask KMS at every call that encrypts or decrypts, and keep with an object what its decryption needs."""
    s3.SSE_STORED_HEADERS = (*s3.SSE_STORED_HEADERS, BUCKET_KEY, CONTEXT)
    correct(s3.resolve_sse_write_headers, _encrypting)
    for seam in (s3.put_object, s3.copy_object, s3.create_multipart_upload):
        correct(seam, _writing)
    correct(s3.post_object, _posting)
    correct(s3.check_sse_c_part, _decrypting_part)
    correct(s3.check_sse_c_copy_source, _decrypting_source)
    correct(s3.get_object, partial(_reading, lambda headers: True))
    correct(s3.get_object_annotation, partial(_reading, lambda headers: True))
    correct(s3.head_object, partial(_reading, _wants_checksum))
    correct(s3.get_object_attributes, _looking_closer)
    correct(s3.put_object_annotation, _annotating)


def _writing(original: Callable[..., Answer], bucket_name: str, key: str, *rest: Any) -> Answer:
    token = _written.set((key, None))
    try:
        return original(bucket_name, key, *rest)
    finally:
        _written.reset(token)


def _posting(original: Callable[..., Answer], bucket_name: str, body: bytes, headers: dict[str, str]) -> Answer:
    # The form's key is known to its own parser alone; a policy sees the bucket's objects.
    access_key = acting.access_key() or s3.request_access_key.original()("POST", "", headers, {}, body)
    token = _written.set(("*", access_key))
    try:
        return original(bucket_name, body, headers)
    finally:
        _written.reset(token)


def _encrypting(resolve: Callable[..., Any], headers: Mapping[str, str], bucket_name: str) -> Any:
    wanted = headers.get(ALGORITHM)
    if wanted in _KMS:
        # ministack knows aws:kms alone, and only with a key; it still checks what contradicts it.
        known = {**headers, ALGORITHM: "aws:kms", KEY: headers.get(KEY) or "alias/aws/s3"}
        found, error = resolve(known, bucket_name)
        given = known[KEY]
    else:
        found, error = resolve(headers, bucket_name)
        wanted, given = (found or {}).get(ALGORITHM), ""
    if error is not None or wanted not in _KMS:
        return found, error
    given = given or found.get(KEY) or _default_key(bucket_name) or "alias/aws/s3"
    try:
        return _encrypted(headers, bucket_name, str(wanted), given), None
    except _BadContextError as bad:
        return None, s3.error.original()("InvalidArgument", str(bad), 400)
    except KeyRefused as refused:
        return None, _refusal(refused, f"/{bucket_name}/{_written.get()[0]}")


def _encrypted(headers: Mapping[str, str], bucket_name: str, algorithm: str, reference: str) -> dict[str, str]:
    """The SSE headers that are kept with an object, once KMS has let its writer use the key."""
    found = {ALGORITHM: algorithm, KEY: ""}
    setting = headers.get(BUCKET_KEY, "").lower() or _default(bucket_name, "BucketKeyEnabled")
    if algorithm == "aws:kms" and setting == "true":
        found[BUCKET_KEY] = "true"
    if headers.get(CONTEXT):
        found[CONTEXT] = headers[CONTEXT]
    key, access_key = _written.get()
    place = s3.bucket_region.original()(bucket_name) or region()
    use = KeyUse("kms:GenerateDataKey", "s3", place, _context(bucket_name, key, found))
    found[KEY] = authorize(use, reference, access_key=access_key)
    return found


def _default_key(bucket_name: str) -> str:
    """The key of the bucket's default encryption, also where that is aws:kms:dsse."""
    return _default(bucket_name, "KMSMasterKeyID")


def _default(bucket_name: str, element: str) -> str:
    """The text of an element of the bucket's default encryption; empty without one."""
    found = re.search(rf"<(?:\w+:)?{element}>\s*([^<]*?)\s*<", s3.bucket_encryption.get(bucket_name) or "")
    return found[1] if found else ""


class _BadContextError(ValueError):
    """The header of an additional encryption context does not hold one."""


def _context(bucket_name: str, key: str, kept: Mapping[str, str]) -> dict[str, str]:
    """The encryption context of an object: its ARN, or its bucket's with a bucket key, and what the writer added."""
    arn = f"arn:aws:s3:::{bucket_name}" + ("" if kept.get(BUCKET_KEY) == "true" else f"/{key}")
    added: Any = {}
    if kept.get(CONTEXT):
        try:
            added = json.loads(base64.b64decode(kept[CONTEXT], validate=True))
        except (binascii.Error, ValueError):
            added = None
        if not isinstance(added, dict) or not all(isinstance(value, str) for value in added.values()):
            raise _BadContextError(
                f"The header '{CONTEXT}' shall be Base64-encoded UTF-8 string holding JSON which represents a "
                "string-string map"
            )
    return {**added, "aws:s3:arn": arn}


def _decrypt(bucket_name: str, key: str, kept: Mapping[str, str], action: str = "kms:Decrypt") -> Answer | None:
    """The refusal of whoever may not decrypt what these SSE headers were kept of; None where they may."""
    if kept.get(ALGORITHM) not in _KMS:
        return None
    reference = kept.get(KEY) or "alias/aws/s3"
    place = reference.split(":")[3] if reference.startswith("arn:") else region()
    try:
        authorize(KeyUse(action, "s3", place, _context(bucket_name, key, kept)), reference)
    except KeyRefused as refused:
        return _refusal(refused, f"/{bucket_name}/{key}")
    return None


def _refusal(refused: KeyRefused, resource: str) -> Answer:
    """KMS's refusal as S3 passes it on: AccessDenied, or KMS's own code behind `KMS.`."""
    if refused.code == "AccessDeniedException":
        return s3.error.original()("AccessDenied", str(refused), 403, resource)  # type: ignore[no-any-return]
    return s3.error.original()(f"KMS.{refused.code}", str(refused), 400, resource)  # type: ignore[no-any-return]


def _reading(
    requires: Callable[[Mapping[str, str]], bool],
    original: Callable[..., Answer],
    bucket_name: str,
    key: str,
    headers: Any = None,
    query_params: Any = None,
) -> Answer:
    """requires: whether a request with these headers reads what is encrypted."""
    answer = original(bucket_name, key, headers, query_params)
    kept = answer[1]
    if kept.get(ALGORITHM) not in _KMS or answer[0] not in (200, 206):
        return answer
    refused = _decrypt(bucket_name, key, kept) if requires(headers or {}) else None
    kept.pop(CONTEXT, None)  # kept with the object, and not among what a read answers
    return refused or answer


def _wants_checksum(headers: Mapping[str, str]) -> bool:
    return headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"


def _looking_closer(
    original: Callable[..., Answer], bucket_name: str, key: str, headers: Any = None, query_params: Any = None
) -> Answer:
    answer = original(bucket_name, key, headers, query_params)
    wanted = {one.strip() for one in (headers or {}).get("x-amz-object-attributes", "").split(",")}
    if answer[0] != 200 or not wanted & {"Checksum", "ObjectParts"}:
        return answer
    return _decrypt(bucket_name, key, s3.head_object.original()(bucket_name, key, {}, query_params)[1]) or answer


def _annotating(
    original: Callable[..., Answer], bucket_name: str, key: str, body: bytes, headers: Any, query_params: Any
) -> Answer:
    kept = s3.head_object.original()(bucket_name, key, {}, query_params)[1]
    refused = _decrypt(bucket_name, key, kept, "kms:GenerateDataKey")
    return refused or original(bucket_name, key, body, headers, query_params)


def _decrypting_part(original: Callable[..., Any], headers: dict[str, str], upload: dict[str, Any]) -> Any:
    kept = upload.get("preserved_headers", {})
    return original(headers, upload) or _decrypt(upload["bucket"], upload["key"], kept)


def _decrypting_source(original: Callable[..., Any], headers: dict[str, str], source: dict[str, Any]) -> Any:
    kept = source.get("preserved_headers", {})
    if kept.get(ALGORITHM) not in _KMS:
        return original(headers, source)
    path = unquote(headers.get("x-amz-copy-source", "").lstrip("/").partition("?")[0])
    bucket_name, _, key = path.partition("/")
    return original(headers, source) or _decrypt(bucket_name, key, kept)
