"""Every check of a release file: those of reading it, and the published schema."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import ValidationError

from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.release import SCHEMA_VERSION, Release
from kickstand.release_file import parse_fields, read_release, release_text
from kickstand.release_migrations import migrate
from kickstand.release_rules import content_faults, rule_faults
from kickstand.release_schema import PUBLISHED, schema_faults


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
    return [
        Problem(f"{field or 'The release'}: {message}, by the published schema.", str(path), f"See {published.name}.")
        for field, message in schema_faults(fields, schema)
        if field not in known and not _is_told(field, message, known)
    ]


def _is_told(field: str, message: str, known: set[str]) -> bool:
    """Whether a fault is told already, by the fields inside its own: JSON Schema blames the object or the choice."""
    prefix = f"{field}." if field else ""
    inner = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
    return any(f"'{name}'" in message or "under any of the given schemas" in message for name in inner)
