"""AWS::S3::Bucket with all its properties, set by the requests of the S3 API; a bucket that is not empty is kept."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from localcloud.jobs.s3 import core_session
from localcloud.ministack.door.cloudformation import correct_handler, provisioners
from localcloud.ministack.door.names import Seam
from localcloud.ministack.door.services import s3

Properties = dict[str, Any]


def lifecycle(configuration: Properties) -> dict[str, Any]:
    """`LifecycleConfiguration` as PutBucketLifecycleConfiguration takes it."""
    return {"LifecycleConfiguration": {"Rules": [_rule(rule) for rule in configuration.get("Rules") or []]}}


def encryption(configuration: Properties) -> dict[str, Any]:
    """`BucketEncryption` as PutBucketEncryption takes it."""
    rules = []
    for rule in configuration.get("ServerSideEncryptionConfiguration") or []:
        made: dict[str, Any] = {}
        if "ServerSideEncryptionByDefault" in rule:
            made["ApplyServerSideEncryptionByDefault"] = rule["ServerSideEncryptionByDefault"]
        if "BucketKeyEnabled" in rule:
            made["BucketKeyEnabled"] = _true(rule["BucketKeyEnabled"])
        rules.append(made)
    return {"ServerSideEncryptionConfiguration": {"Rules": rules}}


def ownership(configuration: Properties) -> dict[str, Any]:
    """`OwnershipControls` as PutBucketOwnershipControls takes it."""
    return {"OwnershipControls": {"Rules": configuration.get("Rules") or []}}


def versioning(configuration: Properties) -> dict[str, Any]:
    """`VersioningConfiguration` as PutBucketVersioning takes it."""
    return {"VersioningConfiguration": {"Status": configuration.get("Status", "Suspended")}}


def _rule(given: Properties) -> dict[str, Any]:
    rule: dict[str, Any] = {"Status": given.get("Status", "Enabled"), "Filter": _filter(given)}
    if given.get("Id"):
        rule["ID"] = given["Id"]
    expiration: dict[str, Any] = {}
    if "ExpirationInDays" in given:
        expiration["Days"] = int(given["ExpirationInDays"])
    if "ExpirationDate" in given:
        expiration["Date"] = given["ExpirationDate"]
    if "ExpiredObjectDeleteMarker" in given:
        expiration["ExpiredObjectDeleteMarker"] = _true(given["ExpiredObjectDeleteMarker"])
    if expiration:
        rule["Expiration"] = expiration
    transitions = [*_listed(given, "Transition"), *(given.get("Transitions") or [])]
    if transitions:
        rule["Transitions"] = [_transition(each, "Days") for each in transitions]
    old_transitions = [
        *_listed(given, "NoncurrentVersionTransition"),
        *(given.get("NoncurrentVersionTransitions") or []),
    ]
    if old_transitions:
        rule["NoncurrentVersionTransitions"] = [_transition(each, "NoncurrentDays") for each in old_transitions]
    old = dict(given.get("NoncurrentVersionExpiration") or {})
    if "NoncurrentVersionExpirationInDays" in given:
        old.setdefault("NoncurrentDays", given["NoncurrentVersionExpirationInDays"])
    if old:
        rule["NoncurrentVersionExpiration"] = {name: int(value) for name, value in old.items()}
    if "AbortIncompleteMultipartUpload" in given:
        days = given["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        rule["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": int(days)}
    return rule


def _filter(given: Properties) -> dict[str, Any]:
    """What the rule applies to: the API wants several conditions inside `And`."""
    conditions: dict[str, Any] = {}
    if given.get("Prefix"):
        conditions["Prefix"] = given["Prefix"]
    for size in ("ObjectSizeGreaterThan", "ObjectSizeLessThan"):
        if size in given:
            conditions[size] = int(given[size])
    wanted = given.get("TagFilters") or []
    if len(conditions) + len(wanted) > 1:
        return {"And": {**conditions, **({"Tags": wanted} if wanted else {})}}
    if wanted:
        return {"Tag": wanted[0]}
    return conditions or {"Prefix": ""}


def _transition(given: Properties, days: str) -> dict[str, Any]:
    made: dict[str, Any] = {"StorageClass": given["StorageClass"]}
    if "TransitionInDays" in given:
        made[days] = int(given["TransitionInDays"])
    if "TransitionDate" in given:
        made["Date"] = given["TransitionDate"]
    if "NewerNoncurrentVersions" in given:
        made["NewerNoncurrentVersions"] = int(given["NewerNoncurrentVersions"])
    return made


def _listed(given: Properties, name: str) -> list[Any]:
    return [given[name]] if name in given else []


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


TYPE = "AWS::S3::Bucket"

_APPLIED: tuple[tuple[str, Callable[[Any], dict[str, Any]], str, Seam, Seam | None], ...] = (
    (
        "VersioningConfiguration",
        versioning,
        "PutBucketVersioning",
        s3.put_bucket_versioning,
        None,
    ),
    (
        "LifecycleConfiguration",
        lifecycle,
        "PutBucketLifecycleConfiguration",
        s3.put_bucket_lifecycle,
        s3.delete_bucket_lifecycle,
    ),
    (
        "BucketEncryption",
        encryption,
        "PutBucketEncryption",
        s3.put_bucket_encryption,
        s3.delete_bucket_encryption,
    ),
    (
        "OwnershipControls",
        ownership,
        "PutBucketOwnershipControls",
        s3.put_bucket_ownership_controls,
        s3.delete_bucket_ownership_controls,
    ),
)
"""Property, its request, the operation, and what puts and what removes it."""


def install() -> None:
    """Complete the handlers of the type."""
    # Stack tags and aws:cloudformation:* reach the bucket like those of other types.
    provisioners.STACK_TAG_PROPERTY[TYPE] = ("Tags", "list")
    correct_handler(TYPE, "create", _created)
    correct_handler(TYPE, "update", _updated)
    correct_handler(TYPE, "delete", lambda _, physical_id, props: _delete(physical_id, props))


def _created(original: Callable[..., Any], logical_id: str, props: Properties, stack_name: str) -> Any:
    name, attributes = original(logical_id, props, stack_name)
    try:
        _apply(name, {}, props)
    except Exception:
        _delete(name, props)
        raise
    return name, attributes


def _updated(
    original: Callable[..., Any], physical_id: str, old_props: Properties, new_props: Properties, stack_name: str
) -> Any:
    name, attributes = original(physical_id, old_props, new_props, stack_name)
    _apply(name, old_props if name == physical_id else {}, new_props)
    return name, attributes


def _apply(name: str, old: Properties, new: Properties) -> None:
    _tag(name, old, new)
    for property_name, request, operation, put, remove in _APPLIED:
        if new.get(property_name):
            _checked(property_name, put.original()(name, _body(operation, request(new[property_name]))))
        elif old.get(property_name) and remove is not None:
            _checked(property_name, remove.original()(name))
        elif old.get(property_name):
            # Versioning cannot be taken back: AWS suspends it.
            _checked(property_name, put.original()(name, _body(operation, request({"Status": "Suspended"}))))


def _tag(name: str, old: Properties, new: Properties) -> None:
    """Set the stack's tags and leave those that others put on the bucket. PutBucketTagging takes no aws: tags."""
    kept = dict(s3.bucket_tags.get(name) or {})
    for tag in old.get("Tags") or []:
        kept.pop(tag["Key"], None)
    kept.update({tag["Key"]: str(tag["Value"]) for tag in new.get("Tags") or []})
    if kept:
        s3.bucket_tags[name] = kept
    else:
        s3.bucket_tags.pop(name, None)


def _checked(property_name: str, answer: tuple[int, Any, Any]) -> None:
    if answer[0] >= 400:
        raise ValueError(f"Resource handler returned message: {property_name}: {_message(answer[2])}")


def _message(body: bytes | str) -> str:
    from xml.etree import ElementTree

    root = ElementTree.fromstring(body)  # noqa: S314  (S3's own answer)
    return root.findtext("Message") or root.findtext("Code") or ""


@functools.cache
def _serializer() -> tuple[Any, Any]:
    from botocore.serialize import create_serializer

    return core_session().get_service_model("s3"), create_serializer("rest-xml", include_validation=False)


def _body(operation: str, members: dict[str, Any]) -> bytes:
    model, serializer = _serializer()
    request = serializer.serialize_to_request({"Bucket": "bucket", **members}, model.operation_model(operation))
    body: bytes = request["body"]
    return body


def _delete(physical_id: str, props: Properties) -> None:
    status, _, body = s3.delete_bucket.original()(physical_id)
    if status == 404:
        return
    if status >= 400:
        raise ValueError(
            f"Resource handler returned message: {_message(body)}. You must delete all versions in the bucket. "
            f"(Service: S3, Status Code: {status})"
        )
