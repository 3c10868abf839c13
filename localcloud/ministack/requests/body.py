"""Bodies that no service of AWS reads: refused at the door, by name, before ministack's services meet them.

ministack's services index what JSON they are given, whatever it is, and IAM's take any text for a name or a policy:
what AWS answers with a client's error was an internal error there, or made a record.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kickstand.json_text import JsonError, parse_json
from kickstand.text import cut, plain
from localcloud.ministack.requests.signature import RefusedError
from localcloud.sagemaker.api.service_model import matches, service_model

_DEEPEST_POLICY = 50
_SHOWN = 80
"""Characters of a value that a message repeats."""


def check_body(service: str, method: str, query: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> None:
    """Raises RefusedError for a body that the protocol of its service cannot read.

    service: that of the signature. query: of the URL. headers: names in small letters. body: the whole.
    """
    if "x-amz-target" in headers:
        _check_json(body)
    elif service == "s3" and method == "PUT" and "policy" in query:
        if not body:
            raise RefusedError("MissingRequestBodyError", "Request Body is empty", 400)
        _check_policy(body.decode("utf-8", "replace"), "MalformedPolicy", "Policies must be valid JSON")


def check_form(service: str, form: Mapping[str, str]) -> None:
    """Raises RefusedError for parameters of IAM that its API model does not take.

    form: the parameters of a request of the query protocol. Only texts are looked at, not lists and structures.
    Messages: https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html
    """
    if service != "iam" or form.get("Action") not in service_model("iam").operation_names:
        return
    shape = service_model("iam").operation_model(form["Action"]).input_shape
    for name, member in shape.members.items() if shape else ():
        value = form.get(name)
        if value is not None and member.type_name == "string":
            _check_text(name, value, member)


def _check_json(body: bytes) -> None:
    try:
        found = parse_json(body or b"{}")
    except JsonError as error:
        raise RefusedError("SerializationException", f"The request's body is not JSON: {error}", 400) from None
    if not isinstance(found, dict):
        raise RefusedError("SerializationException", "The request's body must be a JSON object", 400)


def _check_text(name: str, value: str, shape: Any) -> None:
    rules, found = shape.metadata, ""
    if not rules.get("min", 0) <= len(value) <= rules.get("max", len(value)):
        found = f"Member must have length between {rules.get('min', 0)} and {rules.get('max')}, inclusive"
    elif "pattern" in rules and not matches(rules["pattern"], value):
        found = f"Member must satisfy regular expression pattern: {rules['pattern']}"
    if found:
        shown = cut(plain(value), _SHOWN)
        message = f"1 validation error detected: Value '{shown}' at '{name[0].lower()}{name[1:]}' failed to satisfy "
        raise RefusedError("ValidationError", f"{message}constraint: {found}", 400)
    if shape.name == "policyDocumentType":
        _check_policy(value, "MalformedPolicyDocument", "This policy contains invalid Json")


def _check_policy(text: str, code: str, message: str) -> None:
    try:
        found = parse_json(text, deepest=_DEEPEST_POLICY)
    except JsonError:
        raise RefusedError(code, message, 400) from None
    if not isinstance(found, dict):
        raise RefusedError(code, message, 400)
