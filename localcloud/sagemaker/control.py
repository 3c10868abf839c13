"""SageMaker's control plane: every operation by its name, checked on the way in, shaped on the way out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.sagemaker.api.access import (
    Resources,
    check_endpoint_key,
    check_key_uses,
    check_references,
    resource_of_operation,
)
from localcloud.sagemaker.api.call import Call, Caller, Scope, unknown_operation
from localcloud.sagemaker.api.members import check_members
from localcloud.sagemaker.api.service_model import check_request, operation_input, operation_output, render
from localcloud.sagemaker.hosting.endpoint import Endpoints
from localcloud.sagemaker.hosting.endpoint_config import EndpointConfigs
from localcloud.sagemaker.hosting.live_endpoints import Hosting
from localcloud.sagemaker.hosting.model import Models
from localcloud.sagemaker.image import Images, Roles
from localcloud.sagemaker.jobs.training_job import TrainingJobs
from localcloud.sagemaker.jobs.training_runs import TrainingRuns
from localcloud.sagemaker.jobs.transform_job import TransformJobs
from localcloud.sagemaker.jobs.transform_runs import TransformRuns
from localcloud.sagemaker.listing import Tags
from localcloud.sagemaker.processes import Processes
from localcloud.sagemaker.registry.model_package import ModelPackageGroups, ModelPackages
from localcloud.sagemaker.registry.search import Search
from localcloud.sagemaker.store import Bus, Events, Stores

Operation = Callable[[Call], Mapping[str, Any]]
LISTING = ("AddTags", "List", "Search")
"""Operations whose answer names its list even where it is empty."""


class Control:
    """All nouns and their operations.

    stores: where records are. processes, roles, resources, bus: what the service needs of the world.
    folder: for the files of jobs and servers while they live.
    """

    def __init__(
        self,
        stores: Stores,
        processes: Processes,
        roles: Roles,
        images: Images,
        *,
        folder: Path,
        resources: Resources,
        bus: Bus | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.stores, self._resources = stores, resources
        self.tags = Tags(stores)
        events = Events(bus)
        self.runs = TrainingRuns(stores, processes, roles, events, folder=folder / "jobs", clock=clock)
        self.hosting = Hosting(stores, processes, roles, events, folder=folder / "endpoints", clock=clock)
        self.transforms = TransformRuns(stores, processes, roles, events, folder=folder / "transforms", clock=clock)
        jobs = TrainingJobs(stores, self.runs, roles, images, self.tags, events, clock=clock)
        transforms = TransformJobs(stores, self.transforms, self.tags, events, clock=clock)
        models = Models(stores, roles, images, self.tags, clock=clock)
        configs = EndpointConfigs(stores, self.tags, clock=clock)
        endpoints = Endpoints(stores, self.hosting, self.tags, events, clock=clock)
        groups = ModelPackageGroups(stores, self.tags, clock=clock)
        packages = ModelPackages(stores, self.tags, events, clock=clock)
        self._operations: dict[str, Operation] = {
            "AddTags": jobs.add_tags,
            "CreateEndpoint": endpoints.create,
            "CreateEndpointConfig": configs.create,
            "CreateModel": models.create,
            "CreateModelPackage": packages.create,
            "CreateModelPackageGroup": groups.create,
            "CreateTrainingJob": jobs.create,
            "CreateTransformJob": transforms.create,
            "DeleteEndpoint": endpoints.delete,
            "DeleteEndpointConfig": configs.delete,
            "DeleteModel": models.delete,
            "DeleteModelPackage": packages.delete,
            "DeleteModelPackageGroup": groups.delete,
            "DeleteTags": self.tags.delete_tags,
            "DescribeEndpoint": endpoints.describe,
            "DescribeEndpointConfig": configs.describe,
            "DescribeModel": models.describe,
            "DescribeModelPackage": packages.describe,
            "DescribeModelPackageGroup": groups.describe,
            "DescribeTrainingJob": jobs.describe,
            "DescribeTransformJob": transforms.describe,
            "ListEndpointConfigs": configs.list_configs,
            "ListEndpoints": endpoints.list_endpoints,
            "ListModelPackageGroups": groups.list_groups,
            "ListModelPackages": packages.list_packages,
            "ListModels": models.list_models,
            "ListTags": self.tags.list_tags,
            "ListTrainingJobs": jobs.list_jobs,
            "ListTransformJobs": transforms.list_jobs,
            "Search": Search(stores, self.tags).search,
            "StopTrainingJob": jobs.stop,
            "StopTransformJob": transforms.stop,
            "UpdateEndpoint": endpoints.update,
            "UpdateEndpointWeightsAndCapacities": endpoints.update_weights,
            "UpdateModelPackage": packages.update,
        }

    def _check_keys(self, operation: str, request: Mapping[str, Any], scope: Scope) -> None:
        """Ask KMS for the role of a job, and for who makes or updates an endpoint; what is not there, others refuse."""
        if operation in ("CreateEndpoint", "UpdateEndpoint"):
            config = self.stores.endpoint_configs.get(scope, request["EndpointConfigName"])
            check_endpoint_key(config or {}, scope, self._resources)
        elif operation == "CreateTrainingJob":
            check_key_uses(operation, request, scope, self._resources, request["RoleArn"])
        elif operation == "CreateTransformJob":
            model = self.stores.models.get(scope, request["ModelName"]) or {}
            check_key_uses(operation, request, scope, self._resources, model.get("ExecutionRoleArn", ""))

    def perform(self, operation: str, scope: Scope, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Carry out an operation and give its answer as JSON. Raises ServiceError.

        May block: creating a model or a job asks S3 in the name of its role.
        """
        action = self._operations.get(operation)
        if action is None:
            raise unknown_operation(operation)
        check_request(operation_input(operation), request)
        check_members(operation, request)
        check_references(operation, request, scope, self._resources)
        self._check_keys(operation, request, scope)
        if operation.startswith("Create") and request.get("Tags"):
            # To create with tags is to tag: https://docs.aws.amazon.com/sagemaker/latest/dg/security_iam_id-based-policy-examples.html
            caller.require("sagemaker:AddTags", resource_of_operation(operation, request, scope))
        answer = action(Call(scope, request, caller))
        return render(operation_output(operation), answer, whole=operation.startswith(LISTING))

    def resume(self) -> None:
        """Go on after a restart, in the background: interrupted jobs are closed, endpoints hosted again."""
        self.runs.fail_interrupted()
        self.transforms.fail_interrupted()
        self.hosting.resume()

    def shutdown(self) -> None:
        """End every process of jobs and endpoints."""
        self.runs.shutdown()
        self.transforms.shutdown()
        self.hosting.shutdown()
