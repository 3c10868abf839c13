"""Brings variants to the number of instances that bounds, policies and timetables ask for; each change is an activity.

What AWS does not say: a variant whose endpoint is not in service is left alone, and recorded as not scaled; bounds that
were set meanwhile count once it serves again.
https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-scaling-activities.html
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from localcloud.autoscaling.records import Capacity, Records, TargetId, Variants
from localcloud.autoscaling.schedule import following
from localcloud.autoscaling.tracking import scaled_in, scaled_out
from localcloud.clock import Clock
from localcloud.sagemaker.api.call import Scope, ServiceError
from localcloud.sagemaker.store import Record

_LOG = logging.getLogger("kickstand.autoscaling")
_COOLDOWN = 300


class AlarmValues(Protocol):
    """CloudWatch's alarms: `localcloud.cloudwatch.alarms.Alarms`."""

    def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]: ...
    def recent(self, scope: Scope, name: str) -> list[float]: ...


class Scaler:
    """Decides and acts. May be used from any thread.

    background: starts what waits for the end of a change.
    """

    def __init__(
        self,
        records: Records,
        variants: Variants,
        alarms: AlarmValues,
        clock: Clock,
        *,
        background: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._records, self._variants, self._alarms, self._clock = records, variants, alarms, clock
        self._background = background or _on_a_thread

    def resume(self) -> None:
        """Close what the last run's end cut short: its changes were made when endpoints are hosted again, or never."""
        now = self._clock.now()
        for scope, activity in self._records.activities.everywhere():
            if activity["StatusCode"] == "InProgress":
                text = f"{activity['StatusMessage']} The local cloud was stopped."
                self._end(scope, activity["ActivityId"], "Unfulfilled", text)
        for scope, policy in self._records.policies.everywhere():
            for name in ("_out", "_in"):
                if policy.get(name) and policy[name]["end"] is None:
                    self._note(scope, policy, **{name: {**policy[name], "end": now}})

    def keep_bounds(self, scope: Scope, target: TargetId) -> None:
        """Bring a variant between its bounds; one that is not in service once it is."""
        with self._records.lock:
            record = self._records.targets.get(scope, target.key())
            capacity = self._variants.capacity(scope, target)
            if record is None or capacity is None:
                return
            if not capacity.settled:
                self._records.targets.change(scope, target.key(), _bounds_wait=True)
                return
            self._records.targets.change(scope, target.key(), _bounds_wait=False)
            for name, bound, beyond in (
                ("minimum", record["MinCapacity"], capacity.desired < record["MinCapacity"]),
                ("maximum", record["MaxCapacity"], capacity.desired > record["MaxCapacity"]),
            ):
                if beyond:
                    self._set(scope, target, bound, f"{name} capacity was set to {bound}")

    def triggered(self, scope: Scope, policy_arn: str) -> None:
        """An alarm of a policy is in ALARM, just now or still."""
        with self._records.lock:
            policy = next((one for one in self._records.policies.all(scope) if one["PolicyARN"] == policy_arn), None)
            if policy is not None:
                self._follow(scope, policy)

    def minute(self) -> None:
        """What is due: timetables, bounds that wait, alarms that stay in ALARM (CloudWatch repeats their actions)."""
        for scope, action in self._records.scheduled.everywhere():
            self._carefully(lambda scope=scope, action=action: self._time(scope, action))
        for scope, record in self._records.targets.everywhere():
            if record.get("_bounds_wait"):
                self._carefully(lambda scope=scope, record=record: self.keep_bounds(scope, TargetId.of(record)))
        for scope, policy in self._records.policies.everywhere():
            self._carefully(lambda scope=scope, policy=policy: self.triggered(scope, policy["PolicyARN"]))

    @staticmethod
    def _carefully(work: Callable[..., None]) -> None:
        try:
            work()
        except Exception:
            _LOG.exception("autoscaling goes on after an error")

    def _time(self, scope: Scope, action: Record) -> None:
        """Set the bounds of a scheduled action that is due, and know when it is due next."""
        target, now = TargetId.of(action), self._clock.now()
        key = target.key(action["ScheduledActionName"])
        with self._records.lock:
            record = self._records.targets.get(scope, target.key())
            if record is None or action.get("_next") is None or now < action["_next"]:
                return
            self._records.scheduled.change(scope, key, _next=following(action, self._clock, now))
            bounds = action.get("ScalableTargetAction") or {}
            if (record.get("SuspendedState") or {}).get("ScheduledScalingSuspended") or not bounds:
                return
            self._records.targets.change(scope, target.key(), **bounds)
            words = {"MinCapacity": "min capacity to {}", "MaxCapacity": "max capacity to {}"}
            text = " and ".join(words[name].format(bounds[name]) for name in words if name in bounds)
            name = self._records.begin(
                scope,
                target,
                now,
                Description=f"Setting {text}",
                Cause=f"scheduled action name {action['ScheduledActionName']} was triggered",
                StatusCode="InProgress",
            )
            self._end(scope, name, "Successful", f"Successfully set {text}")
            self.keep_bounds(scope, target)

    def _follow(self, scope: Scope, policy: Record) -> None:
        target = TargetId.of(policy)
        record, capacity = self._records.targets.get(scope, target.key()), self._variants.capacity(scope, target)
        if record is None or capacity is None:
            return
        high, low = (alarm["AlarmName"] for alarm in policy["Alarms"])
        suspended = record.get("SuspendedState") or {}
        if self._alarms.in_alarm(scope, [high]):
            if not suspended.get("DynamicScalingOutSuspended"):
                self._out(scope, policy, record, capacity, high)
        elif self._alarms.in_alarm(scope, [low]) and not suspended.get("DynamicScalingInSuspended"):
            self._in(scope, policy, record, capacity, low)

    def _out(self, scope: Scope, policy: Record, record: Record, capacity: Capacity, alarm: str) -> None:
        config, values = policy["TargetTrackingScalingPolicyConfiguration"], self._alarms.recent(scope, alarm)
        if not values:
            return
        wanted, last = scaled_out(capacity.desired, values[-1], config["TargetValue"]), policy.get("_out")
        if last is not None and self._cooling(last, config.get("ScaleOutCooldown", _COOLDOWN)):
            # What was added counts as part of what the same load asks for.
            wanted = scaled_out(last["base"], values[-1], config["TargetValue"])
            if wanted <= last["to"]:
                return
        if capacity.desired >= record["MaxCapacity"]:
            reason = {"Code": "AlreadyAtMaxCapacity", "MaxCapacity": record["MaxCapacity"]}
            self._not_scaled(scope, policy, capacity, alarm, reason)
        elif not capacity.settled:
            self._not_scaled(scope, policy, capacity, alarm, {"Code": "TargetServicePutResourceAsUnscalable"})
        else:
            to = min(wanted, record["MaxCapacity"])
            # Instances that are added end the cooldown of those that were removed.
            self._note(scope, policy, _out={"base": capacity.desired, "to": to, "end": None}, _in=None)
            self._set(scope, TargetId.of(policy), to, _cause(alarm, policy), lambda: self._cool(scope, policy, "_out"))

    def _in(self, scope: Scope, policy: Record, record: Record, capacity: Capacity, alarm: str) -> None:
        config, values = policy["TargetTrackingScalingPolicyConfiguration"], self._alarms.recent(scope, alarm)
        others = [one for one in self._records.of(self._records.policies, scope, TargetId.of(policy)) if _removes(one)]
        agreed = all(self._alarms.in_alarm(scope, [one["Alarms"][1]["AlarmName"]]) for one in others)
        cooling = any(
            self._cooling(one.get("_in"), one["TargetTrackingScalingPolicyConfiguration"].get("ScaleInCooldown", 300))
            for one in others
        )
        if not _removes(policy) or not agreed or cooling or not values:
            return
        wanted = scaled_in(capacity.desired, values, config["TargetValue"])
        if capacity.desired <= record["MinCapacity"]:
            reason = {"Code": "AlreadyAtMinCapacity", "MinCapacity": record["MinCapacity"]}
            self._not_scaled(scope, policy, capacity, alarm, reason)
        elif not capacity.settled:
            self._not_scaled(scope, policy, capacity, alarm, {"Code": "TargetServicePutResourceAsUnscalable"})
        elif wanted >= capacity.desired:
            self._not_scaled(scope, policy, capacity, alarm, {"Code": "AutoScalingAnticipatedFlapping"})
        else:
            self._note(scope, policy, _in={"end": None})
            self._set(
                scope, TargetId.of(policy), wanted, _cause(alarm, policy), lambda: self._cool(scope, policy, "_in")
            )

    def _cooling(self, last: Mapping[str, Any] | None, seconds: int) -> bool:
        """Whether the last change, which may not have ended yet, forbids the next."""
        if last is None:
            return False
        return last["end"] is None or self._clock.now() < last["end"] + self._clock.real(seconds)

    def _cool(self, scope: Scope, policy: Record, name: str) -> None:
        known = self._records.policies.get(scope, _policy_key(policy)) or {}
        if known.get(name):
            self._note(scope, policy, **{name: {**known[name], "end": self._clock.now()}})

    def _note(self, scope: Scope, policy: Record, **fields: Any) -> None:
        self._records.policies.change(scope, _policy_key(policy), **fields)

    def _not_scaled(
        self, scope: Scope, policy: Record, capacity: Capacity, alarm: str, reason: Mapping[str, Any]
    ) -> None:
        """Record why nothing was done; the same once."""
        target, now = TargetId.of(policy), self._clock.now()
        described = {
            "Description": "Attempting to scale due to alarm triggered",
            "Cause": _cause(alarm, policy),
            "NotScaledReasons": [{**reason, "CurrentCapacity": capacity.desired}],
        }
        before = self._records.of(self._records.activities, scope, target)[-1:]
        if before and all(before[0].get(name) == value for name, value in described.items()):
            return
        name = self._records.begin(scope, target, now, StatusCode="Unfulfilled", **described)
        self._end(scope, name, "Unfulfilled", "")

    def _set(
        self, scope: Scope, target: TargetId, count: int, cause: str, ended: Callable[[], None] = lambda: None
    ) -> None:
        """Begin a change of the number of instances; its activity ends with it."""
        begun = f"Successfully set desired instance count to {count}."
        name = self._records.begin(
            scope,
            target,
            self._clock.now(),
            Description=f"Setting desired instance count to {count}.",
            Cause=cause,
            StatusCode="InProgress",
            StatusMessage=f"{begun} Waiting for change to be fulfilled by sagemaker.",
        )
        try:
            self._variants.change(scope, target, count)
        except ServiceError as error:
            text = f"Failed to set desired instance count to {count}. Reason: {error.message}"
            self._end(scope, name, "Failed", f"{text} (Service: AmazonSageMaker; Error Code: {error.code})")
            ended()
            return

        def follow() -> None:
            capacity = self._variants.settled(scope, target)
            if capacity is not None and capacity.current == count:
                self._end(scope, name, "Successful", f"{begun} Change successfully fulfilled by sagemaker.")
            else:
                self._end(scope, name, "Unfulfilled", f"{begun} Change was not fulfilled by sagemaker.")
            ended()

        self._background(follow)

    def _end(self, scope: Scope, name: str, code: str, text: str) -> None:
        message = {"StatusMessage": text} if text else {}
        self._records.activities.change(scope, name, StatusCode=code, EndTime=self._clock.now(), **message)


def _cause(alarm: str, policy: Mapping[str, Any]) -> str:
    return f"monitor alarm {alarm} in state ALARM triggered policy {policy['PolicyName']}"


def _removes(policy: Mapping[str, Any]) -> bool:
    """Whether a policy may remove instances."""
    return not policy["TargetTrackingScalingPolicyConfiguration"].get("DisableScaleIn")


def _policy_key(policy: Mapping[str, Any]) -> str:
    return TargetId.of(policy).key(policy["PolicyName"])


def _on_a_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name="autoscaling-activity", daemon=True).start()
