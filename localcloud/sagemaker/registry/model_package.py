"""Model package groups, and their versions, the model packages: create, describe, update (approval), list, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.api.access import group_name, model_package_key, package_key
from localcloud.sagemaker.api.call import Call, conflict, unsupported, validation_error
from localcloud.sagemaker.image import parse_image
from localcloud.sagemaker.listing import Listing, Tags
from localcloud.sagemaker.store import Events, Record, Stores

_UPDATED = (
    "ModelApprovalStatus",
    "ApprovalDescription",
    "SourceUri",
    "InferenceSpecification",
    "ModelPackageRegistrationType",
)


class ModelPackages:
    """The operations on versioned model packages."""

    def __init__(self, stores: Stores, tags: Tags, events: Events, *, clock: Callable[[], float]) -> None:
        self._stores, self._tags, self._events, self._clock = stores, tags, events, clock
        self._listing = Listing("ModelPackageSummaryList", "ModelPackageGroupName")

    def create(self, call: Call) -> dict[str, Any]:
        scope, request = call.scope, call.request
        if request.get("ModelPackageName") or not request.get("ModelPackageGroupName"):
            raise unsupported("A model package outside a model package group")
        _look_up_images(call)
        group_of = group_name(request["ModelPackageGroupName"])
        with self._stores.lock:
            group = self._stores.model_package_groups.get(scope, group_of)
            if group is None:
                arn = scope.arn("model-package-group", group_of)
                raise validation_error(f"ModelPackageGroup {arn} does not exist.")
            again = self._same_token(call, group["ModelPackageGroupName"])
            if again is not None:
                return {"ModelPackageArn": again["ModelPackageArn"]}
            # A version is never given twice, even after its package was deleted.
            version = group["_last_version"] + 1
            name, now = group["ModelPackageGroupName"], self._clock()
            key = f"{name}/{version}"
            record = {
                "ModelApprovalStatus": "PendingManualApproval",
                **{member: value for member, value in request.items() if member not in ("Tags", "ClientToken")},
                # No ModelPackageName, though the service model requires it: SageMaker answers it for packages outside
                # a group alone (sagemaker-core's REQUIRED_TO_OPTIONAL_OVERRIDES: "not applicable to versioned model
                # packages"). https://docs.aws.amazon.com/sagemaker/latest/dg/model-registry-details.html
                "ModelPackageGroupName": name,
                "ModelPackageVersion": version,
                "ModelPackageArn": scope.arn("model-package", key),
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": []},
                "CreationTime": now,
                "CreatedBy": _user(call),
                "LastModifiedTime": now,
                "LastModifiedBy": _user(call),
                "_client_token": request.get("ClientToken"),
            }
            self._stores.model_package_groups.change(scope, name, _last_version=version)
            self._stores.model_packages.put(scope, key, record)
            self._tags.put(scope, record["ModelPackageArn"], request.get("Tags", ()), system=True)
        self._events.model_package(scope, record)
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def describe(self, call: Call) -> Record:
        return self._existing(call, call.request["ModelPackageName"])

    def update(self, call: Call) -> dict[str, Any]:
        request = call.request
        with self._stores.lock:
            record = self._existing(call, request["ModelPackageArn"])
            properties = {
                **(record.get("CustomerMetadataProperties") or {}),
                **(request.get("CustomerMetadataProperties") or {}),
            }
            for name in request.get("CustomerMetadataPropertiesToRemove", ()):
                properties.pop(name, None)
            changed = self._stores.model_packages.change(
                call.scope,
                model_package_key(record),
                **{member: request[member] for member in _UPDATED if member in request},
                CustomerMetadataProperties=properties,
                LastModifiedTime=self._clock(),
                LastModifiedBy=_user(call),
            )
        assert changed is not None
        self._events.model_package(call.scope, changed)
        return {"ModelPackageArn": record["ModelPackageArn"]}

    def list_packages(self, call: Call) -> dict[str, Any]:
        """ListModelPackages: without a group, AWS lists the unversioned packages, of which there are none here."""
        request = call.request
        if not request.get("ModelPackageGroupName") and request.get("ModelPackageType", "Unversioned") == "Unversioned":
            return {"ModelPackageSummaryList": []}
        wanted = request.get("ModelPackageGroupName")
        approval = request.get("ModelApprovalStatus")
        if wanted and self._stores.model_package_groups.get(call.scope, group_name(wanted)) is None:
            arn = call.scope.arn("model-package-group", group_name(wanted))
            raise validation_error(f"ModelPackageGroup {arn} does not exist.")
        chosen = [
            record
            for record in self._stores.model_packages.all(call.scope)
            if (not wanted or record["ModelPackageGroupName"].lower() == group_name(wanted).lower())
            and (not approval or record["ModelApprovalStatus"] == approval)
        ]
        # Two packages of one clock tick are told apart by their versions.
        chosen.sort(key=lambda record: record["ModelPackageVersion"], reverse=request.get("SortOrder") != "Ascending")
        return self._listing.page_of(chosen, request)

    def delete(self, call: Call) -> dict[str, Any]:
        record = self._existing(call, call.request["ModelPackageName"])
        self._stores.model_packages.remove(call.scope, model_package_key(record))
        self._tags.forget(call.scope, record["ModelPackageArn"])
        return {}

    def _existing(self, call: Call, name: str) -> Record:
        key = package_key(name)
        record = self._stores.model_packages.get(call.scope, key)
        if record is None:
            raise validation_error(f"ModelPackage {call.scope.arn('model-package', key)} does not exist.")
        return record

    def _same_token(self, call: Call, group: str) -> Record | None:
        """The package that an earlier call with this ClientToken made: a retry makes no second version."""
        token = call.request.get("ClientToken")
        if not token:
            return None
        for record in self._stores.model_packages.all(call.scope):
            if record["_client_token"] == token:
                if record["ModelPackageGroupName"] != group:
                    raise conflict(f"ClientToken {token} was used for another model package.")
                return record
        return None


def _look_up_images(call: Call) -> None:
    """Refuse a caller who may not look up the images of a package, as AWS's own policies for registering allow it.

    https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonSageMakerModelRegistryFullAccess.html
    """
    for container in (call.request.get("InferenceSpecification") or {}).get("Containers", ()):
        if image := parse_image(container.get("Image") or ""):
            for action in ("ecr:BatchGetImage", "ecr:DescribeImages"):
                call.caller.require(action, image.repository_arn(call.scope.partition))


def _user(call: Call) -> dict[str, Any]:
    """The caller as a UserContext: SageMaker tells of IAM identities for packages, and not for jobs or endpoints.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_UserContext.html
    """
    identity = call.caller.identity()
    return {"IamIdentity": dict(identity)} if identity else {}


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
