"""A request's Signature Version 4, read from its headers or its query and compared with the key's own secret.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from localcloud.ministack.door.core import Signature, sigv4

ALGORITHM = "AWS4-HMAC-SHA256"
CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
CHUNKS_AND_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EMPTY = hashlib.sha256(b"").hexdigest()

_HEADER = re.compile(rf"{ALGORITHM} +([A-Za-z]+=[^,=\s]+) *, *([A-Za-z]+=[^,=\s]+) *, *([A-Za-z]+=[^,=\s]+) *")
_QUERY_SIGNS = frozenset({"x-amz-credential", "x-amz-signature", "x-amz-algorithm", "awsaccesskeyid", "signature"})
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_HASH = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z")
_LONGEST = 7 * 24 * 3600
_ADVANCE = datetime.timedelta(minutes=15)


class RefusedError(Exception):
    """A request is not answered: the emulator's code for it, which each service words in its own way, and a message.

    status: for a code of S3's own; None where the code says it.
    """

    def __init__(self, code: str, message: str = "", status: int | None = None) -> None:
        self.code, self.message, self.status = code, message or code, status
        super().__init__(self.message)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request with a signature that was read and not compared yet."""

    method: str
    path: str
    """As it was sent, percent-encoded."""
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    """Names in lower case; a name that was sent several times has its values joined by commas."""
    signature: Signature
    presigned: bool

    @property
    def s3(self) -> bool:
        return bool(self.signature.service == "s3")

    @property
    def token(self) -> str:
        """The session token; empty where there is none."""
        if self.presigned:
            return self.query.get("X-Amz-Security-Token", [""])[0]
        return self.headers.get("x-amz-security-token", "")

    @property
    def payload(self) -> str:
        """What an S3 request says of its body: a digest, or one of S3's words. Of others: empty."""
        if not self.s3 or self.presigned:
            return sigv4.UNSIGNED_PAYLOAD if self.s3 else ""
        return self.headers.get("x-amz-content-sha256", "")

    def check_scope(self) -> None:
        """Raises RefusedError for a time, a date or a region that the signature cannot be of."""
        signature = self.signature
        made = _time(signature.amz_date)
        expires = self.query.get("X-Amz-Expires", [""])[0] if self.presigned else ""
        if expires:
            _check_expiry(made, expires)
        elif skewed := sigv4.request_time_failure(signature):
            raise RefusedError(*skewed)
        if signature.date_stamp != signature.amz_date[:8]:
            raise RefusedError(
                "CredentialDateMismatch",
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP.",
            )
        if not _REGION.fullmatch(signature.region):
            raise RefusedError("SignatureDoesNotMatch", "Credential should be scoped to a valid region.")
        signed = signature.signed_headers.split(";")
        unsigned = [name for name in self.headers if name.startswith("x-amz-") and name not in signed]
        if "host" not in signed or (self.s3 and not self.presigned and unsigned):
            missing = unsigned[0] if "host" in signed else "host"
            raise RefusedError("SignatureDoesNotMatch", f"'{missing}' must be a 'SignedHeader' in the signature.")
        if self.s3 and not _HASH.fullmatch(self.payload) and not _is_word(self.payload):
            raise RefusedError(
                "InvalidArgument",
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, "
                "STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 "
                "value.",
                400,
            )

    def check_signature(self, secret: str, body: bytes = b"") -> None:
        """Raises RefusedError where the signature is another than the one that the secret makes.

        body: of a service other than S3, whose signature has the body in it.
        """
        headers = self.headers
        if not self.s3 and headers.get("x-amz-content-sha256"):
            headers = {**headers, "x-amz-content-sha256": hashlib.sha256(body).hexdigest()}
        _, text = sigv4.header_signing_documents(
            self.signature, self.method, self.path, self.query, headers, body, presigned=self.presigned
        )
        if not hmac.compare_digest(_sign(self._key(secret), text), self.signature.signature):
            raise RefusedError("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH)

    def check_body(self, secret: str, body: bytes) -> None:
        """Raises RefusedError where the body of an S3 request is not the one that was signed."""
        if self.payload in (CHUNKS, CHUNKS_AND_TRAILER):
            if not self._chunks_match(self._key(secret), body):
                raise RefusedError("SignatureDoesNotMatch", sigv4.SIGNATURE_MISMATCH)
        elif not _is_word(self.payload) and hashlib.sha256(body).hexdigest() != self.payload:
            raise RefusedError(
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
                400,
            )

    def _key(self, secret: str) -> bytes:
        scope = self.signature
        return _signing_key(secret, scope.date_stamp, scope.region, scope.service)

    def _chunks_match(self, key: bytes, body: bytes) -> bool:
        """Whether each chunk has the signature that is chained from the one before, and the trailer has its own."""
        signature = self.signature
        place = f"{signature.amz_date}\n{signature.date_stamp}/{signature.region}/s3/aws4_request"
        previous, start = signature.signature, 0
        while (end := body.find(b"\r\n", start)) >= 0:
            found = re.fullmatch(rb"([0-9A-Fa-f]{1,8});chunk-signature=([0-9a-f]{64})", body[start:end])
            if found is None:
                return False
            size = int(found[1], 16)
            chunk = body[end + 2 : end + 2 + size]
            digest = hashlib.sha256(chunk).hexdigest()
            previous = _sign(key, f"{ALGORITHM}-PAYLOAD\n{place}\n{previous}\n{EMPTY}\n{digest}")
            if len(chunk) != size or not hmac.compare_digest(previous.encode(), found[2]):
                return False
            start = end + 2 + size
            if size == 0:
                return self.payload == CHUNKS or _trailer_matches(key, place, previous, body[start:])
            start += 2
        return False


def read_request(scope: Mapping[str, Any], headers: Mapping[str, str]) -> SignedRequest | None:
    """The signed request that an ASGI scope is; None for one that names no credentials at all.

    Raises RefusedError for a signature that cannot be read, of another kind, or given in two places.
    """
    query = parse_qs(scope.get("query_string", b"").decode("utf-8", "replace"), keep_blank_values=True)
    authorization = headers.get("authorization", "")
    in_query = [name for name in query if name.lower() in _QUERY_SIGNS]
    if not authorization and not in_query:
        return None
    if authorization and in_query:
        raise RefusedError("UnsupportedSignature", "Only one authorization mechanism is allowed.")
    if authorization:
        if not authorization.startswith(f"{ALGORITHM} "):
            raise RefusedError("UnsupportedSignature", f"Only {ALGORITHM} is supported.")
        found = _HEADER.fullmatch(authorization)
        fields = dict(part.split("=", 1) for part in found.groups()) if found else {}
        if set(fields) != {"Credential", "SignedHeaders", "Signature"}:
            raise RefusedError("IncompleteSignature", "Expected Credential, SignedHeaders and Signature, once each.")
    elif query.get("X-Amz-Algorithm") != [ALGORITHM]:
        raise RefusedError("UnsupportedSignature", f"Only {ALGORITHM} is supported.")
    elif any(len(values) > 1 for name, values in query.items() if name.lower().startswith("x-amz-")):
        raise RefusedError("IncompleteSignature", "A parameter of the signature was given more than once.")
    signature = sigv4.parse_header_signature(headers) if authorization else sigv4.parse_query_signature(query)
    if isinstance(signature, tuple):
        raise RefusedError(*signature)
    credential = fields["Credential"] if authorization else query.get("X-Amz-Credential", [""])[0]
    if not credential.endswith("/aws4_request"):
        message = "Credential should be scoped with a valid terminator: 'aws4_request'."
        raise RefusedError("SignatureDoesNotMatch", message)
    path = scope.get("raw_path") or scope["path"].encode()
    return SignedRequest(scope["method"], path.decode("latin-1"), query, headers, signature, not authorization)


def _is_word(payload: str) -> bool:
    """Whether it stands in the place of a digest."""
    return payload in (sigv4.UNSIGNED_PAYLOAD, TRAILER, CHUNKS, CHUNKS_AND_TRAILER)


@functools.lru_cache(maxsize=1024)
def _signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    return bytes(sigv4.derive_signing_key(secret, date, region, service))


def _time(amz_date: str) -> datetime.datetime:
    found = _DATE.fullmatch(amz_date)
    try:
        if found is None:
            raise ValueError(amz_date)
        year, month, day, hour, minute, second = map(int, found.groups())  # strptime takes five times as long
        return datetime.datetime(year, month, day, hour, minute, second, tzinfo=datetime.UTC)
    except ValueError:
        raise RefusedError("IncompleteSignature", "Date must be in ISO-8601 'basic format'.") from None


def _check_expiry(made: datetime.datetime, expires: str) -> None:
    if not expires.isascii() or not expires.isdigit() or not 1 <= int(expires[:9]) <= _LONGEST:
        raise RefusedError("AuthorizationQueryParametersError", "X-Amz-Expires must be less than a week.", 400)
    now = datetime.datetime.now(datetime.UTC)
    if now > made + datetime.timedelta(seconds=int(expires)) or made > now + _ADVANCE:
        raise RefusedError("RequestExpired", "Request has expired")


def _sign(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _trailer_matches(key: bytes, place: str, previous: str, trailer: bytes) -> bool:
    lines = trailer.removesuffix(b"\r\n\r\n").split(b"\r\n")
    name, _, given = lines[-1].partition(b":")
    if name.strip().lower() != b"x-amz-trailer-signature":
        return False
    digest = hashlib.sha256(b"".join(line + b"\n" for line in lines[:-1])).hexdigest()
    expected = _sign(key, f"{ALGORITHM}-TRAILER\n{place}\n{previous}\n{digest}")
    return hmac.compare_digest(expected.encode(), given.strip())
