"""An update of the live endpoint by a deployment: whether it may begin, how it goes, and the rollback that ended it.

SageMaker rolls an update back by itself when an alarm of its guardrail goes into ALARM. The stack is rolled back then
by another update of the endpoint, which the guardrail of the template before watches: an alarm that is still in ALARM
ends that one too, and leaves the stack UPDATE_ROLLBACK_FAILED, which accepts no deployment until its rollback is done.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-continueupdaterollback.html
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from deployment.change_set import RolledBackError
from deployment.endpoint.alarms import AlarmsSince, names_in_alarm, require_no_alarm
from kickstand.aws.deployed import find_endpoint, stack_status
from kickstand.aws.errors import AWS_FAILURES, explained
from kickstand.errors import KickstandError, Problem

if TYPE_CHECKING:
    import boto3

    from deployment.cdk import Cdk
    from kickstand.names import Names

ENDPOINT = "(AWS::SageMaker::Endpoint)"
"""Of the place of a problem that is the endpoint's."""
_HANDLER = re.compile(
    r'^Resource handler returned message: ".* did not stabilize: (.*)" \(HandlerErrorCode: \w+\)$', re.S
)
"""What CloudFormation puts around the reason of a resource's handler."""
_POLL_SECONDS = 2.0
_PATIENCE_SECONDS = 900.0
"""For an alarm to leave ALARM: three periods of the longest that an alarm of the stack counts."""


@contextmanager
def guarded_update(
    cdk: Cdk,
    say: Callable[[str], None],
    *,
    despite_alarms: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Surround what may update the endpoint: each step is shown as a line, and a rollback is one clear problem.

    cdk: it ends a rollback of the hosting stack that failed, before a deployment and after one.
    despite_alarms: begin although a rollback alarm is in ALARM, which the deployment is to end.
    Raises KickstandError: before anything is done, for a rollback alarm that is in ALARM; afterwards, for an update
    that SageMaker rolled back, in place of what CloudFormation says of the endpoint, be it a failure or a success;
    and for one that CloudFormation's own rollback triggers rolled back.
    """
    session, names = cdk.workspace.session, cdk.workspace.names
    with explained("looking at the endpoint's alarms"):
        if not despite_alarms:
            require_no_alarm(session, names)
        update = EndpointUpdate(session, names, say, _serving(session, names), AlarmsSince(session, names))
    _end_rollback(cdk, say, sleep)
    try:
        with update.shown():
            yield
    except RolledBackError as error:
        with explained("looking at the alarms after the update"):
            triggered = update.trigger_problem(error.problems[0])
            left = _end_rollback(cdk, say, sleep)
        rest = [one for one in error.problems[1:] if not one.message.startswith("cdk ")]
        raise KickstandError(*(one for one in (triggered, *rest, left) if one is not None)) from None
    except KickstandError as error:
        with explained("looking at the endpoint after its update"):
            rest = [one for one in error.problems if ENDPOINT not in one.where]
            reasons = [one.message for one in error.problems if ENDPOINT in one.where]
            rollback = update.rollback_problem(reasons)
            if rollback is not None:
                rest = [one for one in rest if not one.message.startswith("cdk ")]
            left = _end_rollback(cdk, say, sleep)
        if rollback is None and left is None:
            raise
        raise KickstandError(*(one for one in (rollback, *rest, left) if one is not None)) from None
    if update.began:
        with explained("looking at the endpoint after its update"):
            silent = update.rollback_problem(("no reason is given",))
        if silent is not None:
            then = f"Until then the stack {names.hosting_stack} names a configuration that does not serve."
            raise KickstandError(replace(silent, then=then))


@dataclass(slots=True)
class EndpointUpdate:
    """One update of an endpoint, from before it begins.

    config_before: the configuration that serves; empty where there is no endpoint yet.
    alarms:        the alarms that went into ALARM since then.
    began:         whether a fleet of another configuration was seen.
    """

    session: boto3.Session
    names: Names
    say: Callable[[str], None]
    config_before: str
    alarms: AlarmsSince
    began: bool = False

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Say each step while it runs, as a line; nothing where there is no endpoint yet."""
        ended = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(ended,), name="endpoint-update", daemon=True)
        if self.config_before:
            watcher.start()
        try:
            yield
        finally:
            ended.set()
            if self.config_before:
                watcher.join()

    def _watch(self, ended: threading.Event) -> None:
        sagemaker, shown = self.session.client("sagemaker"), ""
        while not ended.wait(_POLL_SECONDS):
            try:
                described = sagemaker.describe_endpoint(EndpointName=self.names.endpoint)
                pending = described.get("PendingDeploymentSummary")
                if not pending:
                    continue
                back = pending["EndpointConfigName"] == self.config_before
                self.began |= not back
                alarms = self.alarms.look()
            except AWS_FAILURES:
                continue  # it cannot be read now, and the update does not depend on it
            line = update_line(described, alarms, now=datetime.now(UTC))
            line = f"Rolling the stack back. {line}" if back else line
            if line != shown:
                self.say(f"{self.names.endpoint}: {line}")
                shown = line

    def trigger_problem(self, said: Problem) -> Problem:
        """Why CloudFormation rolled the stack back. said: its own reason; it need not name the alarm."""
        self.alarms.look_back()
        why = self.alarms.described(*self.names.variant_alarms) or said.message
        message = f"CloudFormation rolled all of the stack's update back: {why.rstrip('. ')}."
        return Problem(message, said.where, "Find out what of the deployment is the cause; then deploy again.")

    def rollback_problem(self, reasons: Sequence[str] = ()) -> Problem | None:
        """Why SageMaker rolled the update back, and what serves; None where it did not, or the update still runs.

        reasons: CloudFormation's, why the endpoint failed. An alarm can be over before anybody has seen it in ALARM.
        """
        described = find_endpoint(self.session.client("sagemaker"), self.names.endpoint)
        if described is None or described["EndpointStatus"] == "Updating":
            return None
        if not self.config_before or described["EndpointConfigName"] != self.config_before:
            return None
        self.alarms.look_back()
        why = self.alarms.described() or described.get("FailureReason", "")
        if not why and self.began:
            why = "; ".join(_HANDLER.sub(r"\1", reason) for reason in reasons)
        if not why:
            return None
        message = f"SageMaker rolled the update back: {why.rstrip('.')}. "
        message += f"The configuration {self.config_before}, which served before, serves all requests."
        fix = "Find out what is wrong with the new model; then deploy again."
        return Problem(message, f"endpoint {self.names.endpoint}", fix)


def update_line(described: Mapping[str, Any], alarms: str, *, now: datetime) -> str:
    """Where an update is: `1 of 2 new instances answer requests. Baking for 300 seconds … About 4 minutes are left.`

    described: DescribeEndpoint's answer, with PendingDeploymentSummary. alarms: their state in words; empty: unknown.
    """
    parts = []
    for variant in described["PendingDeploymentSummary"].get("ProductionVariants") or ():
        wanted, active = variant.get("DesiredInstanceCount", 0), variant.get("CurrentInstanceCount", 0)
        parts.append(f"{active} of {wanted} new instances answer requests.")
        for status in (variant.get("VariantStatus") or ())[-1:]:
            parts.append(status.get("StatusMessage") or f"{status['Status']}.")
            parts += _remaining(status, now)
    if alarms:
        parts.append(f"Alarms: {alarms}.")
    return " ".join(parts)


def _remaining(status: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """How long a bake goes on, in whole minutes, so that a line is new once a minute."""
    words = status.get("StatusMessage", "").split()
    if status["Status"] != "Baking" or "StartTime" not in status or words[:2] != ["Baking", "for"]:
        return
    if len(words) > 2 and words[2].isdigit():
        minutes = (int(words[2]) - (now - status["StartTime"]).total_seconds()) / 60
        if minutes > 0:
            yield "Less than a minute is left." if minutes < 1 else f"About {round(minutes)} min are left."


def _end_rollback(cdk: Cdk, say: Callable[[str], None], sleep: Callable[[float], None]) -> Problem | None:
    """Go on with a rollback of the hosting stack that failed, when no alarm is in the way; the problem where one is."""
    session, names = cdk.workspace.session, cdk.workspace.names
    stack = names.hosting_stack
    with explained("looking at the hosting stack"):
        if stack_status(session.client("cloudformation"), stack) != "UPDATE_ROLLBACK_FAILED":
            return None
    in_alarm = names_in_alarm(session, names)
    if in_alarm:
        say(f"The rollback of {stack} failed, since {in_alarm} is in ALARM. Waiting until it is OK; Ctrl-C ends that.")
    waited = 0.0
    while in_alarm and waited < _PATIENCE_SECONDS:
        sleep(_POLL_SECONDS)
        waited += _POLL_SECONDS
        in_alarm = names_in_alarm(session, names)
    if in_alarm:
        message = f"The stack is UPDATE_ROLLBACK_FAILED: {in_alarm} is still in ALARM."
        fix = f"When it is OK, deploy again, which ends the rollback first: {cdk.workspace.command('deploy')}"
        return Problem(message, f"stack {stack}", fix)
    say(f"The rollback of {stack} failed. It is continued now.")
    cdk.run("rollback", f"{cdk.workspace.environment.name}/hosting")
    return None


def _serving(session: boto3.Session, names: Names) -> str:
    described = find_endpoint(session.client("sagemaker"), names.endpoint)
    return described["EndpointConfigName"] if described else ""
