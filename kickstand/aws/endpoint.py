"""What an endpoint serves at this moment, and since when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from kickstand.aws.errors import error_code
from kickstand.errors import KickstandError, Problem

SERVING = frozenset({"InService", "Updating", "SystemUpdating", "RollingBack"})
"""The states in which an endpoint answers. https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DescribeEndpoint.html"""


@dataclass(frozen=True, slots=True)
class Served:
    """One endpoint, as SageMaker describes it.

    models: the artifact of each variant. since: when the configuration that serves them took effect at the earliest.
    """

    endpoint: str
    status: str
    reason: str
    models: tuple[str, ...]
    since: datetime

    @property
    def where(self) -> str:
        return f"endpoint {self.endpoint}"

    def require_serving(self) -> None:
        """KickstandError: the endpoint does not answer, or answers for several models."""
        if self.status not in SERVING:
            message = f"The endpoint is {self.status}. {self.reason}".strip()
            raise KickstandError(Problem(message, self.where, "Wait for its end, or bring it back into service."))
        if len(set(self.models)) > 1:
            message = f"The endpoint serves {len(self.models)} models: {', '.join(self.models)}."
            raise KickstandError(Problem(message, self.where, "Deploy it again, so that one model is served."))

    def require_artifact(self, uri: str) -> None:
        """KickstandError: another model than the artifact at `uri` is served."""
        if self.models != (uri,):
            message = f"The endpoint serves another model than the release's: {', '.join(self.models)}."
            raise KickstandError(Problem(message, self.where, "Deploy the release there first."))


def served(sagemaker: Any, endpoint: str) -> Served | None:
    """What an endpoint serves; None where there is no such endpoint."""
    try:
        described = sagemaker.describe_endpoint(EndpointName=endpoint)
    except ClientError as error:
        if error_code(error) == "ValidationException" and "could not find" in str(error).lower():
            return None
        raise
    config = sagemaker.describe_endpoint_config(EndpointConfigName=described["EndpointConfigName"])
    models = [
        str(sagemaker.describe_model(ModelName=variant["ModelName"])["PrimaryContainer"]["ModelDataUrl"])
        for variant in config["ProductionVariants"]
    ]
    return Served(
        endpoint=endpoint,
        status=str(described["EndpointStatus"]),
        reason=str(described.get("FailureReason", "")),
        models=tuple(models),
        # A configuration may be older than the endpoint that was made of it.
        since=max(config["CreationTime"], described["CreationTime"]),
    )
