"""How an update of an endpoint moves its traffic, said from the planned template; what makes updates less safe; and
that an endpoint stops by itself, when and why, and whether that is new."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from infra.state_machines.stop_definition import COMMENT
from kickstand.json_text import parse_json
from review.changes.properties import listed
from review.changes.stacks import StackPair
from review.changes.template import StackScope, effective_resources
from review.reports import PropertyChange, ResourceChange

ALARM = "AWS::CloudWatch::Alarm"
_MACHINE = "AWS::StepFunctions::StateMachine"
_STAYS = "The endpoint no longer stops by itself: it is paid for until it is destroyed."
_GUARDRAIL = "DeploymentConfig"
_SHORTER = {
    "WaitIntervalInSeconds": "the wait after each step",
    "TerminationWaitInSeconds": "the bake at its end",
}
_STEPS = ("CanarySize", "LinearStepSize", "MaximumBatchSize")


def course(endpoint: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    """How the traffic moves, for how long both fleets are paid, and which alarms roll it back.

    endpoint: the planned endpoint's resource. resources: those of its stack, by logical id.
    """
    config = endpoint["Properties"].get(_GUARDRAIL) or {}
    alarms = [_alarm(one, resources) for one in (config.get("AutoRollbackConfiguration") or {}).get("Alarms", ())]
    back = f"Any of these alarms rolls it back: {listed(alarms)}." if alarms else "No alarm rolls it back."
    if rolling := config.get("RollingUpdatePolicy"):
        wait = _minutes(rolling.get("WaitIntervalInSeconds"))
        return f"They replace the old ones in batches of {_size(rolling['MaximumBatchSize'])}, {wait} apart. {back}"
    policy = config.get("BlueGreenUpdatePolicy") or {}
    routing = policy.get("TrafficRoutingConfiguration") or {"Type": "ALL_AT_ONCE"}
    pause, bake = _seconds(routing.get("WaitIntervalInSeconds")), _seconds(policy.get("TerminationWaitInSeconds"))
    paid = f"Both are paid for at least {_minutes(pause + bake)}." if pause + bake else ""
    old = f"the old ones go after {_minutes(bake)}" if bake else "the old ones go at once"
    moves = {
        "CANARY": lambda: (
            f"{_size(routing['CanarySize'])} takes its share of the traffic for {_minutes(pause)}, then all"
        ),
        "LINEAR": lambda: f"The traffic moves in steps of {_size(routing['LinearStepSize'])}, {_minutes(pause)} apart",
    }.get(routing["Type"], lambda: "All traffic moves at once")()
    if routing["Type"] == "LINEAR":
        paid = "Both are paid until then."
    return " ".join(part for part in (f"{moves}; {old}.", paid, back) if part)


def watched(pair: StackPair) -> str:
    """How long CloudFormation watches the endpoint's alarms after an update of the stack; empty where it does not."""
    if not pair.planned_minutes:
        return ""
    minutes = _minutes(60 * pair.planned_minutes)
    return (
        f"CloudFormation watches the endpoint's alarms on all requests until {minutes} after the update of "
        f"{pair.stack}, and rolls all of it back when one goes into ALARM."
    )


def less_watched(pair: StackPair) -> Iterator[str]:
    """That CloudFormation watches an update of the stack for less time than the last one."""
    if pair.planned is not None and pair.planned_minutes < pair.live_minutes:
        now = _minutes(60 * pair.planned_minutes) if pair.planned_minutes else "no time"
        before = _minutes(60 * pair.live_minutes)
        yield f"CloudFormation watches the alarms for {now} after the update of {pair.stack}, before {before}."


def weakened(change: ResourceChange, one: PropertyChange, what: str) -> Iterator[str]:
    """What a change of a property takes from the safety of updates. what: the resource, as a review calls it."""
    member = one.path.rpartition(".")[2]
    if one.name == _GUARDRAIL:
        less = _number(one.before) is not None and _seconds(one.after) < _seconds(one.before)
        more = _number(one.after) is not None and _seconds(one.after) > _seconds(one.before)
        if member in _SHORTER and less:
            yield (
                f"An update of the {what} has less time to be rolled back: {_SHORTER[member]} is "
                f"{_minutes(one.after)}, before {_minutes(one.before)}."
            )
        elif member == "Value" and more and any(step in one.path for step in _STEPS):
            yield f"An update of the {what} moves more traffic in one step: {one.after}, before {one.before}."
        elif member == "Type" and one.after == "ALL_AT_ONCE":
            yield f"An update of the {what} moves all traffic at once, before {str(one.before).lower()}."
        elif ".Alarms" in one.path and one.after is None:
            gone = one.before.get("AlarmName") if isinstance(one.before, dict) else None
            named = gone if isinstance(gone, str) else one.path.rpartition(".")[2]
            yield f"One alarm less rolls an update of the {what} back: {named}."
    if change.type == ALARM and _number(one.before) is not None and _number(one.after) is not None:
        if one.name == "Threshold" and one.after > one.before:
            yield f"The {what} goes into ALARM later: above {one.after:g}, before {one.before:g}."
        elif one.name == "DatapointsToAlarm" and one.after > one.before:
            yield f"The {what} goes into ALARM later: after {one.after} data points, before {one.before}."
    if change.type == ALARM and one.name == "AlarmActions" and one.after is None:
        yield f"The {what} no longer notifies anybody."


def _alarm(item: Mapping[str, Any], resources: Mapping[str, Any]) -> str:
    name = item.get("AlarmName")
    logical = name.get("Ref") if isinstance(name, dict) else None
    return str(resources.get(logical, {}).get("Properties", {}).get("AlarmName", logical) if logical else name)


def _size(size: Mapping[str, Any]) -> str:
    value = size.get("Value")
    if size.get("Type") == "CAPACITY_PERCENT":
        return f"{value} % of the instances"
    return "1 instance" if value == 1 else f"{value} instances"


def _number(value: Any) -> float | None:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _seconds(value: Any) -> float:
    return _number(value) or 0


def _minutes(seconds: Any) -> str:
    number = _seconds(seconds)
    if number and number % 60 == 0:
        return "1 minute" if number == 60 else f"{number / 60:g} minutes"
    return f"{number:g} seconds"


def ends(pairs: Sequence[StackPair], place: StackScope) -> Iterator[tuple[bool, str]]:
    """(whether a deployed endpoint will stop that did not, or otherwise; sentence) of what a deployment changes."""
    hosted = any(pair.live is not None and "hosting" in pair.stack for pair in pairs)
    for pair in pairs:
        if pair.planned is None:
            continue
        before = _reasons(effective_resources(pair.live, place))
        after = _reasons(effective_resources(pair.planned, place))
        if after and after != before:
            yield hosted, f"The endpoint stops by itself {after} Notice is given half an hour before."
        elif before and not after:
            yield False, _STAYS


def _reasons(resources: Mapping[str, Mapping[str, Any]]) -> str:
    """Why the state machine of a stack stops the endpoint, as its definition's comment says; empty without one."""
    for one in resources.values():
        text = one.get("Properties", {}).get("DefinitionString") if one.get("Type") == _MACHINE else None
        if isinstance(text, str) and COMMENT in text:
            try:
                comment = parse_json(text).get("Comment", "")
            except ValueError:
                continue
            if comment.startswith(COMMENT):
                return str(comment.removeprefix(COMMENT).strip())
    return ""
