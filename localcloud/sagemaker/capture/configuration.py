"""What an endpoint configuration's DataCaptureConfig asks for, what DescribeEndpoint shows of it, and what an update
keeps.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_DataCaptureConfig.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.sagemaker.image import split_s3
from localcloud.state import RETAINED_CAPTURE, stands_at

Encoding = Literal["CSV", "JSON", "BASE64"]
_PROPERTY = "DataCaptureConfig"


@dataclass(frozen=True, slots=True)
class CaptureRules:
    """A DataCaptureConfig that is on, taken apart.

    percent:    share of the requests.
    takes_input, takes_output: what of each.
    csv, json:  content types whose data is kept as text, in lower case.
    bucket, prefix: where to; the prefix has no slash at its end.
    kms_key:    for the objects; empty for the bucket's own encryption.
    """

    percent: int
    takes_input: bool
    takes_output: bool
    csv: frozenset[str]
    json: frozenset[str]
    bucket: str
    prefix: str
    kms_key: str

    @classmethod
    def of(cls, config: Mapping[str, Any] | None, region: str) -> CaptureRules | None:
        """None for a configuration without a capture, or with one that is off."""
        if not config or not config.get("EnableCapture", True):
            return None
        modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        header = config.get("CaptureContentTypeHeader") or {}
        bucket, prefix = split_s3(config["DestinationS3Uri"], region)
        return cls(
            percent=config["InitialSamplingPercentage"],
            takes_input=bool(modes & {"Input", "InputAndOutput"}),
            takes_output=bool(modes & {"Output", "InputAndOutput"}),
            csv=frozenset(one.lower() for one in header.get("CsvContentTypes") or ()),
            json=frozenset(one.lower() for one in header.get("JsonContentTypes") or ()),
            bucket=bucket,
            prefix=prefix.rstrip("/"),
            kms_key=config.get("KmsKeyId", ""),
        )

    def encoding(self, content_type: str | None) -> Encoding:
        """How data of a content type is written; parameters such as `charset` do not count."""
        plain = (content_type or "").partition(";")[0].strip().lower()
        if plain in self.csv:
            return "CSV"
        return "JSON" if plain in self.json else "BASE64"


def described(config: Mapping[str, Any]) -> dict[str, Any]:
    """`DataCaptureConfig` of DescribeEndpoint for that of an endpoint configuration."""
    enabled = config.get("EnableCapture", True)
    return {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": config["InitialSamplingPercentage"],
        "DestinationS3Uri": config["DestinationS3Uri"],
        "KmsKeyId": config.get("KmsKeyId", ""),
    }


def retained(deployment: dict[str, Any], serving: Mapping[str, Any], request: Mapping[str, Any]) -> dict[str, Any]:
    """The deployment of an UpdateEndpoint request with the capture of the one that serves, where the request keeps it.

    RetainAllVariantProperties keeps the properties of a variant, and DataCaptureConfig is of the type that names them,
    as "not currently supported". The switch retained-capture says what that comes to.
    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VariantProperty.html
    """
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties") or ()}
    if not request.get("RetainAllVariantProperties") or _PROPERTY in excluded:
        return deployment
    if stands_at(RETAINED_CAPTURE) != "kept":
        return deployment
    shown = {name: value for name, value in deployment["described"].items() if name != _PROPERTY}
    if kept := serving.get("described", {}).get(_PROPERTY):
        shown[_PROPERTY] = kept
    return {**deployment, "described": shown, "capture": serving.get("capture")}
