"""The artifact bucket and the customer keys: there, in the right state, and open to those that need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployment.doctor.finding import Finding, Status
from deployment.keys.access import KeyAccess, key_access
from deployment.keys.needs import key_needs
from kickstand.aws.deployed import is_deployed
from kickstand.config.values import parse_arn
from kickstand.json_text import parse_json
from kickstand.workspace import Workspace

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient
    from mypy_boto3_s3 import S3Client

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


def bucket_findings(workspace: Workspace) -> Iterator[Finding]:
    """Reach the bucket; where there is one, look at its settings."""
    names, environment = workspace.names, workspace.environment
    s3 = workspace.session.client("s3")
    answer = _head(s3, names.bucket)
    ours = not environment.storage.existing_bucket
    made = ours and is_deployed(workspace.session.client("cloudformation"), names.training_stack)
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
            "It sends EventBridge no events: on_new_data would never start a training job.",
            "Turn Amazon EventBridge on in the bucket's properties, Event notifications.",
        )
    elif environment.training.on_new_data:
        yield Finding("bucket events", "ok", "EventBridge hears of new data.")


def _head(s3: S3Client, bucket: str) -> int:
    from botocore.exceptions import ClientError

    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        status = int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        # 301: in another region, but ours to look at.
        return 200 if status == 301 else status
    return 200


def _read(s3: S3Client, bucket: str) -> Bucket:
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


_STATE_FIXES = {
    "Disabled": "Run: aws kms enable-key --key-id {arn}",
    "PendingDeletion": "Run: aws kms cancel-key-deletion --key-id {arn}, then: aws kms enable-key --key-id {arn}",
    "PendingImport": "Import its key material, or name another key.",
    "Unavailable": "Connect its custom key store.",
}


def key_findings(workspace: Workspace) -> Iterator[Finding]:
    """The keys of `[storage]`, `[logs]` and `[hosting.capture]`."""
    environment = workspace.environment
    keys = {"storage": environment.storage.kms_key_arn, "logs": environment.logs.kms_key_arn}
    if environment.captures:
        keys["hosting.capture"] = environment.hosting.capture.kms_key_arn
    for table, arn in keys.items():
        if arn:
            name, kms = f"{table}.kms_key_arn", workspace.session.client("kms")
            found = key_verdict(name, arn, _described(kms, arn), environment.region)
            yield found
            if table == "logs" and found.status == "ok":
                policy = parse_json(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
                yield logs_verdict(arn, policy, environment.region)
    if not any(keys.values()):
        yield Finding("KMS", "ok", "No customer key is asked for; S3 and CloudWatch Logs encrypt with their own.")


def key_access_findings(workspace: Workspace) -> Iterator[Finding]:
    """Whether the keys let the roles that need them: the environment's own key, and those that promotions read with."""
    needs = key_needs(workspace.environment, workspace.project.environments)
    for answer in key_access(needs, lambda owner: workspace.open(owner.name).session):
        yield access_verdict(answer)


def access_verdict(answer: KeyAccess) -> Finding:
    """One need of a key as a finding; what these credentials cannot read is skipped, by name."""
    need = answer.need
    statuses: dict[str, Status] = {"ok": "ok", "refused": "problem", "unknown": "skipped"}
    return Finding(f"key for {need.who} to {need.purpose}", statuses[answer.status], answer.found, answer.fix)


def key_verdict(name: str, arn: str, described: Mapping[str, Any] | None, region: str) -> Finding:
    """described: KMS's KeyMetadata; None for a key that is not there.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
    """
    parsed = parse_arn(arn)
    if parsed is not None and parsed.region != region:
        return Finding(name, "problem", f"{arn} is in {parsed.region}, not {region}.", f"Name a key of {region}.")
    if described is None:
        return Finding(name, "problem", f"There is no key {arn}.", "Correct the ARN.")
    state = described["KeyState"]
    if state != "Enabled":
        fix = _STATE_FIXES.get(state, "Wait until it is Enabled.").format(arn=arn)
        return Finding(name, "problem", f"{arn} is {state}.", fix)
    kind = described.get("KeySpec", "SYMMETRIC_DEFAULT")
    if described.get("KeyUsage", "ENCRYPT_DECRYPT") != "ENCRYPT_DECRYPT" or kind != "SYMMETRIC_DEFAULT":
        sentence = f"{arn} is a key of kind {kind} for {described.get('KeyUsage')}; AWS encrypts with symmetric keys."
        return Finding(name, "problem", sentence, "Name a symmetric encryption key.")
    return Finding(name, "ok", f"{arn} is enabled.")


def logs_verdict(arn: str, policy: Mapping[str, Any], region: str) -> Finding:
    """Whether the key's policy lets CloudWatch Logs encrypt: without, making a log group fails.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
    """
    wanted = {f"logs.{region}.amazonaws.com", "logs.amazonaws.com"}
    statements = policy.get("Statement", [])
    for one in [statements] if isinstance(statements, Mapping) else statements:
        principal = one.get("Principal", {})
        services = principal.get("Service", ()) if isinstance(principal, Mapping) else ()
        if one.get("Effect") == "Allow" and wanted.intersection(_several(services)):
            return Finding("logs key policy", "ok", "It names CloudWatch Logs.")
    return Finding(
        "logs key policy",
        "problem",
        f"The policy of {arn} does not name CloudWatch Logs.",
        f"Allow the principal logs.{region}.amazonaws.com kms:Encrypt*, kms:Decrypt*, kms:ReEncrypt*, "
        "kms:GenerateDataKey* and kms:Describe* there: aws kms put-key-policy",
    )


def _described(kms: KMSClient, arn: str) -> Mapping[str, Any] | None:
    try:
        metadata: Mapping[str, Any] = kms.describe_key(KeyId=arn)["KeyMetadata"]
    except kms.exceptions.NotFoundException:
        return None
    return metadata


def _several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
