"""SageMaker's control plane: every operation by its name, checked on the way in, shaped on the way out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from localcloud.clock import Clock
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
from localcloud.sagemaker.hosting.rollback_alarms import AlarmStates
from localcloud.sagemaker.image import Images, Roles
from localcloud.sagemaker.jobs.kind import TRAINING, JobKind
from localcloud.sagemaker.jobs.operations import Interruptions, Jobs
from localcloud.sagemaker.jobs.runs import JobRuns
from localcloud.sagemaker.jobs.training_job import TrainingJob
from localcloud.sagemaker.jobs.transform_job import TransformJob
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
    durations: how long waits of AWS are here. alarms: those that roll a deployment back.
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
        durations: Clock | None = None,
        alarms: AlarmStates | None = None,
    ) -> None:
        self.stores, self._resources = stores, resources
        self.tags = Tags(stores)
        events = Events(bus)
        self._rules = (TrainingJob(roles, images), TransformJob(stores.models))
        self.runs: dict[JobKind, JobRuns] = {
            rules.kind: JobRuns(rules, stores, processes, roles, events, folder=folder, clock=clock)
            for rules in self._rules
        }
        self.hosting = Hosting(
            stores,
            processes,
            roles,
            events,
            folder=folder / "endpoints",
            clock=clock,
            durations=durations,
            alarms=alarms,
        )
        models = Models(stores, roles, images, self.tags, clock=clock)
        configs = EndpointConfigs(stores, self.tags, clock=clock)
        endpoints = self.endpoints = Endpoints(stores, self.hosting, self.tags, events, clock=clock)
        groups = ModelPackageGroups(stores, self.tags, clock=clock)
        packages = ModelPackages(stores, self.tags, events, clock=clock)
        self._operations: dict[str, Operation] = {
            "AddTags": Interruptions(stores, self.runs[TRAINING], self.tags).add_tags,
            "CreateEndpoint": endpoints.create,
            "CreateEndpointConfig": configs.create,
            "CreateModel": models.create,
            "CreateModelPackage": packages.create,
            "CreateModelPackageGroup": groups.create,
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
            "ListEndpointConfigs": configs.list_configs,
            "ListEndpoints": endpoints.list_endpoints,
            "ListModelPackageGroups": groups.list_groups,
            "ListModelPackages": packages.list_packages,
            "ListModels": models.list_models,
            "ListTags": self.tags.list_tags,
            "Search": Search(stores, self.tags).search,
            "UpdateEndpoint": endpoints.update,
            "UpdateEndpointWeightsAndCapacities": endpoints.update_weights,
            "UpdateModelPackage": packages.update,
        }
        for rules in self._rules:
            jobs = Jobs(rules, stores, self.runs[rules.kind], self.tags, events, clock=clock)
            self._operations |= jobs.operations()

    def _check_keys(self, operation: str, request: Mapping[str, Any], scope: Scope) -> None:
        """Ask KMS for the role of a job, and for who makes or updates an endpoint; what is not there, others refuse."""
        if operation in ("CreateEndpoint", "UpdateEndpoint"):
            config = self.stores.endpoint_configs.get(scope, request["EndpointConfigName"])
            check_endpoint_key(config or {}, scope, self._resources)
        for rules in self._rules:
            if operation == f"Create{rules.kind.noun}":
                check_key_uses(operation, request, scope, self._resources, rules.role(scope, request))

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
        for runs in self.runs.values():
            runs.fail_interrupted()
        self.hosting.resume()

    def shutdown(self) -> None:
        """End every process of jobs and endpoints."""
        for runs in self.runs.values():
            runs.shutdown()
        self.hosting.shutdown()
