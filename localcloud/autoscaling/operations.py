"""The operations of Application Auto Scaling, checked by botocore's model of them.

https://docs.aws.amazon.com/autoscaling/application/APIReference/
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Protocol

from localcloud.autoscaling.records import Records, TargetId, Variants, page_of, require_bounds
from localcloud.autoscaling.scaler import Scaler
from localcloud.autoscaling.schedule import check_schedule, following
from localcloud.autoscaling.tracking import alarm_names, alarm_requests, check_configuration
from localcloud.clock import Clock
from localcloud.sagemaker.api.call import NOT_SUPPORTED, Call, Caller, Scope, ServiceError, validation_error
from localcloud.sagemaker.api.service_model import check_request, render, service_model
from localcloud.sagemaker.store import Record, Table

_SERVICE = "sagemaker.application-autoscaling.amazonaws.com"
_NOT_SUSPENDED = {
    "DynamicScalingInSuspended": False,
    "DynamicScalingOutSuspended": False,
    "ScheduledScalingSuspended": False,
}


class Alarms(Protocol):
    """CloudWatch's alarms, as policies make and delete them."""

    def put(self, scope: Scope, request: Mapping[str, Any]) -> Record: ...
    def delete(self, scope: Scope, name: str) -> None: ...


class LinkedRoles(Protocol):
    """IAM's service-linked roles."""

    def ensure(self, scope: Scope, service: str, caller: Caller) -> str:
        """The ARN of a service's role, made where there is none. Raises ServiceError where the caller may not."""


class Operations:
    """All operations by their names."""

    def __init__(
        self,
        records: Records,
        variants: Variants,
        alarms: Alarms,
        scaler: Scaler,
        roles: LinkedRoles,
        clock: Clock,
    ) -> None:
        self._records, self._variants, self._alarms = records, variants, alarms
        self._scaler, self._roles, self._clock = scaler, roles, clock
        self._operations = {
            "RegisterScalableTarget": self._register,
            "DeregisterScalableTarget": self._deregister,
            "DescribeScalableTargets": self._describe_targets,
            "PutScalingPolicy": self._put_policy,
            "DeleteScalingPolicy": self._delete_policy,
            "DescribeScalingPolicies": self._describe_policies,
            "PutScheduledAction": self._put_scheduled,
            "DeleteScheduledAction": self._delete_scheduled,
            "DescribeScheduledActions": self._describe_scheduled,
            "DescribeScalingActivities": self._describe_activities,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    def perform(self, operation: str, scope: Scope, request: Mapping[str, Any], caller: Caller) -> dict[str, Any]:
        """Carry out an operation and give its answer as JSON. Raises ServiceError."""
        action = self._operations.get(operation)
        if action is None:
            raise ServiceError("UnknownOperationException", f"The operation {operation} is {NOT_SUPPORTED}.")
        model = service_model("application-autoscaling").operation_model(operation)
        check_request(model.input_shape, request)
        answer = action(Call(scope, request, caller))
        return render(model.output_shape, answer, whole=operation.startswith(("Describe", "List")))

    def registered(self, scope: Scope, endpoint: str) -> tuple[str, ...]:
        """The variants of an endpoint that are scalable targets."""
        targets = (TargetId.of(record) for record in self._records.targets.all(scope))
        return tuple(target.variant for target in targets if target.endpoint.lower() == endpoint.lower())

    def forget(self, scope: Scope, endpoint: str) -> None:
        """Deregister the variants of an endpoint that is deleted."""
        for variant in self.registered(scope, endpoint):
            self._forget(scope, TargetId(endpoint, variant))

    def find(self, scope: Scope, target: TargetId) -> Record | None:
        """A target's record, for CloudFormation."""
        return self._records.targets.get(scope, target.key())

    def _register(self, call: Call) -> dict[str, Any]:
        request, target = call.request, TargetId.of(call.request)
        known = self.find(call.scope, target)
        bounds = {name: request.get(name, (known or {}).get(name)) for name in ("MinCapacity", "MaxCapacity")}
        least, most = bounds["MinCapacity"], bounds["MaxCapacity"]
        if least is None or most is None:
            raise validation_error("MinCapacity and MaxCapacity are required to register a scalable target.")
        require_bounds(least, most)
        if self._variants.capacity(call.scope, target) is None:
            raise validation_error(f"SageMaker endpoint variant doesn't exist: {target.resource}")
        if self._variants.burstable(call.scope, target):
            raise validation_error(f"The instance type of {target.resource} does not support automatic scaling.")
        call.caller.require("sagemaker:DescribeEndpoint", call.scope.arn("endpoint", target.endpoint))
        role = self._roles.ensure(call.scope, _SERVICE, call.caller)
        arn = call.scope.service_arn("application-autoscaling", f"scalable-target/{uuid.uuid4().hex[:28]}")
        record = known or {
            **target.members,
            "ScalableTargetARN": arn,
            "RoleARN": role,
            "CreationTime": self._clock.now(),
            "SuspendedState": _NOT_SUSPENDED,
            "_tags": {},
        }
        suspended = {**record["SuspendedState"], **(request.get("SuspendedState") or {})}
        tags = {**record["_tags"], **(request.get("Tags") or {})}
        self._records.targets.put(
            call.scope, target.key(), {**record, **bounds, "SuspendedState": suspended, "_tags": tags}
        )
        self._scaler.keep_bounds(call.scope, target)
        return record

    def _deregister(self, call: Call) -> dict[str, Any]:
        target = TargetId.of(call.request)
        self._records.target(call.scope, target)
        self._forget(call.scope, target)
        return {}

    def _forget(self, scope: Scope, target: TargetId) -> None:
        """A target goes with its policies, their alarms and its scheduled actions; activities stay."""
        for policy in self._records.of(self._records.policies, scope, target):
            self._drop_policy(scope, target, policy)
        for action in self._records.of(self._records.scheduled, scope, target):
            self._records.scheduled.remove(scope, target.key(action["ScheduledActionName"]))
        self._records.targets.remove(scope, target.key())

    def _describe_targets(self, call: Call) -> dict[str, Any]:
        wanted = call.request.get("ResourceIds") or ()
        found = [one for one in self._records.targets.all(call.scope) if not wanted or one["ResourceId"] in wanted]
        return page_of(sorted(found, key=lambda one: str(one["ResourceId"])), call.request, "ScalableTargets")

    def _put_policy(self, call: Call) -> dict[str, Any]:
        request, target, scope = call.request, TargetId.of(call.request), call.scope
        if self.find(scope, target) is None:
            raise target.missing("No scalable target registered")
        name, key = request["PolicyName"], target.key(request["PolicyName"])
        known = self._records.policies.get(scope, key)
        kind = request.get("PolicyType") or (known or {}).get("PolicyType") or "StepScaling"
        config = request.get("TargetTrackingScalingPolicyConfiguration")
        if kind != "TargetTrackingScaling" or config is None:
            raise validation_error(f"A policy of type {kind} is {NOT_SUPPORTED}: it knows TargetTrackingScaling.")
        check_configuration(config)
        resource = f"resource/{target.members['ServiceNamespace']}/{target.resource}"
        arn = scope.service_arn("autoscaling", f"scalingPolicy:{uuid.uuid4()}:{resource}:policyName/{name}")
        arn = known["PolicyARN"] if known else arn
        # Only what makes or changes alarms needs to be allowed to: `cloudwatch` is called in the caller's name.
        names = [one["AlarmName"] for one in (known or {}).get("Alarms", ())]
        names = names or alarm_names(target, [str(uuid.uuid4()), str(uuid.uuid4())])
        for action in ("cloudwatch:PutMetricAlarm", "cloudwatch:DescribeAlarms", "cloudwatch:DeleteAlarms"):
            for alarm in names:
                _require_alarm(call, action, alarm)
        made = [self._alarms.put(scope, one) for one in alarm_requests(target, arn, config, names)]
        alarms = [{"AlarmName": one["AlarmName"], "AlarmARN": one["AlarmArn"]} for one in made]
        record = {
            **target.members,
            "PolicyARN": arn,
            "PolicyName": name,
            "PolicyType": kind,
            "TargetTrackingScalingPolicyConfiguration": config,
            "Alarms": alarms,
            "CreationTime": known["CreationTime"] if known else self._clock.now(),
        }
        self._records.policies.put(scope, key, {**record, **{n: (known or {}).get(n) for n in ("_out", "_in")}})
        return record

    def _delete_policy(self, call: Call) -> dict[str, Any]:
        target, name = TargetId.of(call.request), call.request["PolicyName"]
        policy = self._records.policies.get(call.scope, target.key(name))
        if policy is None:
            error = target.missing("No scaling policy found")
            raise ServiceError(error.code, f"{error.message}, policy name: {name}")
        for alarm in policy["Alarms"]:
            _require_alarm(call, "cloudwatch:DeleteAlarms", alarm["AlarmName"])
        self._drop_policy(call.scope, target, policy)
        return {}

    def _drop_policy(self, scope: Scope, target: TargetId, policy: Mapping[str, Any]) -> None:
        for alarm in policy["Alarms"]:
            self._alarms.delete(scope, alarm["AlarmName"])
        self._records.policies.remove(scope, target.key(policy["PolicyName"]))

    def _describe_policies(self, call: Call) -> dict[str, Any]:
        found = self._chosen(self._records.policies, call, "PolicyNames", "PolicyName")
        return page_of(found, call.request, "ScalingPolicies")

    def _put_scheduled(self, call: Call) -> dict[str, Any]:
        request, target, scope = call.request, TargetId.of(call.request), call.scope
        target_record = self.find(scope, target)
        if target_record is None:
            raise target.missing("No scalable target registered")
        name, key = request["ScheduledActionName"], target.key(request["ScheduledActionName"])
        known = self._records.scheduled.get(scope, key) or {}
        fields = ("Schedule", "Timezone", "StartTime", "EndTime", "ScalableTargetAction")
        action = {**known, **{one: request[one] for one in fields if one in request}}
        if "Schedule" not in action:
            raise validation_error("Schedule is required to create a scheduled action.")
        bounds = action.get("ScalableTargetAction") or {}
        if not bounds:
            raise validation_error("ScalableTargetAction needs MinCapacity, MaxCapacity or both.")
        both = {name: target_record[name] for name in ("MinCapacity", "MaxCapacity")} | dict(bounds)
        require_bounds(both["MinCapacity"], both["MaxCapacity"])
        check_schedule(action)
        resource = f"resource/{target.members['ServiceNamespace']}/{target.resource}"
        arn = scope.service_arn("autoscaling", f"scheduledAction:{uuid.uuid4()}:{resource}:scheduledActionName/{name}")
        now = self._clock.now()
        record = {
            **target.members,
            "ScheduledActionName": name,
            "ScheduledActionARN": arn,
            "CreationTime": now,
            **action,
        }
        self._records.scheduled.put(scope, key, {**record, "_next": following(record, self._clock, now)})
        return {}

    def _delete_scheduled(self, call: Call) -> dict[str, Any]:
        target, name = TargetId.of(call.request), call.request["ScheduledActionName"]
        if self._records.scheduled.remove(call.scope, target.key(name)) is None:
            error = target.missing("No scheduled action found")
            raise ServiceError(error.code, f"{error.message}, scheduled action name: {name}")
        return {}

    def _describe_scheduled(self, call: Call) -> dict[str, Any]:
        found = self._chosen(self._records.scheduled, call, "ScheduledActionNames", "ScheduledActionName")
        return page_of(found, call.request, "ScheduledActions")

    def _describe_activities(self, call: Call) -> dict[str, Any]:
        found = self._chosen(self._records.activities, call, "", "ActivityId")
        if not call.request.get("IncludeNotScaledActivities"):
            found = [one for one in found if not one.get("NotScaledReasons")]
        newest = sorted(found, key=lambda one: float(one["StartTime"]), reverse=True)
        return page_of(newest, call.request, "ScalingActivities")

    def _chosen(self, table: Table, call: Call, names: str, name: str) -> list[Record]:
        """The records of a table that a Describe operation's filters leave, by name."""
        request = call.request
        if request.get("ScalableDimension") and not request.get("ResourceId"):
            raise validation_error("If you specify a scalable dimension, you must also specify a resource ID.")
        wanted, resource = request.get(names) or (), request.get("ResourceId")
        found = [
            one
            for one in table.all(call.scope)
            if (not wanted or one[name] in wanted) and resource in (None, one["ResourceId"])
        ]
        return sorted(found, key=lambda one: str(one[name]))

    def _tagged(self, call: Call) -> Record:
        arn = call.request["ResourceARN"]
        for record in self._records.targets.all(call.scope):
            if record["ScalableTargetARN"] == arn:
                return record
        raise ServiceError("ResourceNotFoundException", f"No scalable target found for resource ARN: {arn}")

    def _tag(self, call: Call) -> dict[str, Any]:
        record = self._tagged(call)
        tags = {**record["_tags"], **call.request["Tags"]}
        self._records.targets.change(call.scope, TargetId.of(record).key(), _tags=tags)
        return {}

    def _untag(self, call: Call) -> dict[str, Any]:
        record = self._tagged(call)
        tags = {name: value for name, value in record["_tags"].items() if name not in call.request["TagKeys"]}
        self._records.targets.change(call.scope, TargetId.of(record).key(), _tags=tags)
        return {}

    def _list_tags(self, call: Call) -> dict[str, Any]:
        return {"Tags": self._tagged(call)["_tags"]}


def _require_alarm(call: Call, action: str, alarm: str) -> None:
    """Ask IAM in the caller's name; what it refuses is a FailedResourceAccessException."""
    try:
        call.caller.require(action, call.scope.service_arn("cloudwatch", f"alarm:{alarm}"))
    except ServiceError as error:
        raise ServiceError("FailedResourceAccessException", error.message) from None
