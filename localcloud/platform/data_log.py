"""The data log of a transform job: what became of each input file, beside what the container prints.

https://docs.aws.amazon.com/sagemaker/latest/dg/logging-cloudwatch.html: `<job>/<instance>-<epoch>/data-log`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from localcloud.platform.log_stream import LogStream

LOG_GROUP = "/aws/sagemaker/TransformJobs"


class DataLog:
    """Writes one data log. stream: the container's log stream."""

    def __init__(self, stream: str, environment: Callable[[], Mapping[str, str]]) -> None:
        self._log = LogStream(LOG_GROUP, f"{stream}/data-log", environment)

    def write(self, text: str) -> None:
        now = datetime.now(UTC)
        self._log.write(f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}:[sagemaker logs]: {text}")

    def close(self) -> None:
        self._log.close()
