"""Our resource types among CloudFormation's: handlers, what replaces a resource, which property holds its tags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from localcloud.emulator.cloudformation_drift import compare
from localcloud.emulator.cloudformation_imports import make_importable
from localcloud.emulator.cloudformation_threads import WAITING
from localcloud.emulator.seam import attribute

PROVISIONERS = "ministack.services.cloudformation.provisioners"

Created = tuple[str, dict[str, Any]]
"""Physical id and attributes for Fn::GetAtt."""


@dataclass(frozen=True, slots=True)
class ResourceType:
    """What CloudFormation has to know of a resource type.

    create:    logical id, properties, stack name -> physical id and attributes.
    update:    physical id, old properties, new properties, stack name -> the same; for what does not replace.
    delete:    physical id, properties; a resource that is gone already is no error.
    identifier, adopt: for an import, the attribute that identifies a resource (the schema's primaryIdentifier), and
               what gives an existing one by it; None where there is none.
    name:      the property that holds a name of one's own: such a resource cannot be replaced under the same name.
    replacing: the properties whose change replaces the resource (the schema's createOnlyProperties).
    read:      physical id, expected properties -> the current ones, for drift; None where it is gone.
    read_properties: those that drift compares.

    Handlers raise ValueError with the reason that the stack event shows. They run on a worker thread.
    """

    name: str
    replacing: tuple[str, ...]
    create: Callable[[str, dict[str, Any], str], Created]
    update: Callable[[str, dict[str, Any], dict[str, Any], str], Created]
    delete: Callable[[str, dict[str, Any]], None]
    identifier: str
    adopt: Callable[[str], Created | None]
    read: Callable[[str, dict[str, Any]], dict[str, Any] | None]
    read_properties: tuple[str, ...]


def register_resource_types(types: Mapping[str, ResourceType]) -> None:
    """Add resource types (`AWS::SageMaker::Model`) to CloudFormation."""
    handlers = attribute(PROVISIONERS, "_RESOURCE_HANDLERS", dict)
    replacing = attribute(PROVISIONERS, "_REPLACING_PROPERTIES", dict)
    named = attribute(PROVISIONERS, "_CUSTOM_NAME_REPLACEMENT", dict)
    tagged = attribute(PROVISIONERS, "_STACK_TAG_PROPERTY", dict)
    for type_name, resource_type in types.items():
        handlers[type_name] = {
            "create": resource_type.create,
            "update": resource_type.update,
            "delete": resource_type.delete,
        }
        replacing[type_name] = resource_type.replacing
        named[type_name] = {"name": resource_type.name}
        tagged[type_name] = ("Tags", "list")
        make_importable(type_name, resource_type.identifier, resource_type.adopt)
        WAITING.add(type_name)
        compare(type_name, resource_type.read, set(resource_type.read_properties))
