"""Endpoint configurations: create, describe, list, delete; and one with its models, as an endpoint is to serve them.

A deployment is taken down at one moment: what becomes of the configuration and its models later does not change it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kickstand.aws.instance_types import is_arm, takes_volume_key
from localcloud.sagemaker.api.call import Call, Scope, already_existing, missing, unsupported, validation_error
from localcloud.sagemaker.capture.configuration import described
from localcloud.sagemaker.image import Roles
from localcloud.sagemaker.listing import Listing, Tags
from localcloud.sagemaker.processes import ServerOrder
from localcloud.sagemaker.store import Record, Stores

ENDPOINT_CONFIG = "endpoint configuration"


class EndpointConfigs:
    """The operations on endpoint configurations."""

    def __init__(self, stores: Stores, tags: Tags, *, clock: Callable[[], float]) -> None:
        self._stores, self._tags, self._clock = stores, tags, clock
        self._listing = Listing("EndpointConfigs", "EndpointConfigName")

    def create(self, call: Call) -> dict[str, Any]:
        scope, request = call.scope, call.request
        name = request["EndpointConfigName"]
        arn = scope.arn("endpoint-config", name)
        if self._stores.endpoint_configs.get(scope, name) is not None:
            raise already_existing(ENDPOINT_CONFIG, arn)
        variants = [self._variant(call, variant) for variant in request["ProductionVariants"]]
        names = [variant["VariantName"] for variant in variants]
        if len(names) != len(set(names)):
            raise validation_error("Production variant names must be unique within an endpoint configuration.")
        if not any(variant["InitialVariantWeight"] for variant in variants):
            raise validation_error("At least one production variant must have a weight greater than 0.")
        for variant in variants if request.get("KmsKeyId") else ():
            if not takes_volume_key(variant["InstanceType"]):
                raise validation_error(
                    f"KmsKeyId cannot be specified with instance type {variant['InstanceType']}: its local storage is "
                    "encrypted by the instance."
                )
        record = {
            **{member: value for member, value in request.items() if member != "Tags"},
            "ProductionVariants": variants,
            "EndpointConfigArn": arn,
            "CreationTime": self._clock(),
        }
        with self._stores.lock:
            if self._stores.endpoint_configs.get(scope, name) is not None:
                raise already_existing(ENDPOINT_CONFIG, arn)
            self._stores.endpoint_configs.put(scope, name, record)
            self._tags.put(scope, arn, request.get("Tags", ()), system=True)
        return {"EndpointConfigArn": arn}

    def describe(self, call: Call) -> Record:
        return self._existing(call)

    def list_configs(self, call: Call) -> dict[str, Any]:
        return self._listing.page_of(self._stores.endpoint_configs.all(call.scope), call.request)

    def delete(self, call: Call) -> dict[str, Any]:
        """DeleteEndpointConfig: allowed while an endpoint uses it; the endpoint goes on."""
        record = self._existing(call)
        self._stores.endpoint_configs.remove(call.scope, record["EndpointConfigName"])
        self._tags.forget(call.scope, record["EndpointConfigArn"])
        return {}

    def _existing(self, call: Call) -> Record:
        record = self._stores.endpoint_configs.get(call.scope, call.request["EndpointConfigName"])
        if record is None:
            raise missing(ENDPOINT_CONFIG, call.scope.arn("endpoint-config", call.request["EndpointConfigName"]))
        return record

    def _variant(self, call: Call, variant: Mapping[str, Any]) -> dict[str, Any]:
        name = variant["VariantName"]
        if not variant.get("ModelName"):
            raise unsupported(f"Production variant {name}: a variant without a model (inference components)")
        if self._stores.models.get(call.scope, variant["ModelName"]) is None:
            raise missing("model", call.scope.arn("model", variant["ModelName"]))
        if (strategy := (variant.get("RoutingConfig") or {}).get("RoutingStrategy")) == "PREFIX_AWARE":
            raise unsupported(f"Production variant {name}: RoutingStrategy {strategy}")
        if not variant.get("InstanceType") or not variant.get("InitialInstanceCount"):
            raise validation_error(
                f"InstanceType and InitialInstanceCount must be specified for production variant {name}."
            )
        return {"InitialVariantWeight": 1.0, **variant}


_SESSION_SECONDS = 3600
_STARTUP_SECONDS = 120.0

Deployment = dict[str, Any]
"""`config` (name), `variants` (as the configuration has them), `models` (by variant: image, artifact, environment,
role), `described` (what DescribeEndpoint shows of the configuration beside its variants), `capture` (its
DataCaptureConfig), and what the request asked to keep: `retained`, `deployment_config`. JSON, for it is saved."""


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
        raise missing(ENDPOINT_CONFIG, scope.arn("endpoint-config", config_name))
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
        "described": _described(config),
        "capture": config.get("DataCaptureConfig"),
        "deployment_config": dict(deployment_config) if deployment_config else None,
        "retained": sorted(retained or ()),
    }


def _described(config: Record) -> dict[str, Any]:
    """MetricsConfig as it was given, and what is captured."""
    shown: dict[str, Any] = {}
    if metrics := config.get("MetricsConfig"):
        shown["MetricsConfig"] = metrics
    if capture := config.get("DataCaptureConfig"):
        shown["DataCaptureConfig"] = described(capture)
    return shown


def images(deployment: Deployment) -> dict[str, str]:
    """The image of each variant."""
    return {name: model["Image"] for name, model in deployment["models"].items()}


def order_of(
    deployment: Deployment, variant_name: str, scope: Scope, endpoint: str, roles: Roles, folder: Path
) -> ServerOrder:
    """The order of one instance of a variant, with credentials of its model's role, issued when they are asked for.

    folder: of the fleet; the instance has one of its own below it.

    Raises UnstartableError for an instance with an ARM processor: SageMaker accepts it, the image's programs are
    built for x86-64, and no container answers the health check.
    """
    variant = next(each for each in deployment["variants"] if each["VariantName"] == variant_name)
    if is_arm(str(variant.get("InstanceType"))):
        raise UnstartableError(
            f"The primary container for production variant {variant_name} did not pass the ping health check. Please "
            f"check CloudWatch logs for this endpoint. {variant['InstanceType']} has an ARM processor; the image is "
            "built for x86-64 (exec format error)."
        )
    model = deployment["models"][variant_name]
    instance = f"i-{secrets.token_hex(9)[:17]}"
    return ServerOrder(
        image=model["Image"],
        model_data_url=model["ModelDataUrl"],
        variables=model["Environment"],
        variant=variant_name,
        folder=folder / variant_name / instance,
        environment=lambda: roles.environment(scope, model["ExecutionRoleArn"], "SageMaker", _SESSION_SECONDS),
        log_group=f"/aws/sagemaker/Endpoints/{endpoint}",
        # The second part is the instance's id, as on AWS.
        log_stream=f"{variant_name}/{instance}",
        startup_seconds=float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds") or _STARTUP_SECONDS),
    )


def least_outstanding(deployment: Deployment) -> list[str]:
    """The variants whose requests go to the instance with the fewest outstanding ones."""
    return [
        variant["VariantName"]
        for variant in deployment["variants"]
        if (variant.get("RoutingConfig") or {}).get("RoutingStrategy") == "LEAST_OUTSTANDING_REQUESTS"
    ]
