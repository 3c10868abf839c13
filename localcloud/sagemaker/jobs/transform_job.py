"""Transform jobs: create, describe, list, stop, and what a request must be beyond its shape.

The rules are SageMaker's own, and what is not imitated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kickstand.aws.instance_types import takes_volume_key
from localcloud.jobs.transform.json_path import JsonPath, JsonPathError
from localcloud.sagemaker.api.call import Call, missing, resource_in_use, unsupported, validation_error
from localcloud.sagemaker.image import check_environment
from localcloud.sagemaker.jobs.transform_runs import ENDED, TransformRuns
from localcloud.sagemaker.listing import Listing, Tags
from localcloud.sagemaker.store import Events, Record, Stores

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


class TransformJobs:
    """The operations on transform jobs; `runs` does the work.

    Nobody passes a role to a job: it works in its model's execution role, which was passed to that
    (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonsagemaker.html).
    """

    def __init__(
        self, stores: Stores, runs: TransformRuns, tags: Tags, events: Events, *, clock: Callable[[], float]
    ) -> None:
        self._stores, self._runs, self._tags, self._events, self._clock = stores, runs, tags, events, clock
        self._listing = Listing("TransformJobSummaries", "TransformJobName", "TransformJobStatus")

    def create(self, call: Call) -> dict[str, Any]:
        scope, request = call.scope, call.request
        name, arn = request["TransformJobName"], scope.arn("transform-job", request["TransformJobName"])
        self._refuse_taken(call)
        check_transform_request(request)
        model = self._stores.models.get(scope, request["ModelName"])
        if model is None:
            raise missing("model", scope.arn("model", request["ModelName"]))
        now = self._clock()
        record: Record = {
            **{member: value for member, value in request.items() if member != "Tags"},
            "TransformInput": {"CompressionType": "None", "SplitType": "None", **request["TransformInput"]},
            "TransformOutput": {"AssembleWith": "None", **request["TransformOutput"]},
            "DataProcessing": {
                "InputFilter": "$",
                "OutputFilter": "$",
                "JoinSource": "None",
                **(request.get("DataProcessing") or {}),
            },
            "TransformJobArn": arn,
            "TransformJobStatus": "InProgress",
            "CreationTime": now,
            "LastModifiedTime": now,
        }
        with self._stores.lock:
            self._refuse_taken(call)
            self._stores.transform_jobs.put(scope, name, record)
            self._tags.put(scope, arn, request.get("Tags", ()))
        self._events.transform_job(scope, record)
        self._runs.start(scope, request, model)
        return {"TransformJobArn": arn}

    def describe(self, call: Call) -> Record:
        return self._existing(call)

    def list_jobs(self, call: Call) -> dict[str, Any]:
        return self._listing.page_of(self._stores.transform_jobs.all(call.scope), call.request)

    def stop(self, call: Call) -> dict[str, Any]:
        record = self._existing(call)
        if record["TransformJobStatus"] in ENDED:
            raise validation_error(
                f"The request was rejected because the transform job is in status {record['TransformJobStatus']}."
            )
        self._runs.stop(call.scope, record["TransformJobName"])
        return {}

    def _existing(self, call: Call) -> Record:
        record = self._stores.transform_jobs.get(call.scope, call.request["TransformJobName"])
        if record is None:
            raise validation_error(f"Could not find requested job with name: {call.request['TransformJobName']}")
        return record

    def _refuse_taken(self, call: Call) -> None:
        taken = self._stores.transform_jobs.get(call.scope, call.request["TransformJobName"])
        if taken is not None:
            raise resource_in_use(
                "Job name must be unique within an AWS account and region, and a job with this name already exists "
                f"({taken['TransformJobArn']})"
            )
