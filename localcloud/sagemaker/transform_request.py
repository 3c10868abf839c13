"""What a CreateTransformJob request must be beyond its shape: SageMaker's own rules, and what is not imitated.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html and API_DataProcessing.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kickstand.instance_types import takes_volume_key
from localcloud.platform.json_path import JsonPath, JsonPathError
from localcloud.sagemaker.errors import unsupported, validation_error
from localcloud.sagemaker.image import check_environment

_MOST_MEGABYTES = 100
_FILTERED = ("text/csv", "application/json", "application/jsonlines")


def check_transform_request(request: Mapping[str, Any]) -> None:
    """Refuse what SageMaker refuses, and by name what the local cloud cannot do. Raises ServiceError."""
    for refused in _refusals(request):
        raise unsupported(refused)
    check_environment(request)
    source = request["TransformInput"]["DataSource"].get("S3DataSource")
    if not source:
        raise validation_error("S3DataSource must be specified in the DataSource of TransformInput.")
    resources = request["TransformResources"]
    if resources.get("VolumeKmsKeyId") and not takes_volume_key(resources["InstanceType"]):
        raise validation_error(
            f"VolumeKmsKeyId cannot be specified with instance type {resources['InstanceType']}: its local storage is "
            "encrypted by the instance."
        )
    for problem in (*_payload_problems(request), *_filter_problems(request), *_join_problems(request)):
        raise validation_error(problem)


def _refusals(request: Mapping[str, Any]) -> Iterator[str]:
    split = request["TransformInput"].get("SplitType", "None")
    if split not in ("None", "Line"):
        yield f"SplitType {split}"
    source = request["TransformInput"]["DataSource"].get("S3DataSource") or {}
    if source.get("S3DataType", "S3Prefix") == "AugmentedManifestFile":
        yield "S3DataType AugmentedManifestFile"
    if request.get("MaxPayloadInMB") == 0:
        # On AWS as well: none of the built-in algorithms takes a body of unknown length.
        yield "MaxPayloadInMB 0 (chunked encoding, which the built-in XGBoost does not take)"


def _payload_problems(request: Mapping[str, Any]) -> Iterator[str]:
    most, concurrent = request.get("MaxPayloadInMB") or 0, request.get("MaxConcurrentTransforms") or 1
    if most > _MOST_MEGABYTES:
        yield f"MaxPayloadInMB cannot be greater than {_MOST_MEGABYTES}."
    elif most * concurrent > _MOST_MEGABYTES:
        yield f"MaxConcurrentTransforms * MaxPayloadInMB cannot be greater than {_MOST_MEGABYTES} MB."
    if request.get("BatchStrategy") and request["TransformInput"].get("SplitType", "None") == "None":
        yield "BatchStrategy can only be set when SplitType is Line, RecordIO or TFRecord."


def _filter_problems(request: Mapping[str, Any]) -> Iterator[str]:
    settings = request.get("DataProcessing") or {}
    for member in ("InputFilter", "OutputFilter"):
        try:
            JsonPath.parse(settings.get(member) or "$")
        except JsonPathError as error:
            yield f"Invalid {member}. {error}"


def _join_problems(request: Mapping[str, Any]) -> Iterator[str]:
    settings = request.get("DataProcessing") or {}
    asked = [m for m in ("InputFilter", "OutputFilter") if settings.get(m, "$") not in ("", "$")]
    if settings.get("JoinSource", "None") != "None":
        asked.append("JoinSource")
    if not asked:
        return
    given, result = request["TransformInput"], request["TransformOutput"]
    kind, accept = _media_type(given.get("ContentType")), _media_type(result.get("Accept"))
    if kind not in _FILTERED:
        yield f"{asked[0]} needs a ContentType of {', '.join(_FILTERED)}; found {kind or 'none'}."
        return
    if asked == ["InputFilter"]:
        return
    if accept and (accept == "text/csv") != (kind == "text/csv"):
        yield f"{asked[-1]} needs an Accept of the ContentType's kind, {kind}; found {accept}."
    if given.get("SplitType", "None") != result.get("AssembleWith", "None"):
        yield f"{asked[-1]} needs an AssembleWith that is the SplitType, {given.get('SplitType', 'None')}."


def _media_type(header: str | None) -> str:
    return (header or "").split(";")[0].strip().lower()
