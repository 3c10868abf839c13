"""Releases of older schemas, brought to this Kickstand's when they are read; the file itself is left as it is.

A schema that changes gets the next `SCHEMA_VERSION` and, here, the function that makes its fields from the former
ones. A release in git is evidence for as long as the repository lives: no step is taken out again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kickstand.release import SCHEMA_VERSION

Step = Callable[[dict[str, Any]], dict[str, Any]]
"""From the fields of one version to those of the next; `schema_version` is counted up by `migrate`."""


def _gates_with_figures(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 2 records what each gate measured, who promoted, what was overridden, and the learning curve.

    Version 1 had the names of the gates that were passed, and nothing could be overridden.
    """
    promotion = fields.get("promoted_from")
    if promotion is not None:
        gates = [{"name": name, "passed": True, "figure": "", "limit": ""} for name in promotion["gates"]]
        promotion = {**promotion, "gates": gates, "overrides": [], "by": "", "at": ""}
    return {**fields, "promoted_from": promotion, "learning_curve": None, "earlier_promotions": []}


def _rounds_and_warnings(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 3 records the rounds of the model and what was accepted with a warning; version 2 said neither.

    The metrics of a version 2 made with early stopping are the job's last round's, not the model's own.
    """
    return {**fields, "artifact": {**fields["artifact"], "rounds": []}, "warnings": []}


MIGRATIONS: dict[int, Step] = {1: _gates_with_figures, 2: _rounds_and_warnings}
"""The step that leads on from each version. Version 1 is the first."""


def can_migrate(version: int, *, steps: Mapping[int, Step] = MIGRATIONS, to: int = SCHEMA_VERSION) -> bool:
    """Whether there is a step from each version up to `to`."""
    return version <= to and all(number in steps for number in range(version, to))


def migrate(
    fields: Mapping[str, Any], *, steps: Mapping[int, Step] = MIGRATIONS, to: int = SCHEMA_VERSION
) -> dict[str, Any]:
    """The fields of a release in schema version `to`; the given ones are not touched.

    Its `sha256` stays that of the file, which a promotion names and which is proved before this is called.
    Needs `can_migrate`.
    """
    brought = dict(fields)
    for version in range(brought["schema_version"], to):
        brought = {**steps[version](brought), "schema_version": version + 1, "sha256": fields.get("sha256", "")}
    return brought
