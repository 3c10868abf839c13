"""CloudFormation's AWS::IAM::OIDCProvider, which ministack does not know: whom an account believes about tokens.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-iam-oidcprovider.html
"""

from __future__ import annotations

from typing import Any

from localcloud.emulator.context import account_id
from localcloud.emulator.sagemaker_cloudformation import Created, ResourceType, register_resource_types

TYPE = "AWS::IAM::OIDCProvider"


def install() -> None:
    """Add the resource type."""
    kind = ResourceType(
        # It has no name of its own: its URL is what replaces it.
        name="Url",
        replacing=("Url",),
        create=_create,
        update=_update,
        delete=_delete,
        identifier="Arn",
        adopt=lambda arn: (arn, {"Arn": arn}) if arn in _providers() else None,
        read=_read,
        read_properties=("ClientIdList", "ThumbprintList", "Url"),
    )
    register_resource_types({TYPE: kind})


def _providers() -> Any:
    from ministack.services import iam

    return iam._oidc_providers


def _create(logical_id: str, properties: dict[str, Any], stack_name: str) -> Created:
    from ministack.services import iam

    url = str(properties.get("Url", ""))
    arn = f"arn:aws:iam::{account_id()}:oidc-provider/{url.removeprefix('https://').rstrip('/')}"
    if arn in _providers():
        raise ValueError(f"Resource handler returned message: Provider with url {url} already exists.")
    _providers()[arn] = {
        "Url": url.removeprefix("https://"),
        "ClientIDList": list(properties.get("ClientIdList", ())),
        "ThumbprintList": list(properties.get("ThumbprintList", ())),
        "Arn": arn,
        "CreateDate": iam._now(),
        "Tags": list(properties.get("Tags", ())),
    }
    return arn, {"Arn": arn}


def _update(arn: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> Created:
    provider = _providers()[arn]
    provider["ClientIDList"] = list(new.get("ClientIdList", ()))
    provider["ThumbprintList"] = list(new.get("ThumbprintList", ()))
    provider["Tags"] = list(new.get("Tags", ()))
    return arn, {"Arn": arn}


def _delete(arn: str, properties: dict[str, Any]) -> None:
    _providers().pop(arn, None)


def _read(arn: str, expected: dict[str, Any]) -> dict[str, Any] | None:
    provider = _providers().get(arn)
    if provider is None:
        return None
    return {
        "Url": f"https://{provider['Url'].removeprefix('https://')}",
        "ClientIdList": provider["ClientIDList"],
        "ThumbprintList": provider["ThumbprintList"],
    }
