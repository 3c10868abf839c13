"""The endpoint, where the hosting stack is deployed."""

from __future__ import annotations

from typing import Any

from promotion.doctor.finding import Finding
from promotion.doctor.patient import Patient
from promotion.doctor.stacks import stack_status


def endpoint_finding(patient: Patient) -> Finding:
    """Its state now; `deploy` proves that it serves the release."""
    if stack_status(patient.session, patient.names.hosting_stack) is None:
        name = patient.environment.name
        fit = patient.typed(f"fit {name}")
        return Finding("endpoint", "skipped", f"There is none before the hosting stack, which needs a release ({fit}).")
    return endpoint_verdict(
        patient.names.endpoint,
        *_state(patient.session.client("sagemaker"), patient.names.endpoint),
        patient.typed(f"deploy {patient.environment.name}"),
        patient.typed(f"destroy {patient.environment.name} --hosting"),
    )


def endpoint_verdict(endpoint: str, status: str | None, reason: str, deploy: str, destroy: str) -> Finding:
    """status: SageMaker's; None where there is no such endpoint. reason: why it failed, in SageMaker's words.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html
    """
    again = f"Run: {destroy}; then: {deploy}"
    if status is None:
        return Finding("endpoint", "problem", f"{endpoint} was deleted behind its stack's back.", again)
    if status == "InService":
        return Finding("endpoint", "ok", f"{endpoint} is InService.")
    told = f"{endpoint} is {status}. {reason}".strip()
    if status in ("Failed", "UpdateRollbackFailed"):
        return Finding("endpoint", "problem", told, again)
    if status == "OutOfService":
        return Finding("endpoint", "problem", told, f"Run: {deploy}")
    return Finding("endpoint", "warning", told, "Wait until it is InService.")


def _state(sagemaker: Any, endpoint: str) -> tuple[str | None, str]:
    from botocore.exceptions import ClientError

    try:
        found = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if "Could not find" in error.response["Error"]["Message"]:
            return None, ""
        raise
    return str(found["EndpointStatus"]), str(found.get("FailureReason", ""))
