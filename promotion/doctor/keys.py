"""The customer keys of the project file: there, enabled, of the right kind, open to those who need them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kickstand.config.arn import parse_arn
from kickstand.json_text import parse_json
from promotion.doctor.finding import Finding, Status
from promotion.doctor.patient import Patient
from promotion.keys.answers import Answer, answers
from promotion.keys.needs import key_needs

_STATE_FIXES = {
    "Disabled": "Run: aws kms enable-key --key-id {arn}",
    "PendingDeletion": "Run: aws kms cancel-key-deletion --key-id {arn}, then: aws kms enable-key --key-id {arn}",
    "PendingImport": "Import its key material, or name another key.",
    "Unavailable": "Connect its custom key store.",
}


def key_findings(patient: Patient) -> Iterator[Finding]:
    """The keys of `[storage]` and `[logs]`."""
    environment = patient.environment
    keys = {"storage": environment.storage.kms_key_arn, "logs": environment.logs.kms_key_arn}
    for table, arn in keys.items():
        if arn:
            name, kms = f"{table}.kms_key_arn", patient.session.client("kms")
            found = key_verdict(name, arn, _described(kms, arn), environment.region)
            yield found
            if table == "logs" and found.status == "ok":
                policy = parse_json(kms.get_key_policy(KeyId=arn, PolicyName="default")["Policy"])
                yield logs_verdict(arn, policy, environment.region)
    if not any(keys.values()):
        yield Finding("KMS", "ok", "No customer key is asked for; S3 and CloudWatch Logs encrypt with their own.")


def key_access_findings(patient: Patient) -> Iterator[Finding]:
    """Whether the keys let the roles that need them: the environment's own key, and those that promotions read with."""
    needs = key_needs(patient.environment, patient.project.environments)
    for answer in answers(needs, patient.session_of):
        yield access_verdict(answer)


def access_verdict(answer: Answer) -> Finding:
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
        told = f"{arn} is a key of kind {kind} for {described.get('KeyUsage')}; AWS encrypts with symmetric keys."
        return Finding(name, "problem", told, "Name a symmetric encryption key.")
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


def _described(kms: Any, arn: str) -> Mapping[str, Any] | None:
    try:
        metadata: Mapping[str, Any] = kms.describe_key(KeyId=arn)["KeyMetadata"]
    except kms.exceptions.NotFoundException:
        return None
    return metadata


def _several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
