"""A training job's failure on the platform's side, in the words of SageMaker's FailureReason."""

from __future__ import annotations

LONGEST_REASON = 1024
"""Characters that DescribeTrainingJob keeps (API reference, FailureReason)."""


class JobFailure(Exception):  # noqa: N818  it is what the job ends with, not an error of this program
    """A failure whose message is the FailureReason."""

    @property
    def reason(self) -> str:
        return shortened(str(self))


class JobStopped(Exception):  # noqa: N818
    """Somebody stopped the job before its program ran."""


def shortened(reason: str) -> str:
    """A reason cut to the length that SageMaker keeps."""
    return reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 3] + "..."


def program_failure(failure_text: str, exit_code: int, explanation: str = "") -> str:
    """The reason when the training program failed: what it wrote to output/failure, its exit code, and more."""
    code = exit_code if exit_code >= 0 else 128 - exit_code  # as a container's runtime reports a signal
    tail = f", exit code: {code}{explanation}"
    if not failure_text:
        return f"AlgorithmError: Exit Code: {code}{explanation}"
    head = f"AlgorithmError: {failure_text}"
    return (
        head + tail
        if len(head) + len(tail) <= LONGEST_REASON
        else head[: LONGEST_REASON - len(tail) - 3] + "..." + tail
    )
