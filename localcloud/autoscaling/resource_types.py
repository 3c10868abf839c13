"""CloudFormation's types of Application Auto Scaling: ScalableTarget with its scheduled actions, and ScalingPolicy.

`Ref` of a target is its resource, dimension and namespace with bars between, `Fn::GetAtt` has `Id`; `Ref` of a policy
is its ARN. A target that is gone already, as with its endpoint, is no error of a deletion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from localcloud.autoscaling.operations import Operations
from localcloud.autoscaling.records import TargetId
from localcloud.ministack.cloudformation.template import Created, ResourceType
from localcloud.sagemaker.api.call import Caller, Scope, ServiceError
from localcloud.sagemaker.api.service_model import service_model
from localcloud.sagemaker.cloudformation.handlers import Properties, as_request, handler_message, physical_name

_OF_TARGET = ("ServiceNamespace", "ResourceId", "ScalableDimension")
_SETTINGS = ("MinCapacity", "MaxCapacity", "SuspendedState", "ScheduledActions")
_GONE = "ObjectNotFoundException"


class _Handler:
    def __init__(self, operations: Operations, caller: Caller, scope: Callable[[], Scope]) -> None:
        self.operations, self.caller, self.scope = operations, caller, scope

    def perform(self, operation: str, request: Mapping[str, Any], *, tolerate: str = "") -> dict[str, Any]:
        """An operation in the service's own protocol; ValueError as a stack event shows it.

        tolerate: the code of an error that is none here.
        """
        shape = service_model("application-autoscaling").operation_model(operation).input_shape
        members = {name: value for name, value in request.items() if name in shape.members}
        try:
            return self.operations.perform(operation, self.scope(), as_request(shape, members), self.caller)
        except ServiceError as error:
            if error.code == tolerate:
                return {}
            message = handler_message(error).replace("Service: SageMaker", "Service: ApplicationAutoScaling")
            raise ValueError(message) from error


class TargetHandler(_Handler):
    """AWS::ApplicationAutoScaling::ScalableTarget."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        return self._put(properties, ())

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        kept = {action["ScheduledActionName"] for action in new.get("ScheduledActions") or ()}
        return self._put(
            new, [one for one in old.get("ScheduledActions") or () if one["ScheduledActionName"] not in kept]
        )

    def delete(self, physical_id: str, properties: Properties) -> None:
        self.perform("DeregisterScalableTarget", _named(physical_id), tolerate=_GONE)

    def read(self, physical_id: str, expected: Properties) -> Properties | None:
        members = _named(physical_id)
        record = self.operations.find(self.scope(), TargetId.of(members))
        if record is None:
            return None
        found = {name: record[name] for name in ("MinCapacity", "MaxCapacity")}
        if "SuspendedState" in expected:
            found["SuspendedState"] = {name: record["SuspendedState"][name] for name in expected["SuspendedState"]}
        query = {name: members[name] for name in _OF_TARGET}
        scheduled = self.perform("DescribeScheduledActions", query)["ScheduledActions"]
        if scheduled or expected.get("ScheduledActions"):
            given = {one["ScheduledActionName"]: one for one in expected.get("ScheduledActions") or ()}
            found["ScheduledActions"] = [
                {name: one.get(name) for name in given.get(one["ScheduledActionName"], one)} for one in scheduled
            ]
        return {**expected, **found}

    def adopt(self, physical_id: str) -> Created | None:
        record = self.operations.find(self.scope(), TargetId.of(_named(physical_id)))
        return None if record is None else (physical_id, _identified(record))

    def _put(self, properties: Properties, gone: Any) -> Created:
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags") or () if tag.get("Key")}
        self.perform("RegisterScalableTarget", {**properties, "Tags": tags})
        own = {name: properties[name] for name in _OF_TARGET}
        for action in gone:
            self.perform("DeleteScheduledAction", {**own, **action}, tolerate=_GONE)
        for action in properties.get("ScheduledActions") or ():
            times = {name: _seconds(action[name]) for name in ("StartTime", "EndTime") if name in action}
            self.perform("PutScheduledAction", {**own, **action, **times})
        record = self.operations.find(self.scope(), TargetId.of(own)) or {}
        return "|".join(own[name] for name in ("ResourceId", "ScalableDimension", "ServiceNamespace")), _identified(
            record
        )


class PolicyHandler(_Handler):
    """AWS::ApplicationAutoScaling::ScalingPolicy."""

    def create(self, logical_id: str, properties: Properties, stack_name: str) -> Created:
        named = {"PolicyName": physical_name(stack_name, logical_id), **properties}
        arn = self.perform("PutScalingPolicy", {**_target_of(properties), **named})["PolicyARN"]
        return arn, {"Arn": arn}

    def update(self, physical_id: str, old: Properties, new: Properties, stack_name: str) -> Created:
        return self.create("", new, stack_name)

    def delete(self, physical_id: str, properties: Properties) -> None:
        self.perform("DeleteScalingPolicy", _policy_of(physical_id), tolerate=_GONE)

    def read(self, physical_id: str, expected: Properties) -> Properties | None:
        name = "TargetTrackingScalingPolicyConfiguration"
        found = self._find(physical_id)
        if found is None:
            return None
        # What a template leaves out has AWS's default.
        wanted = expected.get(name) or {}
        return {**expected, name: {key: found[name].get(key, wanted[key]) for key in wanted}}

    def adopt(self, physical_id: str) -> Created | None:
        return (physical_id, {"Arn": physical_id}) if self._find(physical_id) else None

    def _find(self, arn: str) -> dict[str, Any] | None:
        policy = _policy_of(arn)
        query = {**{name: policy[name] for name in _OF_TARGET}, "PolicyNames": [policy["PolicyName"]]}
        return next(iter(self.perform("DescribeScalingPolicies", query)["ScalingPolicies"]), None)


def _identified(record: Mapping[str, Any]) -> dict[str, Any]:
    return {"Id": str(record.get("ScalableTargetARN", "")).rpartition("/")[2]}


def _named(physical_id: str) -> dict[str, Any]:
    resource, dimension, namespace = physical_id.split("|")
    return {"ResourceId": resource, "ScalableDimension": dimension, "ServiceNamespace": namespace}


def _target_of(properties: Properties) -> dict[str, Any]:
    """A policy names its target by its id, or by the three of it."""
    if "ScalingTargetId" in properties:
        return _named(properties["ScalingTargetId"])
    return {name: properties.get(name) for name in _OF_TARGET}


def _policy_of(arn: str) -> dict[str, Any]:
    """`…:scalingPolicy:ID:resource/sagemaker/endpoint/N/variant/V:policyName/NAME`"""
    resource, _, name = arn.split(":resource/", 1)[1].rpartition(":policyName/")
    namespace, _, own = resource.partition("/")
    dimension = "sagemaker:variant:DesiredInstanceCount"
    return {"ServiceNamespace": namespace, "ResourceId": own, "ScalableDimension": dimension, "PolicyName": name}


def _seconds(text: Any) -> float:
    return datetime.fromisoformat(str(text)).timestamp()


def resource_types(operations: Operations, caller: Caller, *, scope: Callable[[], Scope]) -> dict[str, ResourceType]:
    """Both types with their handlers."""
    target, policy = TargetHandler(operations, caller, scope), PolicyHandler(operations, caller, scope)
    return {
        "AWS::ApplicationAutoScaling::ScalableTarget": ResourceType(
            name="ResourceId",
            replacing=_OF_TARGET,
            create=target.create,
            update=target.update,
            delete=target.delete,
            identifier="Id",
            adopt=target.adopt,
            read=target.read,
            read_properties=(*_OF_TARGET, *_SETTINGS),
        ),
        "AWS::ApplicationAutoScaling::ScalingPolicy": ResourceType(
            name="PolicyName",
            replacing=("PolicyName", *_OF_TARGET, "ScalingTargetId"),
            create=policy.create,
            update=policy.update,
            delete=policy.delete,
            identifier="Arn",
            adopt=policy.adopt,
            read=policy.read,
            read_properties=("PolicyName", "TargetTrackingScalingPolicyConfiguration"),
        ),
    }
