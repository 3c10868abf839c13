"""The operations on jobs of every kind: create, describe, list, stop; and the tag that interrupts a spot job."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.sagemaker.api.call import Call, resource_in_use, validation_error
from localcloud.sagemaker.jobs.kind import INTERRUPT_TAG, TRAINING, JobRules
from localcloud.sagemaker.jobs.runs import JobRuns
from localcloud.sagemaker.listing import Listing, Tags
from localcloud.sagemaker.store import Events, Record, Stores


class Jobs:
    """The operations on the jobs of one kind; `runs` does the work."""

    def __init__(
        self, rules: JobRules, stores: Stores, runs: JobRuns, tags: Tags, events: Events, *, clock: Callable[[], float]
    ) -> None:
        self._rules, self._kind, self._runs = rules, rules.kind, runs
        self._lock, self._table = stores.lock, stores.table(rules.kind.table)
        self._tags, self._events, self._clock = tags, events, clock
        self._listing = Listing(f"{self._kind.noun}Summaries", self._kind.name, self._kind.status)

    def operations(self) -> dict[str, Callable[[Call], dict[str, Any]]]:
        """Each operation by its name."""
        noun = self._kind.noun
        return {
            f"Create{noun}": self.create,
            f"Describe{noun}": self.describe,
            f"List{noun}s": self.list_jobs,
            f"Stop{noun}": self.stop,
        }

    def create(self, call: Call) -> dict[str, Any]:
        scope, request, kind = call.scope, call.request, self._kind
        name = request[kind.name]
        self._rules.admit(call)
        self._refuse_taken(call)
        order = self._rules.order(call)
        with self._lock:
            self._refuse_taken(call)
            record = self._rules.new(scope, request, self._clock())
            self._table.put(scope, name, record)
            self._tags.put(scope, record[kind.arn], request.get("Tags", ()))
        self._events.job(kind, scope, record)
        self._runs.start(scope, name, order)
        return {kind.arn: record[kind.arn]}

    def describe(self, call: Call) -> Record:
        return self._existing(call)

    def list_jobs(self, call: Call) -> dict[str, Any]:
        return self._listing.page_of(self._table.all(call.scope), call.request)

    def stop(self, call: Call) -> dict[str, Any]:
        record = self._existing(call)
        if self._kind.has_ended(record):
            raise validation_error(
                f"The request was rejected because the {self._kind.title} is in status {record[self._kind.status]}."
            )
        self._runs.stop(call.scope, record[self._kind.name])
        return {}

    def _existing(self, call: Call) -> Record:
        name = call.request[self._kind.name]
        record = self._table.get(call.scope, name)
        if record is None:
            raise validation_error(self._rules.absent(name))
        return record

    def _refuse_taken(self, call: Call) -> None:
        taken = self._table.get(call.scope, call.request[self._kind.name])
        if taken is not None:
            raise resource_in_use(self._rules.taken(taken[self._kind.arn]))


class Interruptions:
    """AddTags. The tag `kickstand:interrupt` on a spot job takes its instances away, as AWS does at will."""

    def __init__(self, stores: Stores, runs: JobRuns, tags: Tags) -> None:
        self._stores, self._runs, self._tags = stores, runs, tags

    def add_tags(self, call: Call) -> dict[str, Any]:
        name = self._to_interrupt(call)
        answer = self._tags.add_tags(call)
        if name:
            self._runs.interrupt(call.scope, name)
        return answer

    def _to_interrupt(self, call: Call) -> str:
        resource, _, name = str(call.request["ResourceArn"]).split(":", 5)[-1].partition("/")
        tagged = any(tag["Key"] == INTERRUPT_TAG for tag in call.request["Tags"])
        if resource != TRAINING.resource or not tagged:
            return ""
        record = self._stores.training_jobs.get(call.scope, name)
        if record is not None and not record["EnableManagedSpotTraining"]:
            raise validation_error(
                f"The training job {name} is not a managed spot training job: nothing interrupts it."
            )
        if record is not None and record["TrainingJobStatus"] != "InProgress":
            raise validation_error(f"The training job {name} is in status {record['TrainingJobStatus']}.")
        return name
