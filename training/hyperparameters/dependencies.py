"""Rules between two hyperparameters that the container checks, with the container's words.

Source: `algorithm_mode/hyperparameter_validation.py` of the container. Each rule looks at values that were
read and are in range; it says nothing where one of them is already reported as wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

from training.hyperparameters.table import (
    LINEAR_UPDATERS,
    PROCESS_UPDATERS,
    TREE_GROWERS,
    TREE_UPDATERS,
    Parsed,
)
from training.hyperparameters.violation import Violation


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
