"""Endpoint configurations: create, describe, list, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kickstand.instance_types import takes_volume_key
from localcloud.sagemaker.call import Call
from localcloud.sagemaker.errors import already_existing, missing, unsupported, validation_error
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.store import Record, Stores
from localcloud.sagemaker.tags import Tags

KIND = "endpoint configuration"


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
            raise already_existing(KIND, arn)
        if (request.get("DataCaptureConfig") or {}).get("EnableCapture"):
            raise unsupported("DataCaptureConfig")
        variants = [self._variant(call, variant) for variant in request["ProductionVariants"]]
        names = [variant["VariantName"] for variant in variants]
        if len(names) != len(set(names)):
            raise validation_error("Production variant names must be unique within an endpoint configuration.")
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
                raise already_existing(KIND, arn)
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
            raise missing(KIND, call.scope.arn("endpoint-config", call.request["EndpointConfigName"]))
        return record

    def _variant(self, call: Call, variant: Mapping[str, Any]) -> dict[str, Any]:
        name = variant["VariantName"]
        if not variant.get("ModelName"):
            raise unsupported(f"Production variant {name}: a variant without a model (inference components)")
        if self._stores.models.get(call.scope, variant["ModelName"]) is None:
            raise missing("model", call.scope.arn("model", variant["ModelName"]))
        if not variant.get("InstanceType") or not variant.get("InitialInstanceCount"):
            raise validation_error(
                f"InstanceType and InitialInstanceCount must be specified for production variant {name}."
            )
        return {"InitialVariantWeight": 1.0, **variant}
