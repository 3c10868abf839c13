"""DescribeType: which resource types a region has, as AWS's registry answers it; ministack knows no such action.

What a region has is what the provider schemas say that cfn-lint brings, by region, not what this emulator can make:
a template that it takes for another region must be one that AWS takes there.
https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeType.html
"""

from __future__ import annotations

import re
from typing import Any

from kickstand.names import partition
from kickstand.resource_schema import has_type, schema_text
from localcloud.emulator.seam import attribute

HANDLERS = "ministack.services.cloudformation.handlers"


def install() -> None:
    """Answer DescribeType for AWS's own resource types."""
    attribute(HANDLERS, "_ACTION_HANDLERS", dict)["DescribeType"] = describe_type


def describe_type(params: dict[str, Any]) -> Any:
    """The type, by name or ARN; TypeNotFoundException where the region has none of that name."""
    from ministack.core.responses import get_region
    from ministack.services.cloudformation.helpers import _error, _esc, _p, _xml

    region, arn = get_region(), _p(params, "Arn")
    named = re.fullmatch(r"arn:[\w-]+:cloudformation:[\w-]+::type/resource/([\w-]+)", arn)
    name = named[1].replace("-", "::") if named else _p(params, "TypeName")
    if not arn and not (name and _p(params, "Type")):
        return _error("ValidationError", "Either the ARN of the type, or Type and TypeName, must be specified")
    if _p(params, "Type", "RESOURCE") != "RESOURCE" or not has_type(region, name):
        return _error("TypeNotFoundException", f"The type '{name or arn}' cannot be found.", 404)
    fields = {
        "Arn": f"arn:{partition(region)}:cloudformation:{region}::type/resource/{name.replace('::', '-')}",
        "Type": "RESOURCE",
        "TypeName": name,
        "Schema": schema_text(name),
        "ProvisioningType": "FULLY_MUTABLE",
        "DeprecatedStatus": "LIVE",
        "Visibility": "PUBLIC",
        "IsActivated": "true",
    }
    inner = "".join(f"<{key}>{_esc(value)}</{key}>" for key, value in fields.items())
    return _xml(200, "DescribeTypeResponse", f"<DescribeTypeResult>{inner}</DescribeTypeResult>")
