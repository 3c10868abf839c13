"""SageMaker's resource types for CloudFormation: each with its handlers and the properties that replace it.

AWS::SageMaker::Endpoint waits for the endpoint, and fails where it does not serve what the template asked for. AWS does
not say whether its own does: `kickstand local switch rolled-back-update succeeds` makes an update that was rolled back
a success. Nor does it say whether its deletion waits for an update; here DeleteEndpoint refuses it, unless the switch
deletion-in-update says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.ministack.cloudformation.template import Created, ResourceType
from localcloud.sagemaker.api.call import Caller, Scope
from localcloud.sagemaker.cloudformation.handlers import GroupHandler, NounHandler, Properties
from localcloud.sagemaker.control import Control
from localcloud.sagemaker.store import Table
from localcloud.state import DELETION_IN_UPDATE, ROLLED_BACK_UPDATE, stands_at

_CREATE_SECONDS = 160 * 60.0
_UPDATE_SECONDS = 970 * 60.0
"""CloudFormation's own limits, of the handler's schema: an update outlasts 8 hours of deployment and 8 of rollback."""
_UPDATING = (
    "EndpointConfigName",
    "DeploymentConfig",
    "RetainAllVariantProperties",
    "RetainDeploymentConfig",
    "ExcludeRetainedVariantProperties",
)
_UPDATE_ONLY = ("RetainAllVariantProperties", "RetainDeploymentConfig", "ExcludeRetainedVariantProperties")


class EndpointHandler(NounHandler):
    """Create and delete as other nouns, and update in place.

    A stack that rolls back calls UpdateEndpoint, too, with the DeploymentConfig of the old template: another deployment
    with its waits and alarms, to the configuration that serves already where the first one was rolled back.
    """

    changeable = ("EndpointConfigName", "DeploymentConfig")

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        created = {name: value for name, value in properties.items() if name not in _UPDATE_ONLY}
        arn, _ = super().create(logical_id, created, stack_name)
        record = self._settled(arn, _CREATE_SECONDS)
        if record.get("EndpointStatus") != "InService":
            # Nobody but this handler knows the endpoint yet: left behind, its name would bar the next attempt.
            self.delete(arn, properties)
            raise ValueError(_not_stable(arn, record.get("FailureReason") or "The endpoint was deleted."))
        return arn, self.attributes(arn)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        # A rollback after a restart may find the endpoint being hosted again.
        record = self._settled(physical_id, _UPDATE_SECONDS)
        if self._needs_update(record, old, new):
            request = self.request("UpdateEndpoint", {name: new[name] for name in _UPDATING if name in new})
            request["EndpointName"] = record.get("EndpointName", physical_id.rpartition("/")[2])
            self.perform("UpdateEndpoint", request)
            self.initiated(physical_id)
            record = self._settled(physical_id, _UPDATE_SECONDS)
            serves = record.get("EndpointConfigName") == new.get("EndpointConfigName")
            updated = record.get("EndpointStatus") == "InService" and serves and not record.get("FailureReason")
            if not updated and stands_at(ROLLED_BACK_UPDATE) == "fails":
                raise ValueError(_not_stable(physical_id, record.get("FailureReason") or "It was changed meanwhile."))
        self.control.tags.replace(self.scope(), physical_id, new.get("Tags") or ())
        return physical_id, self.attributes(physical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:
        record = self.record(physical_id) or {}
        updates = record.get("EndpointStatus") in ("Updating", "RollingBack")
        if not updates or stands_at(DELETION_IN_UPDATE) == "waits":
            # After a restart it may be found being hosted again, as Creating.
            record = self._settled(physical_id, _UPDATE_SECONDS)
        if record:
            super().delete(physical_id, properties)
            self.control.hosting.wait_gone(self.scope(), record["EndpointName"], _UPDATE_SECONDS)

    def read(self, physical_id: str, expected: Properties) -> Properties | None:
        """The current properties; DeploymentConfig is the last one that was given."""
        found = super().read(physical_id, expected)
        last = (self.record(physical_id) or {}).get("LastDeploymentConfig")
        if found is None or "DeploymentConfig" not in expected:
            return found
        wanted = self.request("UpdateEndpoint", {"DeploymentConfig": expected["DeploymentConfig"]})
        same = last == wanted.get("DeploymentConfig")
        return {**found, "DeploymentConfig": expected["DeploymentConfig"] if same else last}

    def request(self, operation: str, properties: Properties) -> dict[str, Any]:
        """The API requires what a template may leave out: a wait, and alarms where there is a list of them."""
        request = super().request(operation, properties)
        config = request.get("DeploymentConfig") or {}
        routing = (config.get("BlueGreenUpdatePolicy") or {}).get("TrafficRoutingConfiguration")
        if routing is not None:
            routing.setdefault("WaitIntervalInSeconds", 0)
        if config.get("AutoRollbackConfiguration") in ({}, {"Alarms": []}):
            del config["AutoRollbackConfiguration"]
        return request

    def _needs_update(self, record: Mapping[str, Any], old: Properties, new: Properties) -> bool:
        """Whether UpdateEndpoint is called: for another configuration, and for another DeploymentConfig alone."""
        wanted = new.get("EndpointConfigName")
        if record.get("_interrupted") and record.get("EndpointConfigName") == wanted:
            return False  # the end of the local cloud rolled the update back already, which AWS's never does
        return any(old.get(name) != new.get(name) for name in ("EndpointConfigName", "DeploymentConfig"))

    def _settled(self, physical_id: str, seconds: float) -> dict[str, Any]:
        name = physical_id.rpartition("/")[2]
        return self.control.hosting.wait(self.scope(), name, seconds) or {}


def _not_stable(arn: str, reason: str) -> str:
    return (
        f"Resource handler returned message: \"Resource of type 'AWS::SageMaker::Endpoint' with identifier '{arn}' did "
        f'not stabilize: {reason}" (HandlerErrorCode: NotStabilized)'
    )


def resource_types(
    control: Control,
    caller: Caller,
    *,
    scope: Callable[[], Scope],
    initiated: Callable[[str], None],
) -> dict[str, ResourceType]:
    """The four types with their handlers."""

    def handler(kind: type[NounHandler], noun: str, table: Table, replacing: tuple[str, ...]) -> ResourceType:
        made = kind(noun, table, control, caller, scope=scope, initiated=initiated)
        return ResourceType(
            made.name_property,
            replacing,
            made.create,
            made.update,
            made.delete,
            made.arn_property,
            made.adopt,
            made.read,
            (*replacing, *made.changeable, "Tags"),
        )

    stores = control.stores
    return {
        "AWS::SageMaker::Model": handler(
            NounHandler,
            "Model",
            stores.models,
            (
                "ModelName",
                "Containers",
                "EnableNetworkIsolation",
                "ExecutionRoleArn",
                "InferenceExecutionConfig",
                "PrimaryContainer",
                "VpcConfig",
            ),
        ),
        "AWS::SageMaker::EndpointConfig": handler(
            NounHandler,
            "EndpointConfig",
            stores.endpoint_configs,
            (
                "EndpointConfigName",
                "AsyncInferenceConfig",
                "DataCaptureConfig",
                "EnableNetworkIsolation",
                "ExecutionRoleArn",
                "ExplainerConfig",
                "KmsKeyId",
                "MetricsConfig",
                "ProductionVariants",
                "ShadowProductionVariants",
                "VpcConfig",
            ),
        ),
        "AWS::SageMaker::Endpoint": handler(EndpointHandler, "Endpoint", stores.endpoints, ("EndpointName",)),
        "AWS::SageMaker::ModelPackageGroup": handler(
            GroupHandler,
            "ModelPackageGroup",
            stores.model_package_groups,
            ("ModelPackageGroupName", "ModelPackageGroupDescription"),
        ),
    }
