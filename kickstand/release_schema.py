"""The JSON Schema of a release, for whoever reads `releases/ENV.json` without Kickstand.

Made from the models in `release.py`; published as docs/release.schema.json by scripts/make_release_schema.py.
Stricter than reading in one thing: a file that Kickstand wrote has every field, those with defaults too.
"""

from __future__ import annotations

import ast
import inspect
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from kickstand import release as models
from kickstand.release import SCHEMA_VERSION, Release

PUBLISHED = Path(__file__).resolve().parents[1] / "docs" / "release.schema.json"
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
