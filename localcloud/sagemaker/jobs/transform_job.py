"""Transform jobs: what a request must be to make one, and how its record changes as the job goes on.

The rules go beyond the shape of the request: SageMaker's own, and what is not imitated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kickstand.aws.instance_types import takes_volume_key
from localcloud.jobs.events import JobEvent
from localcloud.jobs.transform.json_path import JsonPath, JsonPathError
from localcloud.sagemaker.api.call import Call, Scope, missing, unsupported, validation_error
from localcloud.sagemaker.image import check_environment
from localcloud.sagemaker.jobs.kind import REASON_LENGTH, TRANSFORM, JobRules
from localcloud.sagemaker.processes import JobOrder
from localcloud.sagemaker.store import Record, Table

_MOST_MEGABYTES = 100
_FILTERED = ("text/csv", "application/json", "application/jsonlines")
_SESSION_SECONDS = 5 * 86_400
"""How long a job's credentials live: longer than any job on one machine."""


class TransformJob(JobRules):
    """The rules of transform jobs."""

    kind = TRANSFORM

    def __init__(self, models: Table) -> None:
        self._models = models

    def admit(self, call: Call) -> None:
        """Nobody passes a role to a job: it works in its model's execution role, which was passed to that.

        https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html
        """

    def role(self, scope: Scope, request: Mapping[str, Any]) -> str:
        model = self._models.get(scope, request["ModelName"]) or {}
        return str(model.get("ExecutionRoleArn", ""))

    def order(self, call: Call) -> JobOrder:
        scope, request = call.scope, call.request
        check_transform_request(request)
        model = self._models.get(scope, request["ModelName"])
        if model is None:
            raise missing("model", scope.arn("model", request["ModelName"]))
        source, role = model["_source"], model["ExecutionRoleArn"]
        taken_down = {
            "image": source["Image"],
            "url": source["ModelDataUrl"],
            "variables": source["Environment"],
            "role": role,
        }
        return JobOrder(request, role, _SESSION_SECONDS, taken_down)

    def taken(self, arn: str) -> str:
        return (
            f"Job name must be unique within an AWS account and region, and a job with this name already exists ({arn})"
        )

    def absent(self, name: str) -> str:
        return f"Could not find requested job with name: {name}"

    def new(self, scope: Scope, request: Mapping[str, Any], now: float) -> Record:
        return {
            **{member: value for member, value in request.items() if member != "Tags"},
            "TransformInput": {"CompressionType": "None", "SplitType": "None", **request["TransformInput"]},
            "TransformOutput": {"AssembleWith": "None", **request["TransformOutput"]},
            "DataProcessing": {
                "InputFilter": "$",
                "OutputFilter": "$",
                "JoinSource": "None",
                **(request.get("DataProcessing") or {}),
            },
            "TransformJobArn": scope.arn("transform-job", request["TransformJobName"]),
            "TransformJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }

    def stopping(self, record: Record, final: str, now: float) -> Record:
        return {**record, "TransformJobStatus": "Stopping", "LastModifiedTime": now}

    def after(self, record: Record, event: JobEvent) -> Record | None:
        if event.secondary_status != "Transforming":
            return None
        return {**record, "TransformStartTime": event.time, "LastModifiedTime": event.time}

    def finished(self, record: Record, event: JobEvent) -> Record:
        """A job that was told to stop ends Stopped where it failed; one that was done before is Completed."""
        outcome = event.outcome or "Failed"
        if record["TransformJobStatus"] == "Stopping" and outcome == "Failed":
            outcome = "Stopped"
        ended = {"TransformJobStatus": outcome, "TransformEndTime": event.time, "LastModifiedTime": event.time}
        failure = {"FailureReason": event.failure_reason[:REASON_LENGTH]} if outcome == "Failed" else {}
        return {**record, **ended, **failure}


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
    named = [m for m in ("InputFilter", "OutputFilter") if settings.get(m, "$") not in ("", "$")]
    if settings.get("JoinSource", "None") != "None":
        named.append("JoinSource")
    if not named:
        return
    given, result = request["TransformInput"], request["TransformOutput"]
    kind, accept = _media_type(given.get("ContentType")), _media_type(result.get("Accept"))
    if kind not in _FILTERED:
        yield f"{named[0]} needs a ContentType of {', '.join(_FILTERED)}; found {kind or 'none'}."
        return
    if named == ["InputFilter"]:
        return
    if accept and (accept == "text/csv") != (kind == "text/csv"):
        yield f"{named[-1]} needs an Accept of the ContentType's kind, {kind}; found {accept}."
    if given.get("SplitType", "None") != result.get("AssembleWith", "None"):
        yield f"{named[-1]} needs an AssembleWith that is the SplitType, {given.get('SplitType', 'None')}."


def _media_type(header: str | None) -> str:
    return (header or "").split(";")[0].strip().lower()
