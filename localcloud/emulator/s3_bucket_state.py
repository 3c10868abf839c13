"""A bucket's settings as the properties of an AWS::S3::Bucket, read back as a request to S3 reads them."""

from __future__ import annotations

import functools
from typing import Any

from localcloud.emulator import s3_bucket_configuration as configuration
from localcloud.emulator.s3_bucket_resource import _body
from localcloud.emulator.seam import Seam

S3 = "ministack.services.s3"
_BY_NAME = ("name",)

ENCRYPTION = Seam(S3, "_get_bucket_encryption", _BY_NAME)
LIFECYCLE = Seam(S3, "_get_bucket_lifecycle", _BY_NAME)
NOTIFICATION = Seam(S3, "_get_bucket_notification", _BY_NAME)
OWNERSHIP = Seam(S3, "_get_bucket_ownership_controls", _BY_NAME)
PUBLIC_ACCESS = Seam(S3, "_get_public_access_block", _BY_NAME)

_COMPARED = {
    "BucketEncryption": ("Encryption", ENCRYPTION, configuration.encryption),
    "LifecycleConfiguration": ("LifecycleConfiguration", LIFECYCLE, configuration.lifecycle),
    "OwnershipControls": ("OwnershipControls", OWNERSHIP, configuration.ownership),
}
"""Property, the end of its operations' names, what answers the one that reads, and its request."""

Properties = dict[str, Any]


def check_seams() -> None:
    """SeamMovedError where S3 no longer answers as it is read here."""
    for seam in (ENCRYPTION, LIFECYCLE, NOTIFICATION, OWNERSHIP, PUBLIC_ACCESS):
        seam.original()


def bucket_state(name: str, expected: Properties) -> Properties | None:
    """The current properties of a bucket; None where it is gone.

    A setting that means the same as the expected one is given as the template writes it, any other as S3 has it.
    """
    from ministack.services import s3

    if name not in s3._buckets:
        return None
    found: Properties = {"BucketName": name, "Tags": dict(s3._bucket_tags.get(name) or {})}
    for property_name, (operation, read, request) in _COMPARED.items():
        now = _answered(f"GetBucket{operation}", read, name)
        wanted = expected.get(property_name)
        if wanted and now == _parsed(f"GetBucket{operation}", _body(f"PutBucket{operation}", request(wanted))):
            now = wanted
        found[property_name] = now
    found["VersioningConfiguration"] = {"Status": s3._bucket_versioning.get(name, "Suspended")}
    wanted = expected.get("PublicAccessBlockConfiguration") or {}
    block = _answered("GetPublicAccessBlock", PUBLIC_ACCESS, name).get("PublicAccessBlockConfiguration", {})
    found["PublicAccessBlockConfiguration"] = {each: value for each, value in block.items() if each in wanted or value}
    if "NotificationConfiguration" in expected:
        now = _answered("GetBucketNotificationConfiguration", NOTIFICATION, name)
        found["NotificationConfiguration"] = _notifications(now, expected["NotificationConfiguration"])
    return {each: value for each, value in found.items() if value or each in expected}


def _notifications(now: Properties, wanted: Properties) -> Properties:
    """EventBridge as a template writes it, on or off; other targets as S3 has them."""
    found: Properties = {each: value for each, value in now.items() if each != "EventBridgeConfiguration"}
    if "EventBridgeConfiguration" in now or "EventBridgeConfiguration" in wanted:
        found["EventBridgeConfiguration"] = {"EventBridgeEnabled": "EventBridgeConfiguration" in now}
    return found


def _answered(operation: str, read: Seam, name: str) -> Properties:
    """What a client would read; empty where S3 answers that there is no such setting."""
    status, _, body = read.original()(name)
    return _parsed(operation, body) if status == 200 else {}


def _parsed(operation: str, body: str | bytes) -> Properties:
    model, parser = _parser()
    text = body.encode() if isinstance(body, str) else body
    response = {"body": text, "headers": {}, "status_code": 200}
    answer = parser.parse(response, model.operation_model(operation).output_shape)
    return {member: value for member, value in answer.items() if member != "ResponseMetadata"}


@functools.cache
def _parser() -> tuple[Any, Any]:
    import botocore.session
    from botocore.parsers import create_parser

    return botocore.session.Session().get_service_model("s3"), create_parser("rest-xml")
