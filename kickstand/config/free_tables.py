"""The tables whose keys the user names: `[hyperparameters]`, `[tags]`, and what is accepted, with its reason.

Like a setting rule, each function returns the value as the program keeps it, or the fault.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from kickstand.config.rules import Fault
from kickstand.config.values import found_type

# Limits of CreateTrainingJob: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
HYPERPARAMETERS = 100
_NAME_LENGTH = 256
_VALUE_LENGTH = 2500
TAGS = 49
"""AWS takes 50; Step Functions adds one of its own, MANAGED_BY_AWS, to the jobs that it starts.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html
"""
_SHORTEST_REASON = 10
_COMMA_LISTS = ("eval_metric", "updater")


def hyperparameter(name: str, value: object) -> tuple[str, Fault | None]:
    """A hyperparameter as the text that CreateTrainingJob takes.

    Texts stay as they are; numbers keep every digit; true and false become `true` and `false`. Lists are taken
    where XGBoost's contract is a list: eval_metric and updater (`rmse,mae`), monotone_constraints (`(1,0,-1)`),
    interaction_constraints (`[[1,2],[3,4]]`). Whether XGBoost takes the value is not judged here.
    """
    if not name.strip():
        return "", ("has no name", "")
    text = _hyperparameter_text(name, value)
    if text is None:
        lists = "" if not isinstance(value, list) else f"; lists are for {', '.join(_COMMA_LISTS)} and constraints"
        return "", (f"must be text, a number, true or false, not {found_type(value)}{lists}", "")
    if not f"{name}{text}".isprintable():
        return "", ("holds a new line or another character that cannot be printed", "SageMaker takes one line.")
    if not text:
        return "", ("is empty", "Leave it out to get XGBoost's own default.")
    if len(name) > _NAME_LENGTH or len(text) > _VALUE_LENGTH:
        limits = f"{_NAME_LENGTH} characters for a name, {_VALUE_LENGTH} for a value"
        return "", (f"is longer than SageMaker takes ({limits})", "")
    return text, None


def _hyperparameter_text(name: str, value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return repr(value)
    if isinstance(value, list) and value:
        if name in _COMMA_LISTS and all(isinstance(item, str) for item in value):
            return ",".join(value)
        if name == "monotone_constraints" and _whole_numbers(value):
            return f"({','.join(map(str, value))}{',' if len(value) == 1 else ''})"
        if name == "interaction_constraints" and all(
            isinstance(group, list) and _whole_numbers(group) for group in value
        ):
            return json.dumps(value, separators=(",", ":"))
    return None


def _whole_numbers(values: list[object]) -> bool:
    return all(type(item) is int for item in values)


def tag(name: str, value: object) -> tuple[str, Fault | None]:
    """A tag's value. Rules: https://docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html"""
    if not isinstance(value, str):
        fix = f'Put it in quotes: "{value}"' if type(value) in (int, float) else ""
        return "", (f"must be text, not {found_type(value)}", fix)
    if name.lower().startswith("aws:"):
        return "", ("has a name that begins with aws:, which AWS keeps for itself", "Choose another name.")
    if not 1 <= len(name) <= 128 or len(value) > 256:
        return "", ("is longer than AWS takes (1 to 128 characters for a name, up to 256 for a value)", "")
    # Separators are spaces: AWS takes no tab and no new line.
    if not re.fullmatch(r"[\w .:/=+@-]*", name + value):
        return "", ("holds characters that AWS refuses in tags", "Use letters, digits, spaces and _ . : / = + - @")
    return value, None


def hyperparameters_fault(names: Mapping[str, object]) -> Fault | None:
    if len(names) <= HYPERPARAMETERS:
        return None
    return f"has {len(names)} hyperparameters; SageMaker takes {HYPERPARAMETERS}", ""


def tags_fault(names: Mapping[str, object]) -> Fault | None:
    """Faults of a whole tag table: too many, or (IAM ignores case) two that differ by case alone."""
    if len(names) > TAGS:
        return f"has {len(names)} tags; {TAGS} are taken: AWS takes 50, and training jobs get one of Step Functions", ""
    seen: dict[str, str] = {}
    for name in names:
        if name.lower() in seen:
            return f'has "{seen[name.lower()]}" and "{name}", which IAM takes for the same tag', "Keep one of them."
        seen[name.lower()] = name
    return None


def accepted(name: str, value: object) -> tuple[str, Fault | None]:
    """What is accepted, a policy finding or a known fault of the image, by its name, and why. Kept as it is."""
    if not isinstance(value, str):
        return "", (f"must be text, the reason, not {found_type(value)}", "")
    if not name.strip() or len(value.strip()) < _SHORTEST_REASON:
        return "", (f"needs a reason of at least {_SHORTEST_REASON} characters", "Say why the finding is accepted.")
    return value.strip(), None
