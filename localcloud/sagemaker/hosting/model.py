"""Models: CreateModel, DescribeModel, ListModels, DeleteModel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.sagemaker.api.access import package_key
from localcloud.sagemaker.api.call import Call, already_existing, missing, unsupported, validation_error
from localcloud.sagemaker.image import Images, Roles, check_environment, check_model_data, pass_role
from localcloud.sagemaker.listing import Listing, Tags
from localcloud.sagemaker.store import Record, Stores


class Models:
    """The operations on models."""

    def __init__(self, stores: Stores, roles: Roles, images: Images, tags: Tags, *, clock: Callable[[], float]) -> None:
        self._stores, self._roles, self._images, self._tags, self._clock = stores, roles, images, tags, clock
        self._listing = Listing("Models", "ModelName")

    def create(self, call: Call) -> dict[str, Any]:
        scope, request = call.scope, call.request
        name, arn = request["ModelName"], call.scope.arn("model", request["ModelName"])
        role = request.get("ExecutionRoleArn")
        if not role:
            raise validation_error("ExecutionRoleArn must be provided for a model with containers.")
        pass_role(call.caller, scope, role)
        if self._stores.models.get(scope, name) is not None:
            raise already_existing("model", arn)
        for refused in _refusals(request):
            raise unsupported(refused)
        container = {"Mode": "SingleModel", **_only_container(request)}
        source = self._source(call, container)
        self._images.check(source["Image"], scope.region)
        check_environment(source)
        reading = self._roles.reading(scope, role)
        if source.get("ModelDataUrl"):
            check_model_data(reading, source["ModelDataUrl"], role, scope.region)
        record = {
            "EnableNetworkIsolation": False,
            **{member: value for member, value in request.items() if member != "Tags"},
            "ModelArn": arn,
            "CreationTime": self._clock(),
            "_source": source,
        }
        member = "PrimaryContainer" if request.get("PrimaryContainer") else "Containers"
        record[member] = container if member == "PrimaryContainer" else [container]
        with self._stores.lock:
            if self._stores.models.get(scope, name) is not None:
                raise already_existing("model", arn)
            self._stores.models.put(scope, name, record)
            self._tags.put(scope, arn, request.get("Tags", ()), system=True)
        return {"ModelArn": arn}

    def describe(self, call: Call) -> Record:
        return self._existing(call)

    def list_models(self, call: Call) -> dict[str, Any]:
        return self._listing.page_of(self._stores.models.all(call.scope), call.request)

    def delete(self, call: Call) -> dict[str, Any]:
        """DeleteModel: a model that an endpoint serves may go; the endpoint goes on."""
        record = self._existing(call)
        self._stores.models.remove(call.scope, record["ModelName"])
        self._tags.forget(call.scope, record["ModelArn"])
        return {}

    def _existing(self, call: Call) -> Record:
        record = self._stores.models.get(call.scope, call.request["ModelName"])
        if record is None:
            raise missing("model", call.scope.arn("model", call.request["ModelName"]))
        return record

    def _source(self, call: Call, container: Mapping[str, Any]) -> dict[str, Any]:
        """Image, artifact and environment of a container, taken from its model package where it names one."""
        if not container.get("ModelPackageName"):
            return {
                "Image": container["Image"],
                "ModelDataUrl": _model_data_url(container),
                "Environment": dict(container.get("Environment") or {}),
            }
        key = package_key(container["ModelPackageName"])
        package = self._stores.model_packages.get(call.scope, key)
        if package is None:
            raise validation_error(f"Could not find model package {container['ModelPackageName']}.")
        packaged = (package.get("InferenceSpecification") or {}).get("Containers") or []
        if len(packaged) != 1:
            raise validation_error(f"Model package {package['ModelPackageArn']} has no container to host.")
        return {
            "Image": packaged[0]["Image"],
            "ModelDataUrl": _model_data_url(packaged[0]),
            "Environment": {**(packaged[0].get("Environment") or {}), **(container.get("Environment") or {})},
        }


def _only_container(request: Mapping[str, Any]) -> Mapping[str, Any]:
    primary, several = request.get("PrimaryContainer"), request.get("Containers") or []
    if bool(primary) == bool(several):
        raise validation_error("Exactly one of PrimaryContainer and Containers must be provided.")
    container: Mapping[str, Any] = primary or several[0]
    if bool(container.get("Image")) == bool(container.get("ModelPackageName")):
        raise validation_error("Exactly one of Image and ModelPackageName must be provided for a container.")
    return container


def _model_data_url(container: Mapping[str, Any]) -> str:
    source = (container.get("ModelDataSource") or {}).get("S3DataSource")
    if source and container.get("ModelDataUrl"):
        raise validation_error("Only one of ModelDataUrl and ModelDataSource can be provided for a container.")
    return str(source["S3Uri"] if source else container.get("ModelDataUrl", ""))


def _refusals(request: Mapping[str, Any]) -> Iterator[str]:
    if len(request.get("Containers") or []) > 1:
        yield "A model of several containers"
    for container in [request.get("PrimaryContainer") or {}, *(request.get("Containers") or [])]:
        if container.get("Mode", "SingleModel") != "SingleModel":
            yield f"Mode {container['Mode']}"
        source = (container.get("ModelDataSource") or {}).get("S3DataSource")
        if source and (source.get("S3DataType"), source.get("CompressionType")) != ("S3Object", "Gzip"):
            yield "ModelDataSource other than one compressed object"
