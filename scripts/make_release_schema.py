"""Write docs/release.schema.json: the JSON Schema of a release, made from the models in kickstand/release/model.py.

Usage: `python scripts/make_release_schema.py [OUTPUT]`, after a change in those models.
"""

from __future__ import annotations

import ast
import inspect
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from kickstand.release import model as models
from kickstand.release.model import SCHEMA_VERSION, Release
from kickstand.release.schema import PUBLISHED

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


def main(arguments: list[str]) -> None:
    output = Path(arguments[0]) if arguments else PUBLISHED
    schema = release_schema()
    output.write_bytes(canonical_schema(schema))
    print(f"{output}: {schema['title']}")


if __name__ == "__main__":
    main(sys.argv[1:])
