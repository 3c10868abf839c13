"""What an endpoint is to serve: a configuration with its models, taken down at one moment.

An endpoint keeps it, because on AWS it goes on serving when its configuration and models are deleted; it is also
what the endpoint is hosted from again after a restart.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kickstand.instance_types import is_arm
from localcloud.sagemaker.endpoint_config import KIND
from localcloud.sagemaker.errors import missing
from localcloud.sagemaker.execution_role import Roles
from localcloud.sagemaker.processes import ServerOrder
from localcloud.sagemaker.scope import Scope
from localcloud.sagemaker.store import Stores

_SESSION_SECONDS = 3600
_STARTUP_SECONDS = 120.0

Deployment = dict[str, Any]
"""`config` (name), `variants` (as the configuration has them), `models` (by variant: image, artifact, environment,
role), and what the request asked to keep: `retained`, `deployment_config`. JSON, for it is saved."""


class UnstartableError(Exception):
    """A container that cannot start; the text is the endpoint's FailureReason."""


def plan(
    stores: Stores,
    scope: Scope,
    config_name: str,
    *,
    deployment_config: Mapping[str, Any] | None = None,
    retained: set[str] | None = None,
) -> Deployment:
    """The deployment of a configuration. Raises ServiceError where the configuration or a model is missing."""
    config = stores.endpoint_configs.get(scope, config_name)
    if config is None:
        raise missing(KIND, scope.arn("endpoint-config", config_name))
    models = {}
    for variant in config["ProductionVariants"]:
        model = stores.models.get(scope, variant["ModelName"])
        if model is None:
            raise missing("model", scope.arn("model", variant["ModelName"]))
        models[variant["VariantName"]] = {**model["_source"], "ExecutionRoleArn": model["ExecutionRoleArn"]}
    return {
        "config": config["EndpointConfigName"],
        "variants": config["ProductionVariants"],
        "models": models,
        "deployment_config": dict(deployment_config) if deployment_config else None,
        "retained": sorted(retained or ()),
    }


def images(deployment: Deployment) -> dict[str, str]:
    """The image of each variant."""
    return {name: model["Image"] for name, model in deployment["models"].items()}


def orders(deployment: Deployment, scope: Scope, endpoint: str, roles: Roles, folder: Path) -> list[ServerOrder]:
    """One order a variant, each with credentials of its model's role, issued when they are asked for.

    Raises UnstartableError for an instance with an ARM processor: SageMaker accepts it, the image's programs are
    built for x86-64, and no container answers the health check.
    """
    for variant in deployment["variants"]:
        if is_arm(str(variant.get("InstanceType"))):
            raise UnstartableError(
                f"The primary container for production variant {variant['VariantName']} did not pass the ping health "
                "check. Please check CloudWatch logs for this endpoint. "
                f"{variant['InstanceType']} has an ARM processor; the image is built for x86-64 (exec format error)."
            )
    return [_order(deployment, variant, scope, endpoint, roles, folder) for variant in deployment["variants"]]


def _order(
    deployment: Deployment, variant: Mapping[str, Any], scope: Scope, endpoint: str, roles: Roles, folder: Path
) -> ServerOrder:
    name = variant["VariantName"]
    model = deployment["models"][name]
    return ServerOrder(
        image=model["Image"],
        model_data_url=model["ModelDataUrl"],
        variables=model["Environment"],
        variant=name,
        folder=folder / name,
        environment=lambda: roles.environment(scope, model["ExecutionRoleArn"], "SageMaker", _SESSION_SECONDS),
        log_group=f"/aws/sagemaker/Endpoints/{endpoint}",
        # On AWS the second part is the instance's id; each start of a server writes a stream of its own.
        log_stream=f"{name}/i-{secrets.token_hex(9)[:17]}",
        startup_seconds=float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or _STARTUP_SECONDS),
    )
