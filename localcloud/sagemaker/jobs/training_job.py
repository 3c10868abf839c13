"""Training jobs: CreateTrainingJob, DescribeTrainingJob, ListTrainingJobs, StopTrainingJob."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.api.call import Call, resource_in_use, validation_error
from localcloud.sagemaker.image import Images, Roles, check_input_data, pass_role
from localcloud.sagemaker.jobs.kind import INTERRUPT_TAG
from localcloud.sagemaker.jobs.training_record import ENDED, check_training_request, new_job
from localcloud.sagemaker.jobs.training_runs import TrainingRuns
from localcloud.sagemaker.listing import Listing, Tags
from localcloud.sagemaker.store import Events, Record, Stores


class TrainingJobs:
    """The operations on training jobs; `runs` does the work."""

    def __init__(
        self,
        stores: Stores,
        runs: TrainingRuns,
        roles: Roles,
        images: Images,
        tags: Tags,
        events: Events,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._stores, self._runs, self._roles, self._images = stores, runs, roles, images
        self._tags, self._events, self._clock = tags, events, clock
        self._listing = Listing("TrainingJobSummaries", "TrainingJobName", "TrainingJobStatus")

    def create(self, call: Call) -> dict[str, Any]:
        scope, request = call.scope, call.request
        name, role = request["TrainingJobName"], request["RoleArn"]
        pass_role(call.caller, scope, role)
        self._refuse_taken(call)
        check_training_request(request, self._images, scope.region)
        reading = self._roles.reading(scope, role)
        for channel in request.get("InputDataConfig", ()):
            source = channel["DataSource"].get("S3DataSource")
            if not source:
                raise validation_error(f"Channel {channel['ChannelName']} must have a data source.")
            check_input_data(reading, source["S3Uri"], role, scope.region)
        with self._stores.lock:
            self._refuse_taken(call)
            record = new_job(scope, request, self._clock())
            self._stores.training_jobs.put(scope, name, record)
            self._tags.put(scope, record["TrainingJobArn"], request.get("Tags", ()))
        self._events.training_job(scope, record)
        self._runs.start(scope, request)
        return {"TrainingJobArn": record["TrainingJobArn"]}

    def describe(self, call: Call) -> Record:
        return self._existing(call)

    def list_jobs(self, call: Call) -> dict[str, Any]:
        return self._listing.page_of(self._stores.training_jobs.all(call.scope), call.request)

    def stop(self, call: Call) -> dict[str, Any]:
        record = self._existing(call)
        if record["TrainingJobStatus"] in ENDED:
            raise validation_error(
                f"The request was rejected because the training job is in status {record['TrainingJobStatus']}."
            )
        self._runs.stop(call.scope, record["TrainingJobName"])
        return {}

    def add_tags(self, call: Call) -> dict[str, Any]:
        """AddTags. The tag `kickstand:interrupt` on a spot job takes its instances away, as AWS does at will."""
        name = self._to_interrupt(call)
        answer = self._tags.add_tags(call)
        if name:
            self._runs.interrupt(call.scope, name)
        return answer

    def _to_interrupt(self, call: Call) -> str:
        kind, _, name = str(call.request["ResourceArn"]).split(":", 5)[-1].partition("/")
        asked = any(tag["Key"] == INTERRUPT_TAG for tag in call.request["Tags"])
        if kind != "training-job" or not asked:
            return ""
        record = self._stores.training_jobs.get(call.scope, name)
        if record is not None and not record["EnableManagedSpotTraining"]:
            raise validation_error(
                f"The training job {name} is not a managed spot training job: nothing interrupts it."
            )
        if record is not None and record["TrainingJobStatus"] != "InProgress":
            raise validation_error(f"The training job {name} is in status {record['TrainingJobStatus']}.")
        return name

    def _existing(self, call: Call) -> Record:
        record = self._stores.training_jobs.get(call.scope, call.request["TrainingJobName"])
        if record is None:
            raise validation_error("Requested resource not found.")
        return record

    def _refuse_taken(self, call: Call) -> None:
        taken = self._stores.training_jobs.get(call.scope, call.request["TrainingJobName"])
        if taken is not None:
            raise resource_in_use(
                "Training job names must be unique within an AWS account and region, and a training job with this "
                f"name already exists ({taken['TrainingJobArn']})"
            )
