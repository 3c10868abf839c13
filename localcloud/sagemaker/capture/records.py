"""One captured request as a line of JSON, and the key of the object that such lines lie in.

The form is that of the guide's example: `data` is always a text, `eventVersion` too, and times are whole seconds of
UTC. https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import json
import time
import uuid
from typing import Any, NamedTuple

from localcloud.sagemaker.capture.configuration import CaptureRules

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
"""One encoder for all: `json.dumps` makes another one at each call with separators."""


class Exchange(NamedTuple):
    """A request that a model has answered, with an error or without.

    at: when the request came, seconds since 1970. custom_attributes, inference_id: of the request; empty for none.
    """

    at: float
    body: bytes
    content_type: str | None
    custom_attributes: str
    inference_id: str
    answer: bytes
    answer_type: str | None

    @property
    def size(self) -> int:
        return len(self.body) + len(self.answer)


def line(exchange: Exchange, rules: CaptureRules) -> bytes:
    """The record of an exchange, with the newline at its end."""
    data: dict[str, Any] = {}
    if rules.takes_input:
        data["endpointInput"] = _side("INPUT", exchange.body, exchange.content_type, rules)
    if rules.takes_output:
        data["endpointOutput"] = _side("OUTPUT", exchange.answer, exchange.answer_type, rules)
    event: dict[str, Any] = {"eventId": str(uuid.uuid4())}
    if exchange.custom_attributes:
        event["customAttributes"] = [exchange.custom_attributes]
    if exchange.inference_id:
        event["inferenceId"] = exchange.inference_id
    event["inferenceTime"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(exchange.at))
    return (_encode({"captureData": data, "eventMetadata": event, "eventVersion": "0"}) + "\n").encode()


def _side(mode: str, data: bytes, content_type: str | None, rules: CaptureRules) -> dict[str, str]:
    """`endpointInput` or `endpointOutput`. What is no UTF-8 has no text, whatever its content type says."""
    encoding = rules.encoding(content_type)
    text = ""
    if encoding != "BASE64":
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            encoding = "BASE64"
    if encoding == "BASE64":
        text = base64.b64encode(data).decode("ascii")
    observed = {"observedContentType": content_type} if content_type is not None else {}
    return {**observed, "mode": mode, "data": text, "encoding": encoding}


def hour_of(moment: float) -> str:
    """The folder of an hour: `2026/11/29/14`."""
    return time.strftime("%Y/%m/%d/%H", time.gmtime(moment))


def object_key(prefix: str, endpoint: str, variant: str, first: float) -> str:
    """The key of an object: its hour, minute, second and millisecond are those of its first request.

    `PREFIX/ENDPOINT/VARIANT/2026/11/29/14/51-15-820-UUID.jsonl`
    """
    name = time.strftime("%M-%S", time.gmtime(first)) + f"-{int(first * 1000) % 1000:03d}-{uuid.uuid4()}.jsonl"
    return "/".join([*([prefix] if prefix else []), endpoint, variant, hour_of(first), name])
