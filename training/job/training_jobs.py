"""Training jobs of an account and region: look one up, stop one."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from kickstand.aws_errors import error_code, explained
from training.job.description import ENDED, JobDescription, parse_job
from training.job.execution import is_job_name
from training.job.transient import error_message


class TrainingJobs:
    """SageMaker's training jobs. sagemaker: a SageMaker client."""

    def __init__(self, sagemaker: Any) -> None:
        self._sagemaker = sagemaker

    def find(self, name: str) -> JobDescription | None:
        """A job; None where there is none of that name.

        Raises botocore's errors: who follows a job goes on through throttling.
        """
        if not is_job_name(name):
            return None
        try:
            return parse_job(self._sagemaker.describe_training_job(TrainingJobName=name))
        except ClientError as error:
            if error_code(error) in ("ValidationException", "ResourceNotFound") and _absent(error):
                return None
            raise

    def stop(self, name: str) -> bool:
        """Ask SageMaker to stop a job. False where there is none, or it has ended, or is stopping already."""
        with explained(f"stopping training job {name}"):
            job = self.find(name)
            if job is None or job.status in (*ENDED, "Stopping"):
                return False
            try:
                self._sagemaker.stop_training_job(TrainingJobName=name)
            except ClientError as error:
                # It ended between the two calls; SageMaker then names its status.
                if error_code(error) == "ValidationException":
                    return False
                raise
            return True


def _absent(error: ClientError) -> bool:
    """SageMaker answers `ValidationException` with `Requested resource not found.` for an unknown job."""
    message = error_message(error).lower()
    return "not found" in message or "could not find" in message or "does not exist" in message
