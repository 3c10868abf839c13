"""CloudWatch Logs of a job: lines of its programs, in batches and in order; and the data log of a transform job.

The data log says what became of each input file, beside what the container prints.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.jobs.events import inside_container
from localcloud.jobs.s3 import logs_client, reason_of

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.type_defs import InputLogEventTypeDef


_EVERY_SECONDS = 0.5
_MOST_EVENTS = 5_000
_MOST_BYTES = 900_000
_LONGEST_LINE = 200_000
"""PutLogEvents takes 10,000 events, 1 MiB and 256 KiB an event; these stay below."""
_UNSAVED = "InsufficientStorage"
"""The local cloud has the lines, and saves them when its disk has room again."""
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException")


def cloudwatch_line(line: str) -> str:
    """A line as CloudWatch shows SageMaker's logs: control characters as `#` and three octal digits."""
    return "".join(c if c >= " " else f"#{ord(c):03o}" for c in line)


class LogStream:
    """One log stream.

    environment: gives AWS_* with the role's credentials; asked again when they have expired.
    A role that may not write logs loses them, as on AWS; the first refusal is told on standard error.
    """

    def __init__(self, group: str, stream: str, environment: Callable[[], Mapping[str, str]]) -> None:
        self._group = group
        self._stream = stream
        self._environment = environment
        self._lines: queue.Queue[tuple[int, str] | None] = queue.Queue()
        self._client: CloudWatchLogsClient | None = None
        self._refused = False
        self._thread = threading.Thread(target=self._ship, name="log-stream", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Take one line; it is sent within about half a second."""
        shown = cloudwatch_line(inside_container(line))[:_LONGEST_LINE]
        self._lines.put((int(time.time() * 1000), shown or " "))

    def close(self, timeout: float = 10.0) -> None:
        """Send what is waiting and end; gives up after `timeout` seconds."""
        self._lines.put(None)
        self._thread.join(timeout)

    def close_late(self, line: str, seconds: float) -> None:
        """Send what is waiting and end; `line` follows that many seconds later, in the background.

        SageMaker's log agent sends what a container printed last when its endpoint is gone already. Where the group is
        gone too it is made again, if the role may.
        """

        def send() -> None:
            if not self._refused:
                self._put([{"timestamp": int(time.time() * 1000), "message": line}])

        self.close()
        timer = threading.Timer(seconds, send)
        timer.daemon = True
        timer.start()

    def _ship(self) -> None:
        more = True
        while more:
            batch, more = self._batch()
            if batch and not self._refused:
                self._put(batch)

    def _batch(self) -> tuple[list[InputLogEventTypeDef], bool]:
        """What came within half a second of its first line, and whether there may be more."""
        batch: list[InputLogEventTypeDef] = []
        size = 0
        deadline: float | None = None
        while len(batch) < _MOST_EVENTS and size < _MOST_BYTES - _LONGEST_LINE:
            try:
                item = self._lines.get(timeout=None if deadline is None else max(deadline - time.monotonic(), 0.001))
            except queue.Empty:
                break
            if item is None:
                return batch, False
            deadline = deadline or time.monotonic() + _EVERY_SECONDS
            batch.append({"timestamp": item[0], "message": item[1]})
            size += len(item[1].encode()) + 26
        return batch, True

    def _put(self, batch: list[InputLogEventTypeDef]) -> None:
        for attempt in range(3):
            try:
                if self._client is None:
                    self._client = logs_client(self._environment())
                    self._make_stream(self._client)
                try:
                    self._client.put_log_events(logGroupName=self._group, logStreamName=self._stream, logEvents=batch)
                except self._client.exceptions.ResourceNotFoundException:  # somebody deleted the group
                    self._make_stream(self._client)
                    continue
            except ClientError as error:
                if error.response["Error"]["Code"] == _UNSAVED:
                    return
                if attempt == 2 or error.response["Error"]["Code"] not in _EXPIRED:
                    self._refuse(reason_of(error))
                    return
                self._client = None
            except BotoCoreError as error:
                if attempt == 2:
                    _report_loss(f"{self._group} {self._stream}: {len(batch)} log lines lost: {error}")
            else:
                return

    def _make_stream(self, client: CloudWatchLogsClient) -> None:
        exists = client.exceptions.ResourceAlreadyExistsException
        try:
            client.create_log_stream(logGroupName=self._group, logStreamName=self._stream)
        except exists:
            return
        except client.exceptions.ResourceNotFoundException:
            with contextlib.suppress(exists):  # another job of this moment made it
                client.create_log_group(logGroupName=self._group)
            self._make_stream(client)

    def _refuse(self, reason: str) -> None:
        if not self._refused:
            _report_loss(f"No logs in {self._group}, stream {self._stream}: {reason}")
        self._refused = True


def _report_loss(line: str) -> None:
    """Write to standard error, which may be a file on a full disk: that must not end the stream."""
    with contextlib.suppress(OSError):
        sys.stderr.write(f"{line}\n")


TRANSFORM_LOG_GROUP = "/aws/sagemaker/TransformJobs"


class DataLog:
    """Writes one data log. stream: the container's log stream."""

    def __init__(self, stream: str, environment: Callable[[], Mapping[str, str]]) -> None:
        self._log = LogStream(TRANSFORM_LOG_GROUP, f"{stream}/data-log", environment)

    def write(self, text: str) -> None:
        now = datetime.now(UTC)
        self._log.write(f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}:[sagemaker logs]: {text}")

    def close(self) -> None:
        self._log.close()
