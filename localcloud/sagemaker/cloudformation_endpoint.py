"""AWS::SageMaker::Endpoint: waits for the endpoint, and fails where it does not serve what the template asked for.

SageMaker itself goes back to the old configuration in silence and says InService; through CloudFormation that has to
be a failure, so that the stack rolls back.
"""

from __future__ import annotations

from typing import Any

from localcloud.emulator.sagemaker_cloudformation import Created
from localcloud.sagemaker.cloudformation import NounHandler, Properties

_WAIT_SECONDS = 3600.0
_UPDATING = (
    "EndpointConfigName",
    "DeploymentConfig",
    "RetainAllVariantProperties",
    "RetainDeploymentConfig",
    "ExcludeRetainedVariantProperties",
)
_UPDATE_ONLY = ("RetainAllVariantProperties", "RetainDeploymentConfig", "ExcludeRetainedVariantProperties")


class EndpointHandler(NounHandler):
    """Create and delete as other nouns, and update in place."""

    changeable = ("EndpointConfigName",)

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        created = {name: value for name, value in properties.items() if name not in _UPDATE_ONLY}
        arn, _ = super().create(logical_id, created, stack_name)
        record = self._settled(arn)
        if record.get("EndpointStatus") != "InService":
            # Nobody but this handler knows the endpoint yet: left behind, its name would bar the next attempt.
            self.delete(arn, properties)
            raise ValueError(_not_stable(arn, record.get("FailureReason") or "The endpoint was deleted."))
        return arn, self.attributes(arn)

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        # A rollback after a restart may find the endpoint being hosted again.
        record = self._settled(physical_id)
        wanted = new.get("EndpointConfigName")
        if any(old.get(name) != new.get(name) for name in _UPDATING) and record.get("EndpointConfigName") != wanted:
            request = self.request("UpdateEndpoint", {name: new[name] for name in _UPDATING if name in new})
            request["EndpointName"] = record.get("EndpointName", physical_id.rpartition("/")[2])
            self.perform("UpdateEndpoint", request)
            self.initiated(physical_id)
            record = self._settled(physical_id)
            if record.get("EndpointStatus") != "InService" or record.get("EndpointConfigName") != wanted:
                raise ValueError(_not_stable(physical_id, record.get("FailureReason") or "It was changed meanwhile."))
        self.control.tags.replace(self.scope(), physical_id, new.get("Tags") or ())
        return physical_id, self.attributes(physical_id)

    def delete(self, physical_id: str, properties: Properties) -> None:
        record = self._settled(physical_id)
        if record:
            super().delete(physical_id, properties)
            self.control.hosting.wait_gone(self.scope(), record["EndpointName"], _WAIT_SECONDS)

    def _settled(self, physical_id: str) -> dict[str, Any]:
        name = physical_id.rpartition("/")[2]
        return self.control.hosting.wait(self.scope(), name, _WAIT_SECONDS) or {}


def _not_stable(arn: str, reason: str) -> str:
    return (
        f"Resource handler returned message: \"Resource of type 'AWS::SageMaker::Endpoint' with identifier '{arn}' did "
        f'not stabilize: {reason}" (HandlerErrorCode: NotStabilized)'
    )
