"""A bucket's settings as the properties of an AWS::S3::Bucket, read back from what S3 keeps."""

from __future__ import annotations

import functools
from typing import Any

from localcloud.emulator import s3_bucket_configuration as configuration
from localcloud.emulator.s3_bucket_resource import _body

Properties = dict[str, Any]


def bucket_state(name: str, expected: Properties) -> Properties | None:
    """The current properties of a bucket; None where it is gone.

    A setting that means the same as the expected one is given as the template writes it.
    """
    from ministack.services import s3

    record = s3._buckets.get(name)
    if record is None:
        return None
    kept = {
        "BucketEncryption": ("Encryption", s3._bucket_encryption.get(name), configuration.encryption),
        "LifecycleConfiguration": ("LifecycleConfiguration", s3._bucket_lifecycle.get(name), configuration.lifecycle),
        "OwnershipControls": ("OwnershipControls", record.get("_ownership_controls"), configuration.ownership),
    }
    found: Properties = {"BucketName": name, "Tags": dict(s3._bucket_tags.get(name) or {})}
    for property_name, (operation, text, request) in kept.items():
        now = _parsed(f"GetBucket{operation}", text)
        wanted = expected.get(property_name)
        if wanted and now == _parsed(f"GetBucket{operation}", _body(f"PutBucket{operation}", request(wanted))):
            now = wanted
        found[property_name] = now
    found["VersioningConfiguration"] = {"Status": s3._bucket_versioning.get(name, "Suspended")}
    block = _parsed("GetPublicAccessBlock", record.get("_public_access_block"))
    settings = block.get("PublicAccessBlockConfiguration", {})
    wanted = expected.get("PublicAccessBlockConfiguration") or {}
    found["PublicAccessBlockConfiguration"] = {
        each: value for each, value in settings.items() if each in wanted or value
    }
    if "NotificationConfiguration" in expected:
        now = _parsed("GetBucketNotificationConfiguration", s3._bucket_notifications.get(name))
        found["NotificationConfiguration"] = _notifications(now, expected["NotificationConfiguration"])
    return {each: value for each, value in found.items() if value or each in expected}


def _notifications(now: Properties, wanted: Properties) -> Properties:
    """EventBridge is on or off in S3's own form; other targets are told as S3 has them."""
    found: Properties = {each: value for each, value in now.items() if each != "EventBridgeConfiguration"}
    if "EventBridgeConfiguration" in now:
        found["EventBridgeConfiguration"] = {"EventBridgeEnabled": True}
    elif "EventBridgeConfiguration" in wanted:
        found["EventBridgeConfiguration"] = {"EventBridgeEnabled": False}
    return found


def _parsed(operation: str, text: str | bytes | None) -> Properties:
    """What botocore reads from S3's XML; empty where nothing is kept."""
    if not text:
        return {}
    model, parser = _parser()
    body = text.encode() if isinstance(text, str) else text
    answer = parser.parse(
        {"body": body, "headers": {}, "status_code": 200}, model.operation_model(operation).output_shape
    )
    answer.pop("ResponseMetadata", None)
    return dict(answer)


@functools.cache
def _parser() -> tuple[Any, Any]:
    import botocore.session
    from botocore.parsers import create_parser

    return botocore.session.Session().get_service_model("s3"), create_parser("rest-xml")
