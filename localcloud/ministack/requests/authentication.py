"""The door of the local cloud: no request passes it without the secret of the key that it names.

What the headers alone show is refused before the body is read. ministack checks the keys of users and sessions in
some of its services and no root's; here every request of every service is checked, in one place, before ministack.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs

from localcloud.ministack.door.core import Credential, emulator, iam_evaluator, responses, router, sigv4
from localcloud.ministack.door.names import correct
from localcloud.ministack.door.services import s3
from localcloud.ministack.registry import request_scope
from localcloud.ministack.requests.body import check_body, check_form
from localcloud.ministack.requests.signature import RefusedError, SignedRequest, read_request
from localcloud.root_keys import ACCOUNT, RootKeys

OPEN_PATH = "/_ministack/cfn-signal/"
"""Signals of wait conditions: their token is the credential, as with AWS's presigned URLs."""

UNCHECKED_BODY = 8 * 1024 * 1024
"""Bytes of a body that are read before its signature is known to be right: more than any request but S3's needs."""

_UNSIGNED_BODY = 64 * 1024
_LARGEST_OBJECT = 5 * 1024**3
_HASHED_AT_ONCE = 1024 * 1024
_ROOTS = 1024
"""Accounts whose root's credential is kept."""
_VERSIONS = {
    "2010-03-31": "sns",
    "2010-05-08": "iam",
    "2010-05-15": "cloudformation",
    "2010-08-01": "monitoring",
    "2011-06-15": "sts",
    "2012-11-05": "sqs",
    "2016-11-15": "ec2",
}
"""`Version` of a request of the query protocol: the service that it is meant for."""

Serve = Callable[[Any, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


def install(keys: RootKeys) -> None:
    """Give the roots of accounts their secrets, wherever ministack looks one up: for S3's presigned URLs and forms too.

    Once, before it starts. Its own root keys, such as `test`, are unknown.
    """
    unchecked = iam_evaluator.SESSION_TOKEN_NOT_CHECKED
    roots: dict[str, Any] = {}

    def resolve_credential(
        original: Callable[..., Any], access_key_id: str, account_id: str | None = None, session_token: Any = unchecked
    ) -> Any:
        if not ACCOUNT.fullmatch(access_key_id):
            if access_key_id and iam_evaluator.is_root_access_key(access_key_id):
                return iam_evaluator.unknown_access_key()
            return original(access_key_id, account_id, session_token)
        # A root's credential never changes, and each request needs it three times.
        plain = account_id == access_key_id and (session_token is unchecked or not session_token)
        if plain and access_key_id in roots:
            return roots[access_key_id]
        found = original(access_key_id, account_id, session_token)
        if isinstance(found, iam_evaluator.ResolvedCredential):
            found = replace(found, secret_access_key=keys.secret(access_key_id))
            if plain and len(roots) < _ROOTS:
                roots[access_key_id] = found
        return found

    correct(iam_evaluator.resolve_credential, resolve_credential)


class Authentication:
    """An ASGI application: hands on to another what is signed rightly, or may come unsigned, and refuses the rest."""

    def __init__(self, serve: Serve) -> None:
        self._serve = serve

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = _joined(scope["headers"])
        try:
            body = await _checked(scope, headers, receive)
        except RefusedError as refusal:
            await _refuse(scope, headers, refusal, emulator.with_date_header(send))
            return
        except _GoneError:
            return
        await self._serve(scope, receive if body is None else _again(body, receive), send)


async def _checked(scope: Any, headers: dict[str, str], receive: Any) -> bytes | None:
    """The body of a request that may pass; None where it was not read. Raises RefusedError for any other request."""
    if scope["method"] == "PUT" and scope["path"].startswith(OPEN_PATH):
        return await _read(headers, receive, _UNSIGNED_BODY)
    request = read_request(scope, headers)
    if request is None:
        return await _unsigned(scope, headers, receive)
    credential = _credential(request)
    request.check_scope()
    _check_service(request, scope["path"])
    secret = credential.secret_access_key
    if request.s3:
        # The signature has the body's digest in it: it is known to be right, or not, before the body is read.
        request.check_signature(secret)
        body = await _read(headers, receive, _LARGEST_OBJECT) if _has_body(scope, headers) else b""
        await _run(len(body), request.check_body, secret, body)
        check_body("s3", request.method, request.query, headers, body)
    else:
        body = await _read(headers, receive, UNCHECKED_BODY) if _has_body(scope, headers) else b""
        await _run(len(body), request.check_signature, secret, body)
        await _run(len(body), lambda _, whole: _check_meaning(request, whole), secret, body)
    return body if _has_body(scope, headers) else None


def _credential(request: SignedRequest) -> Credential:
    key = request.signature.access_key_id
    unknown = RefusedError("InvalidClientTokenId", "The security token included in the request is invalid.")
    if ACCOUNT.fullmatch(key):
        account: str | None = key
    elif iam_evaluator.is_root_access_key(key):
        raise unknown
    else:
        try:
            account = responses.account_from_sts_session(key) or iam_evaluator.find_iam_access_key_account(key)
        except iam_evaluator.AmbiguousAccessKeyError:
            account = None
    found = iam_evaluator.resolve_credential(key, account, request.token) if account else None
    if isinstance(found, iam_evaluator.ResolvedCredential):
        credential: Credential = found
        return credential
    if found is None or (found.code == "InvalidToken" and not request.token):
        raise unknown  # AWS knows no key of a session without its token
    raise RefusedError(found.code, found.message)


def _check_service(request: SignedRequest, path: str) -> None:
    """Raises RefusedError for a request to one service that is signed for another; of two that are not here, neither is
    asked: ministack's table of handlers says what is missing."""
    scoped = request.signature.service
    meant = router.detect_service(request.method, path, request.headers, request.query)
    if meant != scoped and {meant, scoped} & set(emulator.SERVICE_HANDLERS):
        raise RefusedError("SignatureDoesNotMatch", f"Credential should be scoped to correct service: '{meant}'.")


def _check_meaning(request: SignedRequest, body: bytes) -> None:
    """Raises RefusedError for an action of one service that is signed for another, and for what it cannot read."""
    service = request.signature.service
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        check_body(service, request.method, request.query, request.headers, body)
        return
    form = _form(body)
    meant = _VERSIONS.get(form.get("Version", ""), service)
    if meant != service:
        raise RefusedError("SignatureDoesNotMatch", f"Credential should be scoped to correct service: '{meant}'.")
    check_form(service, form)


async def _unsigned(scope: Any, headers: dict[str, str], receive: Any) -> bytes | None:
    """The body of a request that AWS answers without a signature. Raises RefusedError for every other one."""
    refusal = RefusedError("MissingAuthenticationToken", "Request is missing Authentication Token")
    host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    if host not in ("127.0.0.1", "localhost") or "x-amz-target" in headers:
        raise refusal
    if scope["method"] in ("GET", "HEAD") and not _has_body(scope, headers) and _is_public(scope["path"]):
        return None
    form = headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if scope["method"] == "POST" and scope["path"] == "/" and form and not scope["query_string"]:
        body = await _read(headers, receive, _UNSIGNED_BODY)
        given = _form(body)
        # The token that it carries is its credential: `sts_web_identity` checks whose it is.
        if (given.get("Action"), given.get("Version")) == ("AssumeRoleWithWebIdentity", "2011-06-15"):
            return body
    if scope["method"] == "POST" and headers.get("content-type", "").startswith("multipart/form-data"):
        body = await _read(headers, receive, UNCHECKED_BODY)
        # S3 compares the form's own signature.
        if s3.post_form_access_key_id(s3.parse_multipart_form(headers["content-type"], body)):
            return body
    raise refusal


def _is_public(path: str) -> bool:
    """Whether a path is of an object in a bucket whose policy lets everybody do something; ministack asks the policy
    about this object."""
    bucket, _, key = path.lstrip("/").partition("/")
    owner = s3.bucket_owner_account(bucket) if key else None
    if owner is None:
        return False
    with request_scope(owner, "us-east-1"):
        policy = s3.bucket_policies.get(bucket)
    try:
        statements = json.loads(policy).get("Statement", []) if isinstance(policy, str | bytes) else []
    except ValueError:
        return False
    found = [statements] if isinstance(statements, dict) else statements
    return any(
        one.get("Effect") == "Allow" and one.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]}) for one in found
    )


def _form(body: bytes) -> dict[str, str]:
    text = body.decode("utf-8", "replace")
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items() if len(values) == 1}


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), sigv4.decode_header_value(value)
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _has_body(scope: Any, headers: dict[str, str]) -> bool:
    return scope["method"] in ("POST", "PUT", "PATCH") or bool({"content-length", "transfer-encoding"} & set(headers))


class _GoneError(Exception):
    """The client left in the middle of its body."""


async def _read(headers: dict[str, str], receive: Any, most: int) -> bytes:
    """The body. Raises RefusedError for one of more than `most` bytes, without reading one that says so."""
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length[:20]) > most:
        raise RefusedError("RequestEntityTooLarge", f"Request must be smaller than {most} bytes.", 413)
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise _GoneError
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        if size > most:
            raise RefusedError("RequestEntityTooLarge", f"Request must be smaller than {most} bytes.", 413)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _run(size: int, check: Callable[[str, bytes], None], secret: str, body: bytes) -> None:
    if size > _HASHED_AT_ONCE:
        await asyncio.to_thread(check, secret, body)
    else:
        check(secret, body)


def _again(body: bytes, receive: Any) -> Callable[[], Awaitable[Any]]:
    """The body once more, for the application behind the door; after it what the client does next."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Any:
        return waiting.pop() if waiting else await receive()

    return give


async def _refuse(scope: Any, headers: dict[str, str], refusal: RefusedError, send: Any) -> None:
    """Answer in the protocol of the service that the request is meant for."""
    given = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"))
    service = router.detect_service(scope["method"], scope["path"], headers, given)
    if service == "unknown_query":
        service = "sts"
    denied = iam_evaluator.AuthError(refusal.code, refusal.message)
    status, answer, body = emulator.credential_failure(service, "", str(uuid.uuid4()), denied, headers)
    sent = {**answer, "x-amzn-requestid": str(uuid.uuid4()), "content-length": str(len(body))}
    if scope["method"] == "HEAD":
        body = b""
    pairs = [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in sent.items()]
    await send({"type": "http.response.start", "status": refusal.status or status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})
