"""Releases of older schemas, brought to this Kickstand's when they are read; the file itself is left as it is.

A schema that changes gets the next `SCHEMA_VERSION` and, here, the function that makes its fields from the former
ones. A release in git is evidence for as long as the repository lives: no step is taken out again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kickstand.release import SCHEMA_VERSION, Artifact, GoldenRows, Promotion, Release

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


_SINCE: Mapping[str, Mapping[str, int]] = {
    "": {"learning_curve": 2, "earlier_promotions": 2, "warnings": 3},
    "artifact.": {"rounds": 3},
    "promoted_from.": {"overrides": 2, "by": 2, "at": 2},
}
"""The schema version that a field came with, by the part of a release; every other one is of version 1."""


def version_faults(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields of an older release that its schema version does not have, or that it lacks: field, and what is wrong."""
    version = fields["schema_version"]
    if not 1 <= version < SCHEMA_VERSION:
        return
    for part, model in (
        ("", Release),
        ("artifact.", Artifact),
        ("golden_rows.", GoldenRows),
        ("promoted_from.", Promotion),
    ):
        found = fields if not part else fields.get(part[:-1])
        if not isinstance(found, dict):
            continue
        since = _SINCE.get(part, {})
        wanted = {name for name in model.model_fields if since.get(name, 1) <= version}
        for name in sorted(found.keys() - wanted):
            came = f"came with schema version {since[name]}; this is of version {version}" if name in since else ""
            yield f"{part}{name}", came or "is not a field of a release"
        for name in sorted(wanted - found.keys()):
            yield f"{part}{name}", "is missing"


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
