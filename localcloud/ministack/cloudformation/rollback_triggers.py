"""Rollback triggers: alarms that roll a whole creation or update of a stack back, and how long they are watched.

They count from the beginning of the operation until the monitoring time after its last resource is over, before what
was replaced is deleted. What is being made at that moment is finished; nothing is begun after it. Monitoring time
without alarms is a wait in which CancelUpdateStack can be called.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackConfiguration.html
An alarm that is in ALARM already ends the operation too, and so does one that the stack's role, or its caller, may not
describe: AWS does not say. A stack keeps its triggers when they rolled it back.

ministack takes the request and watches nothing. It resolves the outputs on the event loop, where nothing may wait: the
last resource's handler waits in its place, on a worker thread, when the resource is on record.
"""

from __future__ import annotations

import asyncio
import contextvars
import re
import time
from collections.abc import Callable, Container, Iterator, Sequence
from typing import Any, Protocol

from localcloud.clock import Clock
from localcloud.ministack.cloudformation.operation import Stack, running
from localcloud.ministack.door.cloudformation import cloudformation, engine, stacks
from localcloud.ministack.door.names import correct
from localcloud.ministack.iam.acting import require
from localcloud.ministack.iam.sts import AccessDenied
from localcloud.sagemaker.api.call import Scope

ALARM_ARN = re.compile(r"arn:[\w-]+:cloudwatch:([\w-]+):(\d{12}):alarm:(.+)", re.DOTALL)
"""Region, account and name of an alarm."""
FIELD = "RollbackConfiguration"
"""Of a request; of a stack's record, what its next operations take; of a change set's, what its execution takes."""
_STEP = 5.0
"""AWS seconds between two looks at the alarms."""
_SHORTEST, _LONGEST = 0.02, 1.0
"""Real seconds between them, whatever the time factor."""
CANCELLED = "User Initiated"

Configuration = dict[str, Any]


class AlarmStates(Protocol):
    """CloudWatch's alarms of an account and region."""

    def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        """Those of these names that are in ALARM now."""

    def missing(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        """Those of these names under which there is no alarm."""


class Watch:
    """The triggers of one operation of a stack.

    reason: why they end the operation; empty as long as they do not.
    current, last: the resource that is worked on, and the one that is worked on last.
    """

    def __init__(
        self,
        configuration: Configuration,
        stack: Stack,
        alarms: AlarmStates,
        clock: Clock,
        imported: Container[str] = (),
    ) -> None:
        self.arns = [trigger["Arn"] for trigger in configuration.get("RollbackTriggers", [])]
        self.seconds = clock.real(60.0 * configuration.get("MonitoringTimeInMinutes", 0))
        self.step = min(max(clock.real(_STEP), _SHORTEST), _LONGEST)
        self.reason = self.current = self.last = ""
        self.sorted = self.monitored = self.reported = False
        self._stack, self._alarms, self._imported = stack, alarms, imported

    def begin(self) -> None:
        """Look at the alarms for the first time, as whoever the operation works for."""
        try:
            for arn in self.arns:
                require("cloudwatch:DescribeAlarms", arn)
        except AccessDenied as denied:
            self.reason = f"The rollback triggers could not be read: {denied}"
        else:
            self.look()

    def look(self) -> bool:
        """Whether the operation is to end."""
        if not self.reason and self._stack.get("_cancel_requested") and self.monitored:
            self._stack.pop("_cancel_requested", None)
            self.reason = CANCELLED
        if not self.reason:
            missing, tripped = self._named(self._alarms.missing), self._named(self._alarms.in_alarm)
            if missing:
                self.reason = f"The following rollback triggers do not exist: [{', '.join(missing)}]"
            elif tripped:
                self.reason = f"The following rollback triggers are in ALARM state: [{', '.join(tripped)}]"
        return bool(self.reason)

    def _named(self, which: Callable[[Scope, Sequence[str]], tuple[str, ...]]) -> list[str]:
        found = ((arn, ALARM_ARN.fullmatch(arn)) for arn in self.arns)
        return [arn for arn, alarm in found if alarm and which(Scope(alarm[2], alarm[1]), [alarm[3]])]

    async def follow(self) -> None:
        """Look again and again, for an alarm that is in ALARM while a resource takes its time."""
        while not self.look():
            await asyncio.sleep(self.step)

    def monitor(self) -> None:
        """Wait for the monitoring time, or until a trigger ends it. Blocks."""
        self.monitored = True
        end = time.monotonic() + self.seconds
        while not self.look() and (left := end - time.monotonic()) > 0:
            time.sleep(min(self.step, left))

    def order(self, order: list[str]) -> None:
        """Take the last resource of an operation that has a handler: an import has none."""
        self.last = next((one for one in reversed(order) if one not in self._imported), "")

    @property
    def waits_next(self) -> bool:
        """Whether the monitoring time follows the resource that is worked on."""
        return bool(self.seconds and self.current and self.current == self.last and not self.monitored)


class _Order(list[str]):
    """The resources in their order, up to the one before which a trigger ends the operation."""

    def __init__(self, order: list[str], watch: Watch) -> None:
        super().__init__(order)
        self._watch = watch
        watch.order(order)

    def __iter__(self) -> Iterator[str]:
        try:
            for logical_id in super().__iter__():
                if self._watch.look():
                    return
                self._watch.current = logical_id
                yield logical_id
        finally:
            self._watch.current = ""


_watch: contextvars.ContextVar[Watch | None] = contextvars.ContextVar("kickstand_rollback_triggers", default=None)
_sources: list[tuple[AlarmStates, Clock]] = []


def watch_alarms(alarms: AlarmStates, clock: Clock) -> None:
    """Take the alarms from here. Once, before the server starts."""
    _sources[:] = [(alarms, clock)]


def install_operation() -> None:
    """Watch the triggers of an operation. Inside of what names the running stack and works in its role's name."""
    correct(stacks.deploy_stack_async, _watched)
    correct(engine.topological_sort, _in_order)
    correct(stacks.runs_on_worker_thread, _on_worker_thread)


def install_wait() -> None:
    """Wait, and end the operation, outside of what is recorded of a handler at work."""
    correct(stacks.provision_resource, _made_then_monitored)
    correct(stacks.update_resource, _updated_then_monitored)
    correct(stacks.resolve_stack_outputs, _ended_by_trigger)
    correct(stacks.roll_back_operation, _rolled_back_by_trigger)
    correct(stacks.add_event, _said_once)


async def _watched(original: Callable[..., Any], stack_name: str, *rest: Any, **named: Any) -> None:
    stack = cloudformation.stacks.get(stack_name)
    configuration = (stack or {}).get(FIELD)
    if stack is None or not configuration or not _sources:
        await original(stack_name, *rest, **named)
        return
    watch = Watch(configuration, stack, *_sources[0], named.get("imports") or {})
    token = _watch.set(watch)
    watch.begin()
    following = asyncio.create_task(watch.follow())
    try:
        await original(stack_name, *rest, **named)
    finally:
        following.cancel()
        _watch.reset(token)


def _in_order(original: Callable[..., list[str]], resources: dict[str, Any], conditions: dict[str, Any]) -> list[str]:
    order, watch = original(resources, conditions), _watch.get()
    if watch is None or watch.sorted:
        return order
    watch.sorted = True
    return _Order(order, watch)


def _on_worker_thread(original: Callable[[str], bool], resource_type: str) -> bool:
    watch = _watch.get()
    return original(resource_type) or (watch is not None and watch.waits_next)


def _made_then_monitored(
    original: Callable[..., Any], resource_type: str, logical_id: str, props: dict[str, Any], stack_name: str
) -> Any:
    made = original(resource_type, logical_id, props, stack_name)
    _monitor(logical_id, resource_type, props, made, {})
    return made


def _updated_then_monitored(
    original: Callable[..., Any],
    resource_type: str,
    physical_id: str,
    old_props: dict[str, Any],
    new_props: dict[str, Any],
    stack_name: str,
    logical_id: str | None = None,
    old_attrs: dict[str, Any] | None = None,
) -> Any:
    made = original(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)
    changed = made[0] != physical_id or old_props != new_props
    known = ((running() or {}).get("_resources") or {}).get(logical_id, {})
    _monitor(logical_id or "", resource_type, new_props, made, known, changed=changed)
    return made


def _monitor(
    logical_id: str, kind: str, props: dict[str, Any], made: Any, known: dict[str, Any], *, changed: bool = True
) -> None:
    """Put the last resource on record, so that it is rolled back with the others where the wait is cut short; wait."""
    watch, stack = _watch.get(), running()
    if watch is None or stack is None or watch.current != logical_id or not watch.waits_next:
        return
    physical_id, attributes = made
    status = f"{'UPDATE' if stack['_operation']['is_update'] else 'CREATE'}_COMPLETE"
    if changed:
        stack["_resources"][logical_id] = {
            **known,
            "PhysicalResourceId": physical_id,
            "ResourceType": kind,
            "ResourceStatus": status,
            "LogicalResourceId": logical_id,
            "Properties": props,
            "Attributes": attributes,
            "Timestamp": stack["LastUpdatedTime"],
        }
    stacks.add_event(stack["StackId"], stack["StackName"], logical_id, kind, status, physical_id=physical_id)
    watch.monitor()


def _ended_by_trigger(original: Callable[..., Any], outputs_defs: Any, *rest: Any) -> Any:
    watch, stack = _watch.get(), running()
    if watch is not None and stack is not None and stack["StackId"] == rest[-1] and watch.look():
        raise ValueError(watch.reason)
    return original(outputs_defs, *rest)


async def _rolled_back_by_trigger(
    original: Callable[..., Any],
    stack_name: str,
    stack_id: str,
    stack: Stack,
    operation: dict[str, Any],
    reason_override: str = "",
) -> None:
    watch = _watch.get()
    by_trigger = watch is not None and watch.reported
    await original(
        stack_name, stack_id, stack, operation, watch.reason if watch is not None and by_trigger else reason_override
    )


def _said_once(
    original: Callable[..., None],
    stack_id: str,
    stack_name: str,
    logical_id: str,
    resource_type: str,
    status: str,
    reason: str = "",
    physical_id: str = "",
    detailed_status: str = "",
) -> None:
    """Leave out the second event of the resource that was complete before the wait; and that the stack FAILED, which
    ministack says before a rollback as well: that has the reason."""
    watch = _watch.get()
    if watch is not None and watch.monitored and logical_id == watch.current and status.endswith("_COMPLETE"):
        return
    ending = watch is not None and logical_id == stack_name and watch.reason and reason == watch.reason
    if watch is not None and ending and status in ("CREATE_FAILED", "UPDATE_FAILED") and not watch.reported:
        watch.reported = True
        return
    original(stack_id, stack_name, logical_id, resource_type, status, reason, physical_id, detailed_status)
