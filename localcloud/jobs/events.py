"""What a job reports while it runs, as values and as the JSON lines that cross the process border; and how it fails.

A failure is in the words of SageMaker's FailureReason.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
import tempfile
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

EventKind = Literal["status", "log", "metric", "finished"]
Outcome = Literal["Completed", "Failed", "Stopped"]


@dataclass(frozen=True, slots=True)
class JobEvent:
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
    kind: EventKind
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
    def from_line(cls, line: str | bytes) -> JobEvent:
        """The event of a line that `to_line` wrote. Raises ValueError for anything else."""
        fields: dict[str, Any] = json.loads(line)
        if not isinstance(fields, dict) or "kind" not in fields:
            raise ValueError("not a training event")
        if fields.get("metric"):
            name, value = fields["metric"]
            fields["metric"] = (str(name), float(value))
        return cls(**fields)


LONGEST_REASON = 1024
"""Characters that DescribeTrainingJob keeps (API reference, FailureReason)."""
_BEFORE_OPT_ML = re.compile(r"(?:/[^/\s'\"]+)+?(?=/opt/ml\b)")


_EXHAUSTED = (errno.ENOSPC, errno.EDQUOT, errno.ENOMEM, errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EFBIG)
_EXHAUSTED_TEXT = re.compile("|".join(re.escape(os.strerror(code)) for code in _EXHAUSTED) + "|MemoryError")


def is_exhausted(error: BaseException | None) -> bool:
    """Whether the machine had too little of something (disk, memory, files, processes), which may be otherwise later.

    A program that failed for it says so in its last lines, which are part of the error's text.
    """
    while error is not None:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _EXHAUSTED):
            return True
        if _EXHAUSTED_TEXT.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


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


def inside_container(text: str, folder: Path | None = None) -> str:
    """A text with `/opt/ml/…` for what is kept in a folder of this machine: the paths that a container sees.

    folder: the job's or the server's own, for a path whose folders have spaces in their names.
    """
    if "/opt/ml" not in text:
        return text
    return _BEFORE_OPT_ML.sub("", text.replace(f"{folder}/opt/ml", "/opt/ml") if folder else text)


def without_machine_paths(text: str, folder: Path | None = None) -> str:
    """A reason as its reader on another machine can be given it: no path of this machine.

    `/opt/ml/…` stands for what a container sees, `…/NAME` for any other file. folder: as for `inside_container`.
    """
    shown = inside_container(text, folder)
    if folder:
        shown = shown.replace(str(folder), "…")
    return _this_machine().sub(lambda found: f"…/{found[0].rstrip('/').rpartition('/')[2]}", shown)


@cache
def _this_machine() -> re.Pattern[str]:
    """Paths below the folders that this program, its Python and its user have things in."""
    here = (Path(__file__).resolve().parents[2], sys.prefix, sys.base_prefix, Path.home(), tempfile.gettempdir())
    roots = sorted({str(root) for root in here if len(Path(root).parts) > 1}, key=len, reverse=True)
    listed = "|".join(re.escape(root) for root in roots)
    return re.compile(rf"(?<![\w/.-])(?:{listed})(?:/[^\s'\":,;()]*)?")
