"""What requests say of rollback triggers: checked, kept with the stack or the change set, and shown.

A stack uses the triggers that it has until others are given; an empty list takes them away.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackConfiguration.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from xml.etree import ElementTree

from localcloud.ministack.cloudformation.operation import Stack
from localcloud.ministack.cloudformation.rollback_triggers import ALARM_ARN, FIELD, Configuration
from localcloud.ministack.door.cloudformation import changesets, cloudformation, handlers, helpers
from localcloud.ministack.door.names import correct_entry
from localcloud.ministack.registry import account_id, region

MOST_TRIGGERS = 5
LONGEST_MINUTES = 180
_TYPES = ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
_TRIGGERS = f"{FIELD}.RollbackTriggers"
_MINUTES = f"{FIELD}.MonitoringTimeInMinutes"


def install() -> None:
    """Check, keep and show what requests say."""
    table = handlers.ACTION_HANDLERS
    for action in ("CreateStack", "UpdateStack", "CreateChangeSet"):
        correct_entry(table, action, partial(_keeping, action), "_ACTION_HANDLERS")
    correct_entry(table, "ExecuteChangeSet", _executing, "_ACTION_HANDLERS")
    correct_entry(table, "DescribeStacks", _showing_stacks, "_ACTION_HANDLERS")
    correct_entry(table, "DescribeChangeSet", _showing_change_set, "_ACTION_HANDLERS")


def _keeping(action: str, original: Callable[..., Any], params: dict[str, Any]) -> Any:
    try:
        given = requested(params)
    except ValueError as refused:
        return helpers.error("ValidationError", str(refused))
    answer = original(params)
    if given is None or answer[0] != 200:
        return answer
    if action == "CreateChangeSet":
        cloudformation.change_sets[_element(answer[2], "Id")][FIELD] = given
    elif (stack := handlers.resolve_stack(helpers.p(params, "StackName"))) is not None:
        _keep(stack, given)
    return answer


def _executing(original: Callable[..., Any], params: dict[str, Any]) -> Any:
    _, change_set = changesets.find_change_set(helpers.p(params, "ChangeSetName"), helpers.p(params, "StackName"))
    answer = original(params)
    if answer[0] == 200 and change_set is not None and change_set.get(FIELD):
        _keep(cloudformation.stacks[change_set["StackName"]], change_set[FIELD])
    return answer


def _keep(stack: Stack, given: Configuration) -> None:
    """A list of triggers takes the former one's place; without one, that stays."""
    stack[FIELD] = {**stack.get(FIELD, {}), "MonitoringTimeInMinutes": 0, **given}


def requested(params: dict[str, Any]) -> Configuration | None:
    """What a request says of its triggers; None where it says nothing. Raises ValueError with what is wrong."""
    if not any(name.startswith(f"{FIELD}.") for name in params):
        return None
    given: Configuration = {}
    numbers = {int(found[1]) for name in params if (found := re.match(rf"{_TRIGGERS}\.member\.(\d+)\.", name))}
    if numbers or _TRIGGERS in params:
        places = [f"{_TRIGGERS}.member.{number}" for number in sorted(numbers)]
        given["RollbackTriggers"] = [
            {name: helpers.p(params, f"{place}.{name}") for name in ("Arn", "Type")} for place in places
        ]
    if minutes := helpers.p(params, _MINUTES):
        given["MonitoringTimeInMinutes"] = int(minutes) if minutes.isdecimal() else -1
    if problems := [*_problems(given, helpers.p(params, _MINUTES))]:
        noun = "error" if len(problems) == 1 else "errors"
        raise ValueError(f"{len(problems)} validation {noun} detected: {'; '.join(problems)}")
    return given


def _problems(given: Configuration, minutes: str) -> Iterator[str]:
    triggers = given.get("RollbackTriggers", [])
    failed = "failed to satisfy constraint: Member must"
    where = "rollbackConfiguration.rollbackTriggers"
    if len(triggers) > MOST_TRIGGERS:
        arns = ", ".join(trigger["Arn"] for trigger in triggers)
        yield f"Value '[{arns}]' at '{where}' {failed} have length less than or equal to {MOST_TRIGGERS}"
    if not 0 <= given.get("MonitoringTimeInMinutes", 0) <= LONGEST_MINUTES:
        place = "rollbackConfiguration.monitoringTimeInMinutes"
        yield f"Value '{minutes}' at '{place}' {failed} have value between 0 and {LONGEST_MINUTES}"
    for number, trigger in enumerate(triggers, 1):
        found = ALARM_ARN.fullmatch(trigger["Arn"])
        if found is None or (found[1], found[2]) != (region(), account_id()):
            place = f"{where}.{number}.member.arn"
            yield f"Value '{trigger['Arn']}' at '{place}' {failed} be an alarm's ARN in the stack's account and region"
        if trigger["Type"] not in _TYPES:
            place = f"{where}.{number}.member.type"
            yield f"Value '{trigger['Type']}' at '{place}' {failed} satisfy enum value set: [{', '.join(_TYPES)}]"


def _element(body: bytes | str, name: str) -> str:
    root = ElementTree.fromstring(body)  # noqa: S314  (the server's own answer)
    return next(element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == name)


def _showing_stacks(original: Callable[..., Any], params: dict[str, Any]) -> Any:
    records = {stack["StackId"]: stack.get(FIELD, {}) for stack in cloudformation.stacks.values()}
    return _showing(original(params), "StackId", records)


def _showing_change_set(original: Callable[..., Any], params: dict[str, Any]) -> Any:
    records = {arn: change_set.get(FIELD, {}) for arn, change_set in cloudformation.change_sets.items()}
    return _showing(original(params), "ChangeSetId", records)


def _showing(answer: Any, key: str, records: dict[str, Configuration]) -> Any:
    status, headers, body = answer
    text = body.decode() if isinstance(body, bytes) else str(body)

    def with_triggers(found: re.Match[str]) -> str:
        return found[0] + _xml(records[found[1]]) if found[1] in records else found[0]

    shown = re.sub(rf"<{key}>([^<]*)</{key}>", with_triggers, text)
    return status, headers, shown.encode() if isinstance(body, bytes) else shown


def _xml(configuration: Configuration) -> str:
    members = "".join(
        f"<member><Arn>{helpers.esc(one['Arn'])}</Arn><Type>{helpers.esc(one['Type'])}</Type></member>"
        for one in configuration.get("RollbackTriggers", [])
    )
    minutes = configuration.get("MonitoringTimeInMinutes")
    time_xml = "" if minutes is None else f"<MonitoringTimeInMinutes>{minutes}</MonitoringTimeInMinutes>"
    triggers = f"<RollbackTriggers>{members}</RollbackTriggers>" if "RollbackTriggers" in configuration else ""
    return f"<{FIELD}>{triggers}{time_xml}</{FIELD}>"
