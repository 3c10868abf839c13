"""Ask SageMaker since when an endpoint exists, and what it runs on."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from kickstand.aws_errors import error_code, explained
from promotion.cost.spent import Hosted


def hosted_endpoint(sagemaker: Any, endpoint: str) -> Hosted | None:
    """The endpoint; None where there is none. KickstandError: AWS does not tell."""
    with explained(f"asking about the endpoint {endpoint}"):
        try:
            found = sagemaker.describe_endpoint(EndpointName=endpoint)
        except ClientError as error:
            # SageMaker's answer for an endpoint that is not there.
            if error_code(error) == "ValidationException" and "Could not find" in error.response["Error"]["Message"]:
                return None
            raise
        config = sagemaker.describe_endpoint_config(EndpointConfigName=found["EndpointConfigName"])
    running = {one["VariantName"]: one.get("CurrentInstanceCount") for one in found.get("ProductionVariants", ())}
    instances = tuple(
        (str(one.get("InstanceType", "")), int(running.get(one["VariantName"]) or one.get("InitialInstanceCount", 0)))
        for one in config["ProductionVariants"]
    )
    return Hosted(endpoint, found["CreationTime"], instances)
