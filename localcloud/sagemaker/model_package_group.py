"""Model package groups: create, describe, list, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.call import Call
from localcloud.sagemaker.errors import conflict, validation_error
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.model_package_name import group_name
from localcloud.sagemaker.store import Record, Stores
from localcloud.sagemaker.tags import Tags


class ModelPackageGroups:
    """The operations on model package groups."""

    def __init__(self, stores: Stores, tags: Tags, *, clock: Callable[[], float]) -> None:
        self._stores, self._tags, self._clock = stores, tags, clock
        self._listing = Listing("ModelPackageGroupSummaryList", "ModelPackageGroupName")

    def create(self, call: Call) -> dict[str, Any]:
        scope, request = call.scope, call.request
        name = request["ModelPackageGroupName"]
        arn = scope.arn("model-package-group", name)
        identity = call.caller.identity()
        with self._stores.lock:
            if self._stores.model_package_groups.get(scope, name) is not None:
                raise validation_error(f"Model Package Group already exists: {arn}")
            record = {
                **{member: value for member, value in request.items() if member != "Tags"},
                "ModelPackageGroupArn": arn,
                "CreationTime": self._clock(),
                "CreatedBy": {"IamIdentity": dict(identity)} if identity else {},
                "ModelPackageGroupStatus": "Completed",
                "_last_version": 0,
            }
            self._stores.model_package_groups.put(scope, name, record)
            self._tags.put(scope, arn, request.get("Tags", ()), system=True)
        return {"ModelPackageGroupArn": arn}

    def describe(self, call: Call) -> Record:
        return self._existing(call)

    def list_groups(self, call: Call) -> dict[str, Any]:
        return self._listing.page_of(self._stores.model_package_groups.all(call.scope), call.request)

    def delete(self, call: Call) -> dict[str, Any]:
        record = self._existing(call)
        name, arn = record["ModelPackageGroupName"], record["ModelPackageGroupArn"]
        with self._stores.lock:
            if any(package["ModelPackageGroupName"] == name for package in self._stores.model_packages.all(call.scope)):
                raise conflict(f"Model Package Group cannot be deleted as it contains Model Packages. {arn}")
            self._stores.model_package_groups.remove(call.scope, name)
            self._tags.forget(call.scope, arn)
        return {}

    def _existing(self, call: Call) -> Record:
        name = group_name(call.request["ModelPackageGroupName"])
        record = self._stores.model_package_groups.get(call.scope, name)
        if record is None:
            raise validation_error(f"ModelPackageGroup {call.scope.arn('model-package-group', name)} does not exist.")
        return record
