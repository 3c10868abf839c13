"""What a training job reports while it runs, as values and as the JSON lines that cross the process border."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal["status", "log", "metric", "finished"]
Outcome = Literal["Completed", "Failed", "Stopped"]


@dataclass(frozen=True, slots=True)
class TrainingEvent:
    """One report of a training job.

    time:             seconds since the epoch.
    kind:             "status" (secondary_status and message are set), "log" (message is one line of the job's log, as
                      CloudWatch shows it), "metric" (metric is set), "finished" (outcome is set; always the last).
    secondary_status: as in SecondaryStatusTransitions: Starting, Downloading, Training, Interrupted, Uploading,
                      Stopping, Completed, Failed, Stopped, MaxRuntimeExceeded, MaxWaitTimeExceeded.
    metric:           name and value, as in FinalMetricDataList.
    failure_reason:   SageMaker's FailureReason, at most 1,024 characters; empty unless the outcome is Failed.
    artifact:         S3 URI of model.tar.gz; empty where there is none.
    output:           S3 URI of output.tar.gz; empty where the job left no output data.
    training_seconds: on "finished", the seconds from the start of Downloading to the end: BillableTimeInSeconds.
    """

    time: float
    kind: Kind
    secondary_status: str = ""
    message: str = ""
    metric: tuple[str, float] | None = None
    outcome: Outcome | None = None
    failure_reason: str = ""
    artifact: str = ""
    output: str = ""
    training_seconds: int = 0

    def to_line(self) -> str:
        """This event as one JSON line, without the fields that are at their defaults."""
        return json.dumps({name: value for name, value in asdict(self).items() if value not in ("", None, 0)}) + "\n"

    @classmethod
    def from_line(cls, line: str | bytes) -> TrainingEvent:
        """The event of a line that `to_line` wrote. Raises ValueError for anything else."""
        fields: dict[str, Any] = json.loads(line)
        if not isinstance(fields, dict) or "kind" not in fields:
            raise ValueError("not a training event")
        if fields.get("metric"):
            name, value = fields["metric"]
            fields["metric"] = (str(name), float(value))
        return cls(**fields)
