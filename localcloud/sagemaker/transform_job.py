"""Transform jobs: CreateTransformJob, DescribeTransformJob, ListTransformJobs, StopTransformJob."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.call import Call
from localcloud.sagemaker.errors import missing, resource_in_use, validation_error
from localcloud.sagemaker.events import Events
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.store import Record, Stores
from localcloud.sagemaker.tags import Tags
from localcloud.sagemaker.transform_request import check_transform_request
from localcloud.sagemaker.transform_runs import ENDED, TransformRuns


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
