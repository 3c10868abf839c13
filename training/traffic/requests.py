"""What is sent to an endpoint, and what its answers mean: InvokeEndpoint as signed bytes, errors by AWS's codes."""

from __future__ import annotations

import math
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import parse_json
from training.prediction.batches import PAYLOAD_LIMIT
from training.prediction.endpoint_client import rows_of
from training.traffic.connections import Address, HttpAnswer
from training.traffic.sender import Outcome

if TYPE_CHECKING:
    import boto3

    from kickstand.release.model import GoldenRows

GOLDEN_EVERY = 10
"""One request in so many begins with a golden row."""

_TOLERANCE = 1e-5
"""Between a golden prediction and an answer: both are float32, and machines add in their own order."""

_LONGEST_CODE = 60

_VARIANT = "x-amzn-invoked-production-variant"


@dataclass(frozen=True, slots=True)
class Body:
    """The rows of one request. golden: what the release's model answers to its first row, where that is known."""

    content: bytes
    rows: int
    golden: tuple[float, ...] = ()


def make_bodies(rows: Sequence[str], golden: GoldenRows, *, rows_per_request: int) -> list[Body]:
    """Bodies for one turn through the rows, to be sent again and again.

    rows: CSV text of features. golden: with its rows; where there are any, they are the first row of each tenth body.
    Raises InputError for a body over the payload limit.
    """
    answers = [one if isinstance(one, tuple) else (one,) for one in golden.predictions]
    known = dict(zip(golden.rows, answers, strict=True))
    source, leading, bodies = cycle(rows), cycle(golden.rows), []
    for number in range(max(math.ceil(len(rows) / rows_per_request), GOLDEN_EVERY * len(known))):
        lines = list(islice(source, rows_per_request))
        if known and number % GOLDEN_EVERY == 0:
            lines[0] = next(leading)
        content = "".join(f"{line}\n" for line in lines).encode()
        if len(content) > PAYLOAD_LIMIT:
            message = f"{rows_per_request:,} rows are {len(content):,} bytes; an endpoint takes {PAYLOAD_LIMIT:,}."
            raise InputError(Problem(message, "--rows-per-request", "Send fewer rows in a request."))
        bodies.append(Body(content, len(lines), known.get(lines[0], ())))
    return bodies


class Invocation:
    """InvokeEndpoint of one endpoint, as requests signed with a session's credentials."""

    def __init__(self, session: boto3.Session, endpoint: str) -> None:
        """No request is made. Raises InputError where a proxy stands between here and AWS."""
        from botocore.auth import SigV4Auth
        from botocore.utils import get_environ_proxies

        url = session.client("sagemaker-runtime").meta.endpoint_url
        proxies = get_environ_proxies(url)  # NO_PROXY is among them, as "no"
        if proxies.get(urlsplit(url).scheme) or proxies.get("all"):
            message = "HTTPS_PROXY names a proxy: the latencies would be the proxy's."
            fix = "Send traffic from a machine that reaches AWS directly, or name the host in NO_PROXY."
            raise InputError(Problem(message, url, fix))
        self._session, self._signer = session, SigV4Auth
        self._url = f"{url}/endpoints/{quote(endpoint, safe='')}/invocations"
        parts = urlsplit(self._url)
        self._path, self._host = parts.path, parts.netloc
        secure = parts.scheme == "https"
        self.address = Address(
            str(parts.hostname), parts.port or (443 if secure else 80), _trusting(session) if secure else None
        )

    def signed(self, body: Body) -> bytes:
        """The bytes of a request. Its signature holds for five minutes."""
        from botocore.awsrequest import AWSRequest

        credentials = self._session.get_credentials()
        assert credentials is not None
        headers = {"Content-Type": "text/csv", "Accept": "text/csv"}
        request = AWSRequest(method="POST", url=self._url, data=body.content, headers=headers)
        self._signer(credentials.get_frozen_credentials(), "sagemaker", self._session.region_name).add_auth(request)
        lines = [f"POST {self._path} HTTP/1.1", f"Host: {self._host}", f"Content-Length: {len(body.content)}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        return "\r\n".join((*lines, "", "")).encode() + body.content


def _trusting(session: boto3.Session) -> ssl.SSLContext:
    """A TLS context with the authorities that boto3 would trust: AWS_CA_BUNDLE, the profile's, else botocore's own."""
    from botocore.httpsession import get_cert_path
    from botocore.session import Session

    core = Session(profile=None if session.profile_name == "default" else session.profile_name)
    bundle = core.get_config_variable("ca_bundle") or get_cert_path(True)
    try:
        return ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise KickstandError(Problem(f"The certificates cannot be read: {error}.", str(bundle))) from error


def outcome_of(answer: HttpAnswer, body: Body) -> Outcome:
    """What an answer to a body means: an error's kind, or who answered and with which model.

    An answer that is not one finite number a row, or the same count of them for each class, is an error too.
    """
    if answer.status != 200:
        return Outcome(_error(answer), answer.headers.get(_VARIANT, ""))
    variant = answer.headers.get(_VARIANT, "")
    try:
        values = list(_numbers(answer, body))
    except (ValueError, KickstandError):
        return Outcome("answer without numbers", variant)
    if len(values) != body.rows:
        return Outcome("answer of another length", variant)
    if not all(math.isfinite(value) for row in values for value in row):
        return Outcome("answer not finite", variant)
    return Outcome("", variant, _model(values[0], body.golden) if body.golden else "")


def _numbers(answer: HttpAnswer, body: Body) -> Iterator[tuple[float, ...]]:
    for row in rows_of(answer.body, "csv", body.rows):
        yield tuple(float(value) for value in row.split(","))


def _model(found: tuple[float, ...], golden: tuple[float, ...]) -> str:
    same = len(found) == len(golden) and all(
        math.isclose(one, other, rel_tol=_TOLERANCE, abs_tol=1e-6) for one, other in zip(found, golden, strict=True)
    )
    return "released" if same else "another"


def _error(answer: HttpAnswer) -> str:
    """`ThrottlingException`; `ModelError 500`, with the status of the container; `HTTP 502` where no code is named.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html#API_runtime_InvokeEndpoint_Errors
    """
    try:
        fields: Any = parse_json(answer.body)
    except ValueError:
        fields = {}
    fields = fields if isinstance(fields, dict) else {}
    code = answer.headers.get("x-amzn-errortype") or fields.get("code") or fields.get("__type") or ""
    name = str(code).split(":")[0].rpartition("#")[2][:_LONGEST_CODE]
    if not name:
        return f"HTTP {answer.status}"
    original = fields.get("OriginalStatusCode")
    return f"{name} {original}" if isinstance(original, int) else name
