"""What CloudFormation's resource schemas say of a type: what replaces a resource, and what its handlers call.

The schemas are those that cfn-lint brings, read as files: offline, the same on every machine (its own manager may
prefer a newer copy in the user's cache), and without the two seconds that importing it costs.
Rules: https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-schema.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

Recreation = Literal["Never", "Conditionally", "Always"]
"""CloudFormation's words in a change set (`RequiresRecreation`)."""

_ANYWHERE = "us-east-1"
"""Whose schema is taken where a region has none of the type: it knows nearly all of them."""


@dataclass(frozen=True, slots=True)
class ResourceSchema:
    """What matters here of a resource type's schema."""

    type: str
    known: bool
    always: frozenset[str] = frozenset()
    """Top-level properties that cannot change without another resource."""
    conditionally: frozenset[str] = frozenset()
    """Those of which some changes need another resource."""
    handlers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """IAM actions by handler: `create`, `read`, `update`, `delete`, `list`. Those of optional properties are among
    them. None where the schema names no handlers."""
    tag_property: str = ""
    """The property that holds the tags; empty where the type has none."""
    tag_actions: frozenset[str] = frozenset()
    """IAM actions that only tags take."""

    def recreation(self, name: str) -> Recreation:
        """Whether a change of the top-level property replaces the resource. An unknown type: nobody can tell."""
        if name in self.always:
            return "Always"
        return "Conditionally" if name in self.conditionally or not self.known else "Never"

    @property
    def name_property(self) -> str:
        """The property that gives such a resource a name of one's own; empty where it takes none."""
        last = self.type.rpartition("::")[2]
        return next((name for name in (f"{last}Name", "Name") if name in self.always), "")


@cache
def resource_schema(region: str, type_name: str) -> ResourceSchema:
    """The schema of a type (`AWS::SageMaker::Model`) in a region; unknown for types that cfn-lint does not know."""
    folder = _folder()
    file = _types(region).get(type_name) or _types(_ANYWHERE).get(type_name)
    if folder is None or file is None:
        return ResourceSchema(type_name, known=False)
    schema: dict[str, Any] = json.loads((folder / "resources" / f"{file}.json").read_text("utf-8"))
    always: set[str] = set()
    conditionally: set[str] = set()
    for pointer in schema.get("createOnlyProperties") or ():
        parts = pointer.removeprefix("/properties/").split("/")
        # A rule for something inside a property: it depends on what inside it changes.
        (always if len(parts) == 1 else conditionally).add(parts[0])
    for pointer in schema.get("conditionalCreateOnlyProperties") or ():
        conditionally.add(pointer.removeprefix("/properties/").split("/")[0])
    handlers = {name: tuple(each.get("permissions", ())) for name, each in schema.get("handlers", {}).items()}
    tagging = schema.get("tagging") or {}
    return ResourceSchema(
        type_name,
        True,
        frozenset(always),
        frozenset(conditionally - always),
        handlers,
        str(tagging.get("tagProperty", "")).removeprefix("/properties/"),
        frozenset(tagging.get("permissions", ())),
    )


def has_type(region: str, type_name: str) -> bool:
    """Whether a region has a resource type, by the schemas of its provider."""
    return type_name in _types(region)


def schema_text(type_name: str) -> str:
    """A type's whole schema, as JSON; empty for types that cfn-lint does not know."""
    folder, file = _folder(), _types(_ANYWHERE).get(type_name)
    return "" if folder is None or file is None else (folder / "resources" / f"{file}.json").read_text("utf-8")


@cache
def _types(region: str) -> dict[str, str]:
    """Resource type to the name of its schema file, for a region."""
    folder = _folder()
    file = folder / "providers" / f"{region}.json" if folder is not None else None
    if file is None or not file.is_file():
        return {}
    found: dict[str, str] = json.loads(file.read_text("utf-8"))
    return found


@cache
def _folder() -> Path | None:
    found = find_spec("cfnlint")
    if found is None or found.origin is None:
        return None
    return Path(found.origin).parent / "data" / "schemas"
