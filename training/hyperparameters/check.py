"""Check and read the hyperparameters of SageMaker's built-in XGBoost before anything is paid for.

    problems = check_hyperparameters({"num_round": "150", "max_dept": "5"})
    # [Problem("max_dept is not a hyperparameter of SageMaker's XGBoost.", "", "Did you mean max_depth?")]

The rules are the container's own (image 3.2-0; those between two hyperparameters are of its
`algorithm_mode/hyperparameter_validation.py`), and beyond them what xgboost 3.2.0 refuses later and what would silently
be without effect. Pure and light: the local training program uses it too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import cast

from kickstand.errors import Problem
from training.hyperparameters.support import several_hosts_faults, unsupported
from training.hyperparameters.table import (
    ALIASES,
    FOREIGN_NAMES,
    LINEAR_UPDATERS,
    PROCESS_UPDATERS,
    TABLE,
    TREE_GROWERS,
    TREE_UPDATERS,
    Parsed,
)
from training.hyperparameters.values import Value, Violation, suggest, unreadable
from training.hyperparameters.xgboost_limits import number_faults, without_effect, xgboost_faults


def dependency_faults(parsed: Parsed) -> Iterator[Violation]:
    """Every broken rule, in the order in which the container comes to them: that of the values given."""
    for name in parsed.values:
        needs, rule = _RULES.get(name, ((), None))
        if rule is not None and not any(needed in parsed.broken for needed in needs):
            yield from rule(parsed)


def _objective(parsed: Parsed) -> Iterator[Violation]:
    objective = parsed.get("objective")
    if objective in ("multi:softmax", "multi:softprob") and not parsed.given("num_class"):
        yield Violation(
            "objective",
            f"objective {objective} needs num_class, the number of classes.",
            "Set num_class to 2 or more.",
            "Require input for parameter 'num_class' for multi-classification",
        )


def _eval_metric(parsed: Parsed) -> Iterator[Violation]:
    metrics = cast("list[str]", parsed.get("eval_metric"))
    objective = parsed.get("objective")
    if objective is None:
        message = "eval_metric needs an objective beside it: without one the container cannot check the metric."
        yield Violation("eval_metric", message, "Set objective, for example to reg:squarederror.", "'objective'")
        return
    if "auc" in metrics and not str(objective).startswith(("binary:", "rank:")):
        yield Violation(
            "eval_metric",
            f"eval_metric auc needs a binary: or rank: objective; objective is {objective}.",
            "",
            "Metric 'auc' can only be applied for classification and ranking problems.",
        )
    if "aft-nloglik" in metrics and objective != "survival:aft":
        yield Violation(
            "eval_metric",
            f"eval_metric aft-nloglik needs objective survival:aft; objective is {objective}.",
            "",
            "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective.",
        )


def _monotone_constraints(parsed: Parsed) -> Iterator[Violation]:
    if parsed.get("tree_method") not in ("exact", "hist"):
        yield Violation(
            "monotone_constraints",
            f"monotone_constraints needs tree_method exact or hist; {_found(parsed, 'tree_method')}.",
            "Set tree_method to hist.",
            "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'.",
        )


def _interaction_constraints(parsed: Parsed) -> Iterator[Violation]:
    if parsed.get("tree_method") not in ("exact", "hist", "approx"):
        yield Violation(
            "interaction_constraints",
            f"interaction_constraints needs tree_method exact, hist or approx; {_found(parsed, 'tree_method')}.",
            "Set tree_method to hist.",
            "interaction_constraints can be used only when the tree_method parameter is set to "
            "either 'exact', 'hist' or 'approx'.",
        )


def _updater(parsed: Parsed) -> Iterator[Violation]:
    updaters = cast("list[str]", parsed.get("updater"))
    if parsed.get("booster") == "gblinear":
        if len(updaters) != 1 or updaters[0] not in LINEAR_UPDATERS:
            yield Violation(
                "updater",
                f"booster gblinear takes exactly one updater, shotgun or coord_descent; found {','.join(updaters)}.",
                "",
                "Linear updater should be one of these options: 'shotgun', 'coord_descent'.",
            )
    elif parsed.get("process_type") == "update":
        if any(updater not in PROCESS_UPDATERS for updater in updaters):
            yield Violation(
                "updater",
                f"process_type update takes the updaters refresh and prune only; found {','.join(updaters)}.",
                "",
                "process_type 'update' can only be used with updater 'refresh' and 'prune'",
            )
    elif linear := [updater for updater in updaters if updater not in TREE_UPDATERS]:
        yield Violation(
            "updater",
            f"updater {','.join(linear)} goes with booster gblinear only; {_found(parsed, 'booster')}.",
            "",
            f"Tree updater should be selected from these options: {', '.join(map(repr, TREE_UPDATERS))}.",
        )
    elif len(growers := [updater for updater in updaters if updater in TREE_GROWERS]) > 1:
        yield Violation(
            "updater",
            f"at most one updater may grow trees ({', '.join(TREE_GROWERS)}); found {','.join(growers)}.",
            "",
            f"Only one tree grow plugin can be selected. Choose one from the following: "
            f"{', '.join(map(repr, TREE_GROWERS))}",
        )


def _found(parsed: Parsed, name: str) -> str:
    value = parsed.get(name)
    return f"{name} is not set" if value is None else f"{name} is {value}"


_RULES: dict[str, tuple[tuple[str, ...], Callable[[Parsed], Iterator[Violation]]]] = {
    "objective": (("num_class",), _objective),
    "eval_metric": (("objective",), _eval_metric),
    "monotone_constraints": (("tree_method",), _monotone_constraints),
    "interaction_constraints": (("tree_method",), _interaction_constraints),
    "updater": (("booster", "process_type"), _updater),
}


__all__ = ["check_hyperparameters", "container_error", "parse_hyperparameters", "unsupported"]

_LONGEST_VALUE = 2500
"""Characters that CreateTrainingJob takes in one hyperparameter's value."""
_MOST = 100
"""Hyperparameters that CreateTrainingJob takes."""


def _nowhere(name: str) -> str:
    return ""


def check_hyperparameters(
    values: Mapping[str, str],
    *,
    channels: Collection[str] = ("train", "validation"),
    instances: int = 1,
    where: Callable[[str], str] = _nowhere,
) -> list[Problem]:
    """All that is wrong with `values`, at once; empty where the job may start.

    values:    hyperparameters as CreateTrainingJob takes them: strings, aliases allowed.
    channels:  the names of the job's channels.
    instances: how many instances the job has.
    where:     the place of a hyperparameter by its name, as the user wrote it.
    """
    parsed, violations = _read(values)
    violations += [*dependency_faults(parsed), *xgboost_faults(parsed), *number_faults(parsed)]
    violations += without_effect(parsed, channels)
    if instances > 1:
        violations += several_hosts_faults(parsed)
    spelt = {ALIASES.get(name, name): name for name in values}
    return [Problem(v.message, where(spelt.get(v.name, v.name)), v.fix) for v in violations]


def container_error(values: Mapping[str, str]) -> str | None:
    """The words with which the container fails a job that has these values, or None.

    Like the container it stops at the first: a missing one, then one it cannot read, then ranges, then
    dependencies, each in the order given.
    """
    parsed, violations = _read(values)
    violations += dependency_faults(parsed)
    return next((violation.container for violation in violations if violation.container), None)


def parse_hyperparameters(values: Mapping[str, str]) -> dict[str, Value]:
    """The values as the container hands them to xgboost: canonical names, numbers read, `eval_metric` a list.

    Raises ValueError for an unknown name and for a value that cannot be read; check first.
    """
    parsed: dict[str, Value] = {}
    for name, text in values.items():
        canonical = ALIASES.get(name, name)
        if canonical not in TABLE:
            raise ValueError(f"{name} is not a hyperparameter")
        value = TABLE[canonical].parse(text)
        parsed[canonical] = text if canonical == "updater" else value
    return parsed


def _read(values: Mapping[str, str]) -> tuple[Parsed, list[Violation]]:
    """Values that can be used, and what is wrong with the others, in the container's order."""
    missing = [rule.name for rule in TABLE.values() if rule.required and rule.name not in values]
    violations = [_missing(name) for name in missing]
    unreadable_ones: list[Violation] = []
    faults: list[Violation] = []
    parsed: dict[str, Value] = {}
    broken: set[str] = set()
    for name, text in values.items():
        rule = TABLE.get(ALIASES.get(name, name))
        if rule is None:
            unreadable_ones.append(_unknown(name))
            continue
        try:
            value = rule.parse(text)
        except ValueError:
            unreadable_ones.append(unreadable(rule, name, text))
            broken.add(rule.name)
            continue
        if found := rule.faults(name, text, value):
            faults += found
            broken.add(rule.name)
        else:
            parsed[rule.name] = value
    refused = [*_given_twice(values), *_too_long(values)]
    return Parsed(parsed, frozenset(broken)), [*violations, *unreadable_ones, *faults, *refused]


def _missing(name: str) -> Violation:
    message = f"{name}, the number of boosting rounds, is required." if name == "num_round" else f"{name} is required."
    return Violation(name, message, f"Set {name}, for example to 100.", f"Missing required hyperparameter: {name}")


def _unknown(name: str) -> Violation:
    known = [*TABLE, *ALIASES]
    fix = f"Did you mean {FOREIGN_NAMES[name]}?" if name in FOREIGN_NAMES else suggest(name, known)
    message = f"{name} is not a hyperparameter of SageMaker's XGBoost."
    return Violation(name, message, fix, f"Extraneous hyperparameter found: {name}")


def _given_twice(values: Mapping[str, str]) -> Iterator[Violation]:
    for alias, name in ALIASES.items():
        if alias in values and name in values:
            message = f"{alias} and {name} are two names of the same hyperparameter."
            yield Violation(alias, message, f"Keep {name} alone.")


def _too_long(values: Mapping[str, str]) -> Iterator[Violation]:
    for name, text in values.items():
        if len(text) > _LONGEST_VALUE:
            message = f"{name} has {len(text)} characters; SageMaker takes {_LONGEST_VALUE} at most."
            yield Violation(name, message)
    if len(values) > _MOST:
        yield Violation("", f"there are {len(values)} hyperparameters; SageMaker takes {_MOST} at most.")
