"""One captured request as a line of JSON, and the key of the object that such lines lie in.

The form is that of the guide's example: `data` is always a text, `eventVersion` too, and times are whole seconds of
UTC. https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import base64
import random
import time
import uuid
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from typing import NamedTuple

from localcloud.sagemaker.capture.configuration import CaptureRules


class Exchange(NamedTuple):
    """A request that a model has answered, with an error or without.

    at: when it was answered, seconds since 1970. custom_attributes, inference_id: of the request; empty for none.
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


class Recorder:
    """Makes the records of a capture, in a third of the time of `json.dumps`: it is done for each request."""

    def __init__(self, rules: CaptureRules) -> None:
        self._rules = rules
        self._input = lru_cache(_CONTENT_TYPES)(lambda content_type: self._head("INPUT", content_type))
        self._output = lru_cache(_CONTENT_TYPES)(lambda content_type: self._head("OUTPUT", content_type))

    def line(self, exchange: Exchange) -> bytes:
        """The record of an exchange, with the newline at its end."""
        data, rules = [], self._rules
        if rules.takes_input:
            data.append(f'"endpointInput":{_side(*self._input(exchange.content_type), exchange.body)}')
        if rules.takes_output:
            data.append(f'"endpointOutput":{_side(*self._output(exchange.answer_type), exchange.answer)}')
        event = f'"eventId":"{_event_id()}"'
        if exchange.custom_attributes:
            event += f',"customAttributes":[{quoted(exchange.custom_attributes)}]'
        if exchange.inference_id:
            event += f',"inferenceId":{quoted(exchange.inference_id)}'
        event += f',"inferenceTime":"{_second(int(exchange.at))}"'
        text = f'{{"captureData":{{{",".join(data)}}},"eventMetadata":{{{event}}},"eventVersion":"0"}}\n'
        return text.encode()

    def _head(self, mode: str, content_type: str | None) -> tuple[str, str]:
        """What stands before the data of a content type, and its encoding."""
        observed = "" if content_type is None else f'"observedContentType":{quoted(content_type)},'
        return f'{{{observed}"mode":"{mode}","data":', self._rules.encoding(content_type)


_CONTENT_TYPES = 64
"""That are known by heart: callers may send any."""


def _side(head: str, encoding: str, data: bytes) -> str:
    """`endpointInput` or `endpointOutput`. What is no UTF-8 has no text, whatever its content type says."""
    if encoding != "BASE64":
        try:
            return f'{head}{quoted(data.decode("utf-8"))},"encoding":"{encoding}"}}'
        except UnicodeDecodeError:
            pass
    return f'{head}"{base64.b64encode(data).decode("ascii")}","encoding":"BASE64"}}'


def _event_id() -> str:
    """A random UUID (version 4). It is no secret, so no random bytes of the system's are asked for."""
    bits = f"{random.getrandbits(122):032x}"
    return f"{bits[2:10]}-{bits[10:14]}-4{bits[14:17]}-{'89ab'[int(bits[1], 16) & 3]}{bits[17:20]}-{bits[20:]}"


@lru_cache(4)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(second))


def hour_of(moment: float) -> str:
    """The folder of an hour: `2026/11/29/14`."""
    return _hour(int(moment) // 3600)


@lru_cache(4)
def _hour(hour: int) -> str:
    return time.strftime("%Y/%m/%d/%H", time.gmtime(hour * 3600))


def object_key(prefix: str, endpoint: str, variant: str, first: float) -> str:
    """The key of an object: its hour, minute, second and millisecond are those of its first request.

    `PREFIX/ENDPOINT/VARIANT/2026/11/29/14/51-15-820-UUID.jsonl`
    """
    name = time.strftime("%M-%S", time.gmtime(first)) + f"-{int(first * 1000) % 1000:03d}-{uuid.uuid4()}.jsonl"
    return "/".join([*([prefix] if prefix else []), endpoint, variant, hour_of(first), name])
