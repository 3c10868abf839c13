"""Every check of a release file, the published JSON Schema's among them.

`docs/release.schema.json` is for whoever reads `releases/ENV.json` without Kickstand; `scripts/make_release_schema.py`
makes it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.release.file import migrate, parse_fields, read_release, release_text
from kickstand.release.model import SCHEMA_VERSION, Release
from kickstand.release.rules import content_faults, rule_faults

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "release.schema.json"


def schema_faults(fields: Mapping[str, Any], schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where a release's fields do not fit a schema: dotted field and what is wrong, in the order of the fields."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    found = Draft202012Validator(schema).iter_errors(fields)
    return sorted((".".join(map(str, error.absolute_path)), str(error.message)) for error in found)


def check_release(path: Path, environment: Environment, *, published: Path = PUBLISHED) -> Release:
    """Reads a release with every check.

    Raises InputError with all problems, each field once; KickstandError where the published schema is missing.
    """
    problems: list[Problem] = []
    release = None
    try:
        release = read_release(path, environment)
    except InputError as error:
        problems += error.problems
    if release is not None or (release := _sound(path, environment)) is not None:
        problems += (
            Problem(f"{field} {message}.", str(path))
            for field, message in (*rule_faults(release), *content_faults(release))
        )
    problems += _schema_problems(path, environment, published, said=problems)
    if release is None or problems:
        raise InputError(*problems)
    return release


def _sound(path: Path, environment: Environment) -> Release | None:
    """The release of a file that is refused, where its fields at least have the right types."""
    try:
        fields = migrate(parse_fields(release_text(path, environment), path))
        return Release.model_validate_json(json.dumps(fields), strict=True)
    except (InputError, ValidationError, LookupError, TypeError, AttributeError):
        return None


def _schema_problems(path: Path, environment: Environment, published: Path, said: list[Problem]) -> list[Problem]:
    """What only the published schema refuses; nothing where there are no fields to hold against it."""
    try:
        fields = parse_fields(release_text(path, environment), path)
    except InputError:
        return []
    if fields["schema_version"] != SCHEMA_VERSION:
        return []  # of an older schema: reading it has brought it to this one and checked that
    try:
        schema = parse_json(published.read_bytes())
    except (OSError, ValueError) as error:
        fix = "Make it anew: python scripts/make_release_schema.py"
        raise KickstandError(Problem(f"The published schema cannot be read: {error}.", str(published), fix)) from None
    known = {problem.message.split(" ")[0] for problem in said}
    inside = _names_by_field(known)
    return [
        Problem(f"{field or 'The release'}: {message}, by the published schema.", str(path), f"See {published.name}.")
        for field, message in schema_faults(fields, schema)
        if field not in known and not _is_reported(message, inside.get(field, ()))
    ]


def _names_by_field(known: Iterable[str]) -> Mapping[str, Sequence[str]]:
    """By each field (`""`: the release), the names below it, from its own on: `a.b` is `a.b` of `""` and `b` of `a`."""
    found: dict[str, list[str]] = {}
    for name in known:
        found.setdefault("", []).append(name)
        parts = name.split(".")
        for count in range(1, len(parts)):
            found.setdefault(".".join(parts[:count]), []).append(".".join(parts[count:]))
    return found


def _is_reported(message: str, inner: Iterable[str]) -> bool:
    """Whether a fault is told already, by the names inside its field: JSON Schema blames the object or the choice."""
    return any(f"'{name}'" in message or "under any of the given schemas" in message for name in inner)
