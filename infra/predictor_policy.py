"""The policy of whoever calls the endpoint."""

from __future__ import annotations

from infra.statement import Statement


def predictor_statements(endpoint_arn: str) -> list[Statement]:
    """Ask one endpoint for predictions, and nothing else."""
    return [Statement("Predict", ("sagemaker:InvokeEndpoint",), (endpoint_arn,))]
