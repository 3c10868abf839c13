"""InvokeEndpoint with what a long run needs: retries of throttling, errors that name lines, answers read row by row.

Answers are read as the built-in XGBoost writes them for each Accept.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from kickstand.errors import InputError, KickstandError, Problem
from training.data.csv.float_text import delimiter_of
from training.prediction.batches import PAYLOAD_LIMIT, Batch, row_problems

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient


Accept = Literal["csv", "json"]
MEDIA_TYPES: dict[Accept, str] = {"csv": "text/csv", "json": "application/json"}


def rows_of(body: bytes, accept: Accept, expected: int) -> list[str]:
    """One text a row, with the digits that the endpoint printed.

    csv:  each line of the body. Images 1.0-1 and 1.2-1 join a batch's answers with commas instead of
          newlines: told by one line that holds exactly the expected number of values.
    json: each member of `predictions`, as one line of JSON (JSON Lines); its
          numbers are re-written with the digits that give the same double.
    Raises KickstandError for a body that is neither.
    """
    text = body.decode("utf-8", "replace")
    if accept == "csv":
        rows = text.splitlines()
        if len(rows) == 1 and expected > 1:
            values = rows[0].split(",")
            return values if len(values) == expected else rows
        return rows
    try:
        predictions = json.loads(text)["predictions"]
        return [json.dumps(row) for row in predictions]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise KickstandError(
            Problem(f'Expected {{"predictions": [...]}} from the endpoint, found {text[:80]!r}.')
        ) from error


def to_original_units(row: str) -> str:
    """Undo `log1p` in a row of the csv form: `expm1` of each value, shortest digits that round-trip."""
    return ",".join(repr(math.expm1(float(value))) for value in row.split(","))


ATTEMPTS = 6
"""How often one batch is tried before the run fails; with the waits below, about half a minute."""

FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 10.0

RETRIED_CODES = frozenset(
    {"ThrottlingException", "Throttling", "TooManyRequestsException", "ServiceUnavailable", "InternalFailure",
     "InternalDependencyException", "InternalServerException", "ModelNotReadyException", "RequestTimeout"}
)  # fmt: skip


class EndpointClient:
    """One endpoint, as a function from a batch to its answers. Safe to call from many threads."""

    def __init__(
        self,
        client: SageMakerRuntimeClient,
        *,
        endpoint: str,
        accept: Accept,
        source: str,
        attempts: int = ATTEMPTS,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """client: a `sagemaker-runtime` client that makes no retries of its own. source: the input's name.

        attempts: how often one batch is tried; 1 to time a request.
        """
        self._client, self._endpoint, self._accept, self._source = client, endpoint, accept, source
        self._attempts = attempts
        self._sleep, self._jitter = sleep, jitter

    def __call__(self, batch: Batch) -> list[str]:
        """The answers to a batch, one a row.

        Throttling, 5xx and lost connections are tried again with growing waits. Raises KickstandError
        that names the endpoint, or the lines that the model refused.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        from kickstand.aws.errors import is_transient

        if len(batch.body) > PAYLOAD_LIMIT:
            raise KickstandError(
                Problem(
                    f"A row of {len(batch.body):,} bytes is over the payload limit of {PAYLOAD_LIMIT:,}.",
                    self._lines(batch),
                )
            )
        for attempt in range(self._attempts):
            try:
                return self._invoke(batch)
            except ClientError as error:
                if attempt + 1 == self._attempts or not _is_passing(error):
                    raise self._explained(error, batch) from error
            except BotoCoreError as error:
                if attempt + 1 == self._attempts or not is_transient(error):
                    raise self._unreached(error) from error
            self._sleep(min(FIRST_WAIT_SECONDS * 2**attempt, LONGEST_WAIT_SECONDS) * (0.5 + self._jitter() / 2))
        raise AssertionError("the last attempt returns or raises")

    def _invoke(self, batch: Batch) -> list[str]:
        answer = self._client.invoke_endpoint(
            EndpointName=self._endpoint,
            ContentType="text/csv",
            Accept=MEDIA_TYPES[self._accept],
            Body=batch.body,
        )
        return rows_of(answer["Body"].read(), self._accept, batch.rows)

    def _explained(self, error: Any, batch: Batch) -> KickstandError:
        code = error.response["Error"]["Code"]
        if code == "ModelError":
            return self._refused(error, batch)
        if code in ("ValidationError", "ValidationException") and "not found" in str(error):
            return KickstandError(
                Problem(
                    error.response["Error"]["Message"],
                    f"endpoint {self._endpoint}",
                    "Deploy it first (kickstand deploy ENV), or check its name, account and region.",
                )
            )
        return self._unreached(error)

    def _refused(self, error: Any, batch: Batch) -> KickstandError:
        """What the container found wrong: the very cells where they can be found, else its own words."""
        first = batch.body.split(b"\n", 1)[0]
        delimiter = delimiter_of(first).encode()
        width = first.count(delimiter) + 1
        status = error.response.get("OriginalStatusCode", "")
        if status in (400, 415) and (
            faults := row_problems(batch.body, batch.first_line, self._source, delimiter=delimiter, width=width)
        ):
            return InputError(*faults)
        original = error.response.get("OriginalMessage") or error.response["Error"].get("Message", "")
        return KickstandError(
            Problem(
                f"The model refused these rows of {width} features ({status}): {' '.join(original.split())[:400]}",
                self._lines(batch),
                "Rows hold the features only, in the order of training, without the label.",
            )
        )

    def _unreached(self, error: Exception) -> KickstandError:
        from kickstand.aws.errors import aws_error

        return aws_error(error, doing="invoking the endpoint", where=f"endpoint {self._endpoint}")

    def _lines(self, batch: Batch) -> str:
        last = batch.first_line + batch.rows - 1
        return f"{self._source}:{batch.first_line}" + (f"-{last}" if last > batch.first_line else "")


def _is_passing(error: Any) -> bool:
    """Whether an error may pass by itself: throttling, a 5xx of the service or of the container."""
    code = error.response["Error"]["Code"]
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    original = error.response.get("OriginalStatusCode") or 0
    if code == "ModelError":
        return original in (429, 502, 503, 504)
    return code in RETRIED_CODES or status >= 500


def runtime_client(session: boto3.Session, *, parallel: int) -> Any:
    """A `sagemaker-runtime` client for `parallel` threads; retries are EndpointClient's."""
    from botocore.config import Config

    config = Config(
        max_pool_connections=parallel,
        retries={"total_max_attempts": 1, "mode": "standard"},
        read_timeout=70,  # SageMaker gives a container 60 s to answer
        connect_timeout=10,
    )
    return session.client("sagemaker-runtime", config=config)
