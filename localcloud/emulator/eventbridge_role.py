"""Rules and schedules start a state machine with the role that their target names, or not at all.

ministack starts it in nobody's name. A delivery that AWS would count as a failed invocation is dropped here too,
with the reason in the log.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-identity-based.html
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from localcloud.emulator import acting
from localcloud.emulator.credentials import AccessDenied, RoleNotAssumable
from localcloud.emulator.seam import Seam, wrap

EVENTBRIDGE = "ministack.services.eventbridge"
INVOKE = Seam(EVENTBRIDGE, "_invoke_target", ("target", "event", "rule", "view"))

logger = logging.getLogger("events")


def install() -> None:
    """Ask IAM before a target is started."""

    def make(original: Callable[..., Any]) -> Callable[..., Any]:
        def invoke_target(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any], view: Any = None) -> Any:
            if ":states:" in target.get("Arn", ""):
                refusal = _refusal(target, event, rule)
                if refusal:
                    logger.warning("%s was not started: %s", target["Arn"], refusal)
                    return None
            with acting.acting_as_the_service():
                return original(target, event, rule, view)

        return invoke_target

    wrap(INVOKE, make)


def _refusal(target: dict[str, Any], event: dict[str, Any], rule: dict[str, Any]) -> str | None:
    service, source = "events", str(rule.get("Arn", ""))
    if event.get("Source") == "aws.scheduler":
        # EventBridge Scheduler acts for the group of a schedule, never for the schedule itself.
        service, source = "scheduler", re.sub(r":schedule/([^/]+)/.*", r":schedule-group/\1", source)
    role = target.get("RoleArn", "")
    if not role:
        return "its target names no role."
    try:
        with acting.acting_as(role, f"{service}.amazonaws.com", str(event.get("EventId") or service), source):
            acting.require("states:StartExecution", target["Arn"])
    except (RoleNotAssumable, AccessDenied) as error:
        return str(error)
    return None
