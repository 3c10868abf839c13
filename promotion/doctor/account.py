"""Whose credentials these are, and whether the region is there for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from promotion.doctor.finding import Finding
from promotion.doctor.patient import Patient

if TYPE_CHECKING:
    import boto3

_ACCOUNT_MANAGEMENT = frozenset({"aws", "aws-cn"})
"""The partitions that have the Account Management service, by botocore's list of endpoints: GovCloud has none."""
_ON = frozenset({"ENABLED", "ENABLED_BY_DEFAULT"})


def account_findings(patient: Patient) -> Iterator[Finding]:
    """Who asks. That the account is the project file's was compared when the session was opened."""
    caller = patient.session.client("sts").get_caller_identity()
    yield Finding("credentials", "ok", f"{caller['Arn']}, of account {caller['Account']} as the project file says.")
    role = patient.environment.role_arn
    if role:
        yield Finding("role_arn", "ok", f"{role} was assumed.")


def region_findings(patient: Patient) -> Iterator[Finding]:
    """Whether SageMaker is in the region, and the region enabled in the account.

    https://docs.aws.amazon.com/accounts/latest/APIReference/API_GetRegionOptStatus.html
    """
    from kickstand.names import partition

    region = patient.environment.region
    known = patient.session.get_available_regions("sagemaker", partition_name=partition(region))
    yield region_verdict(region, known, _opt_in_state(patient.session, region))


def _opt_in_state(session: boto3.Session, region: str) -> str:
    """The account's opt-in status for a region. Outside the partitions that have the service nothing is opted into."""
    from kickstand.names import partition

    if partition(region) not in _ACCOUNT_MANAGEMENT:
        return "ENABLED_BY_DEFAULT"
    return str(session.client("account").get_region_opt_status(RegionName=region)["RegionOptStatus"])


def region_verdict(region: str, known: Collection[str], state: str) -> Finding:
    """known: the regions where boto3 knows SageMaker. state: the account's opt-in status for the region."""
    if state in ("DISABLED", "DISABLING"):
        return Finding(
            "region",
            "problem",
            f"{region} is not enabled in the account ({state}).",
            f"Run: aws account enable-region --region-name {region}",
        )
    if state not in _ON:
        return Finding("region", "warning", f"{region} is on its way ({state}).", "Wait until it is ENABLED.")
    if region not in known:
        return Finding(
            "region",
            "warning",
            f"{region} is enabled, but boto3 knows no SageMaker there.",
            "Look it up: https://docs.aws.amazon.com/general/latest/gr/sagemaker.html",
        )
    return Finding("region", "ok", f"{region} is enabled and has SageMaker.")
