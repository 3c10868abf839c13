"""Transform jobs of an account and region: look one up, stop one, read why one failed."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from kickstand.aws_errors import AWS_FAILURES, error_code, explained
from training.job.execution import is_job_name
from training.job.transient import error_message
from training.transform.description import ENDED, TransformDescription, parse_transform

LOG_GROUP = "/aws/sagemaker/TransformJobs"
_TAIL = 8
"""Lines of a failed job's data log that are shown."""


class TransformJobs:
    """SageMaker's transform jobs. sagemaker, logs: clients."""

    def __init__(self, sagemaker: Any, logs: Any) -> None:
        self._sagemaker, self._logs = sagemaker, logs

    def find(self, name: str) -> TransformDescription | None:
        """A job; None where there is none of that name. Raises botocore's errors."""
        if not is_job_name(name):
            return None
        try:
            return parse_transform(self._sagemaker.describe_transform_job(TransformJobName=name))
        except ClientError as error:
            if error_code(error) in ("ValidationException", "ResourceNotFound") and "not find" in error_message(error):
                return None
            raise

    def stop(self, name: str) -> bool:
        """Ask SageMaker to stop a job. False where there is none, or it has ended, or is stopping already."""
        with explained(f"stopping transform job {name}"):
            job = self.find(name)
            if job is None or job.status in (*ENDED, "Stopping"):
                return False
            try:
                self._sagemaker.stop_transform_job(TransformJobName=name)
            except ClientError as error:
                if error_code(error) == "ValidationException":  # it ended between the two calls
                    return False
                raise
            return True

    def last_lines(self, name: str) -> list[str]:
        """The end of a job's data log, which says what SageMaker's FailureReason only points at; may be empty."""
        found: list[str] = []
        try:
            streams = self._logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{name}/")
            for stream in streams["logStreams"]:
                if stream["logStreamName"].endswith("/data-log"):
                    events = self._logs.get_log_events(
                        logGroupName=LOG_GROUP, logStreamName=stream["logStreamName"], limit=_TAIL
                    )["events"]
                    found += [event["message"] for event in events]
        except AWS_FAILURES:
            return found  # the reason is told without them
        return found[-_TAIL:]
