"""The artifact bucket: reached, where it has to be, and as the stacks and the evidence need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from promotion.doctor.finding import Finding
from promotion.doctor.patient import Patient
from promotion.doctor.stacks import HOLDS_NOTHING, stack_status

if TYPE_CHECKING:
    from kickstand.config.model import Environment


@dataclass(frozen=True, slots=True)
class Bucket:
    """What S3 says of a bucket.

    encryption: `AES256`, `aws:kms`, …; empty for none. key: the KMS key of its default encryption, if it has one.
    """

    region: str
    versioned: bool
    encryption: str
    key: str
    tells_eventbridge: bool


def bucket_findings(patient: Patient) -> Iterator[Finding]:
    """Reach the bucket; where there is one, look at its settings."""
    names, environment = patient.names, patient.environment
    s3 = patient.session.client("s3")
    answer = _head(s3, names.bucket)
    ours = not environment.storage.existing_bucket
    status = stack_status(patient.session, names.training_stack) if ours else None
    made = status is not None and status not in HOLDS_NOTHING
    yield reach_verdict(names.bucket, answer, ours=ours, made=made)
    if answer == 200 and (made or not ours):
        yield from setting_verdicts(names.bucket, _read(s3, names.bucket), environment)


def reach_verdict(bucket: str, answer: int, *, ours: bool, made: bool) -> Finding:
    """answer: the HTTP status of HeadBucket. ours: the training stack makes it. made: that stack is there."""
    if ours and not made:
        if answer == 404:
            return Finding("bucket", "ok", f"{bucket} is free; the training stack makes it.")
        if answer == 200:
            return Finding(
                "bucket",
                "problem",
                f"{bucket} is there without its stack, which cannot make it then (prod's outlives its stack).",
                f'Keep using it: existing_bucket = "{bucket}" in [storage]. Or empty and delete it.',
            )
        return Finding(
            "bucket",
            "problem",
            f"{bucket} is another account's, or closed to these credentials ({answer}).",
            "If it is not yours, rename the project.",
        )
    if answer == 404:
        fix = "Its stack is there without it: restore it, if it was deleted by hand." if ours else "Correct [storage]."
        return Finding("bucket", "problem", f"There is no bucket {bucket}.", fix)
    if answer != 200:
        return Finding(
            "bucket", "problem", f"{bucket} refuses these credentials ({answer}).", "Allow them s3:ListBucket on it."
        )
    return Finding("bucket", "ok", f"{bucket} is reached.")


def setting_verdicts(name: str, bucket: Bucket, environment: Environment) -> Iterator[Finding]:
    """What the stacks set in their own bucket and an organisation must have set in its."""
    region = environment.region
    if bucket.region != region:
        found = f"{name} is in {bucket.region}; SageMaker in {region} cannot train from it."
        yield Finding("bucket region", "problem", found, f"Name a bucket of {region}.")
    else:
        yield Finding("bucket region", "ok", f"{region}.")
    if bucket.versioned:
        yield Finding("bucket versions", "ok", "Kept.")
    else:
        yield Finding(
            "bucket versions",
            "warning",
            "Not kept: what is deleted or written over is gone.",
            f"Run: aws s3api put-bucket-versioning --bucket {name} --versioning-configuration Status=Enabled",
        )
    wanted = environment.storage.kms_key_arn
    if wanted and bucket.key not in (wanted, wanted.rpartition("/")[2]):
        found = f"By default with {bucket.key or bucket.encryption or 'nothing'}; the project file names {wanted}."
        yield Finding(
            "bucket encryption", "warning", found, "Make it the bucket's default: aws s3api put-bucket-encryption"
        )
    else:
        yield Finding("bucket encryption", "ok", f"{bucket.encryption or 'AES256'}.")
    if environment.training.on_new_data and not bucket.tells_eventbridge:
        yield Finding(
            "bucket events",
            "problem",
            "It tells EventBridge nothing: on_new_data would never start a training job.",
            "Turn Amazon EventBridge on in the bucket's properties, Event notifications.",
        )
    elif environment.training.on_new_data:
        yield Finding("bucket events", "ok", "EventBridge hears of new data.")


def _head(s3: Any, bucket: str) -> int:
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        # 301: in another region, but ours to look at.
        return 200 if status == 301 else status
    return 200


def _read(s3: Any, bucket: str) -> Bucket:
    from botocore.exceptions import ClientError

    # An empty constraint is us-east-1: https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
    location = s3.get_bucket_location(Bucket=bucket).get("LocationConstraint") or "us-east-1"
    versioning = s3.get_bucket_versioning(Bucket=bucket).get("Status")
    try:
        rules = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ServerSideEncryptionConfigurationNotFoundError":
            raise
        rules = []
    default = rules[0].get("ApplyServerSideEncryptionByDefault", {}) if rules else {}
    events = s3.get_bucket_notification_configuration(Bucket=bucket)
    return Bucket(
        location,
        versioning == "Enabled",
        default.get("SSEAlgorithm", ""),
        default.get("KMSMasterKeyID", ""),
        "EventBridgeConfiguration" in events,
    )
