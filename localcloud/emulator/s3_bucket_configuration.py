"""The properties of an AWS::S3::Bucket as the requests of the S3 API that set them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-s3-bucket.html
Pure: properties in, request members out.
"""

from __future__ import annotations

from typing import Any

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
