"""The published JSON Schema of a release, and `check_release`: every check of a release file, the schema's among them.

`docs/release.schema.json` is for whoever reads `releases/ENV.json` without Kickstand.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.release import model as models
from kickstand.release.file import migrate, parse_fields, read_release, release_text
from kickstand.release.model import SCHEMA_VERSION, Release
from kickstand.release.rules import content_faults, rule_faults

PUBLISHED = Path(__file__).resolve().parents[2] / "docs" / "release.schema.json"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER = f"urn:kickstand:release:{SCHEMA_VERSION}"
_SHA256 = "^[0-9a-f]{64}$"


class _WrittenFile(GenerateJsonSchema):
    """What stands in a written file: every field is there, so that a default says nothing."""

    def field_is_required(self, *_: Any, **__: Any) -> bool:
        return True

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])


def release_schema() -> dict[str, Any]:
    """The schema, with a description of every field."""
    schema = Release.model_json_schema(schema_generator=_WrittenFile)
    said = _descriptions()
    for name, model in {"Release": schema, **schema["$defs"]}.items():
        model["description"] = said[name]
        for field, shape in model["properties"].items():
            shape.pop("title", None)
            shape["description"] = said[f"{name}.{field}"]
    for shape in _shapes(schema):
        if "pattern" in shape:  # Python's anchors in JSON Schema's words
            shape["pattern"] = shape["pattern"].replace(r"\A", "^").replace(r"\z", "$")
    schema["properties"]["schema_version"]["const"] = SCHEMA_VERSION
    schema["properties"]["sha256"]["pattern"] = _SHA256
    return {
        **schema,
        "$schema": DIALECT,
        "$id": IDENTIFIER,
        "title": f"Kickstand release, schema version {SCHEMA_VERSION}",
    }


def canonical_schema(schema: Mapping[str, Any]) -> bytes:
    """The same schema always gives the same bytes."""
    return (json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def schema_faults(fields: Mapping[str, Any], schema: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Where a release's fields do not fit a schema: dotted field and what is wrong, in the order of the fields."""
    from jsonschema import Draft202012Validator  # type: ignore[import-untyped]

    found = Draft202012Validator(schema).iter_errors(fields)
    return sorted((".".join(map(str, error.absolute_path)), str(error.message)) for error in found)


def _descriptions() -> dict[str, str]:
    """The docstring of each model (`Artifact`) and the text below each field (`Artifact.size`), on one line.

    Read from the source: pydantic can do it too (use_attribute_docstrings), but at every start of every command.
    """
    said: dict[str, str] = {}
    for statement in ast.parse(inspect.getsource(models)).body:
        if not isinstance(statement, ast.ClassDef):
            continue
        said[statement.name] = _one_line(ast.get_docstring(statement) or "")
        for field, below in zip(statement.body, statement.body[1:], strict=False):
            match field, below:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    said[f"{statement.name}.{name}"] = _one_line(text)
    return said


def _one_line(text: str) -> str:
    """Lines joined; spaces inside a line stay, they may be meant."""
    return " ".join(line.strip() for line in text.splitlines() if line.strip())


def _shapes(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in a nest."""
    if isinstance(node, dict):
        yield node
    for inner in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _shapes(inner)


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
        if field not in known and not _is_reported(field, message, known)
    ]


def _is_reported(field: str, message: str, known: set[str]) -> bool:
    """Whether a fault is told already, by the fields inside its own: JSON Schema blames the object or the choice."""
    prefix = f"{field}." if field else ""
    inner = [name.removeprefix(prefix) for name in known if name.startswith(prefix)]
    return any(f"'{name}'" in message or "under any of the given schemas" in message for name in inner)
