"""What xgboost does not train on several hosts together, or trains there to another model than on one.

Found by training on two workers with xgboost 3.2.0; `tests/unit/test_hyperparameters_several_hosts.py` holds each
refusal against the library. On AWS such a job is paid for and fails, or ends in a model of one host's rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from training.hyperparameters.table import Parsed
from training.hyperparameters.violation import Violation

_ALONE = "train on one instance."


def several_hosts_faults(parsed: Parsed) -> Iterator[Violation]:
    """What does not go with more than one instance."""
    if parsed.get("tree_method") == "exact":
        message = "tree_method exact looks at all rows at once: xgboost refuses it on several instances."
        yield Violation("tree_method", message, f"Use hist or approx, or {_ALONE}")
    for updater in cast("list[str]", parsed.get("updater") or []):
        if updater == "grow_colmaker":
            message = "updater grow_colmaker looks at all rows at once: xgboost refuses it on several instances."
            yield Violation("updater", message, f"Use grow_histmaker, or {_ALONE}")
        elif updater in ("prune", "sync"):
            message = f"updater {updater} fails in xgboost 3 on several instances."
            yield Violation("updater", message, f"Remove it, or {_ALONE}")
    if parsed.get("booster") == "gblinear":
        message = "booster gblinear is trained by each instance on its own rows, and the first one's model is kept."
        yield Violation("booster", message, f"Use gbtree, or {_ALONE}")
    if parsed.get("objective") == "survival:cox":
        message = "objective survival:cox compares each row with all others, and an instance has its own rows alone."
        yield Violation("objective", message, f"Use another objective, or {_ALONE}")
