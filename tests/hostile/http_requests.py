"""Hostile HTTP: requests that are none, and bodies of signed ones that a service of the local cloud has to read.

`raw_requests` are bytes for any server; `bodies` are what a client with a good key may send.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

from hostile.damage import DEEP, ESCAPES, HUGE, mutants

_END = b"\r\n\r\n"
_JSON = "application/x-amz-json-1.1"
_FORM = "application/x-www-form-urlencoded; charset=utf-8"
DEEPER = 100_000
"""Brackets: more than a megabyte of stack has room for."""


def raw_requests(path: str, body: bytes, *, seed: int = 0, damaged: int = 12) -> dict[str, bytes]:
    """By name: what is sent on a connection of its own. path, body: of a good POST request. damaged: mutants of it."""
    where, length = path.encode(), b"Content-Length: %d" % len(body)

    def post(*headers: bytes, content: bytes = body, line: bytes = b"POST " + where + b" HTTP/1.1") -> bytes:
        return b"\r\n".join([line, b"Host: x", *headers]) + _END + content

    def chunked(content: bytes, *headers: bytes) -> bytes:
        return post(b"Transfer-Encoding: chunked", *headers, content=content)

    def get(target: bytes, *headers: bytes) -> bytes:
        return b"\r\n".join([b"GET " + target + b" HTTP/1.1", b"Host: x", *headers]) + _END

    good = post(length, b"Content-Type: text/csv")
    return {
        "nothing": b"",
        "line ends alone": b"\r\n" * 1_000,
        "zeros": bytes(4_096),
        "no request line": b"hello\r\n\r\n",
        "HTTP/0.9": b"GET /\r\n",
        "HTTP/9.9": good.replace(b"HTTP/1.1", b"HTTP/9.9"),
        "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        "TLS hello": bytes.fromhex("16030100a5010000a10303") + bytes(160),
        "escapes for a method": b"\x1b[2J " + where + b" HTTP/1.1" + _END,
        "method of 10,000": b"A" * 10_000 + b" / HTTP/1.1" + _END,
        "method in small letters": post(length, line=b"post " + where + b" HTTP/1.1"),
        "CONNECT": b"CONNECT x:443 HTTP/1.1\r\nHost: x" + _END,
        "TRACE": get(where).replace(b"GET", b"TRACE"),
        "target a star": get(b"*"),
        "target of a megabyte": get(b"/" + b"a" * 1_000_000),
        "target with an escape": get(b"/\x1b[2J"),
        "target with a bidirectional override": get("/\u202efdp".encode()),
        "target with zeros": get(b"/%00/%00"),
        "target with broken percents": get(b"/%zz%1/%"),
        "target that climbs": get(b"/../../../../etc/passwd"),
        "target that climbs in percents": get(b"/%2e%2e%2f%2e%2e%2fetc%2fpasswd"),
        "target of slashes": get(b"/" * 5_000),
        "query of 10,000 names": get(b"/?" + b"&".join(b"a%d=1" % number for number in range(10_000))),
        "authority of another": get(b"http://169.254.169.254/latest/meta-data/"),
        "no host": b"GET / HTTP/1.1" + _END,
        "two hosts": get(b"/", b"Host: y"),
        "host with an escape": get(b"/", b"Host: \x1b[2J"),
        "host that climbs": b"GET / HTTP/1.1\r\nHost: ../../x" + _END,
        "header of a megabyte": post(length, b"X: " + b"a" * 1_000_000),
        "10,000 headers": post(length, *(b"X-%d: 1" % number for number in range(10_000))),
        "header without a colon": post(length, b"colon"),
        "header with a zero": post(length, b"X: a\0b"),
        "header that is folded": post(length, b"X: a\r\n b"),
        "header without a name": post(length, b": a"),
        "name with a blank": post(b"Content-Length : 1"),
        "length negative": post(b"Content-Length: -1"),
        "length a word": post(b"Content-Length: many"),
        "length of 5,000 digits": post(b"Content-Length: " + HUGE.encode()),
        "length beyond the body": post(b"Content-Length: 1000000000000"),
        "length with a plus": post(b"Content-Length: +%d" % len(body)),
        "two lengths": post(length, b"Content-Length: 1"),
        "lengths in a list": post(b"Content-Length: 1, 2"),
        "length and chunks": post(length, b"Transfer-Encoding: chunked"),
        "chunks, and a request behind": chunked(b"0\r\n\r\n" + get(b"/admin"), b"Content-Length: 4"),
        "a request in the body": post(b"Content-Length: 0", content=get(b"/admin")),
        "coding twice": post(b"Transfer-Encoding: chunked, chunked", content=b"0\r\n\r\n"),
        "coding of others": post(b"Transfer-Encoding: xchunked", content=b"0\r\n\r\n"),
        "coding of a tab": post(b"Transfer-Encoding:\tchunked", content=b"0\r\n\r\n"),
        "chunk negative": chunked(b"-1\r\na\r\n0\r\n\r\n"),
        "chunk of 5,000 digits": chunked(HUGE.encode() + b"\r\na"),
        "chunk of words": chunked(b"many\r\na\r\n0\r\n\r\n"),
        "chunk without its end": chunked(b"5\r\nhelloX0\r\n\r\n"),
        "chunk that is cut": chunked(b"ffffffff\r\na"),
        "chunk with an extension of a megabyte": chunked(b"1;" + b"a" * 1_000_000 + b"\r\na\r\n0\r\n\r\n"),
        "10,000 chunks": chunked(b"1\r\n1\r\n" * 10_000 + b"0\r\n\r\n"),
        "trailers that are headers": chunked(b"0\r\nContent-Length: 5\r\nHost: y\r\n\r\n"),
        "upgrade to HTTP/2, cut": post(length, b"Connection: Upgrade", b"Upgrade: h2c", content=b""),
        "upgrade twice": post(length, b"Connection: Upgrade", b"Upgrade: h2c", b"Upgrade: websocket"),
        "websocket": get(where, b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"),
        "expectation of others": post(length, b"Expect: 200-maybe"),
        "content coded": post(length, b"Content-Encoding: gzip"),
        "range beyond": get(where, b"Range: bytes=" + HUGE.encode() + b"-"),
        "cookies of a megabyte": get(where, b"Cookie: " + b"a=b; " * 200_000),
        "credential of others": post(length, b"Authorization: Basic YTpi"),
        "credential of a megabyte": post(length, b"Authorization: AWS4-HMAC-SHA256 Credential=" + b"a/" * 500_000),
        "credential with an escape": post(length, b"Authorization: AWS4-HMAC-SHA256 Credential=\x1b[2J/a/b/c/d"),
        "a thousand requests at once": get(b"/none") * 1_000,
        "good, and junk behind": good + b"\x00\xff" * 1_000,
        "cut in its head": good[: len(good) // 3],
        "cut in its body": good[:-1],
        **mutants(good, damaged, seed),
    }


@dataclass(frozen=True)
class Body:
    """A request that is signed by a good key, and that no service can do anything with.

    headers: besides those of the signature.
    """

    name: str
    service: str
    content: bytes
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    target: str = "/"


_CALLS = {
    "CreateModel": ("sagemaker", "SageMaker.CreateModel"),
    "CreateTrainingJob": ("sagemaker", "SageMaker.CreateTrainingJob"),
    "CreateEndpointConfig": ("sagemaker", "SageMaker.CreateEndpointConfig"),
    "PutParameter": ("ssm", "AmazonSSM.PutParameter"),
    "PutLogEvents": ("logs", "Logs_20140328.PutLogEvents"),
    "CreateStateMachine": ("states", "AWSStepFunctions.CreateStateMachine"),
    "PutRule": ("events", "AWSEvents.PutRule"),
}
_DOCUMENTS = {
    "empty": b"",
    "no JSON": b"hello",
    "cut": b'{"ModelName": "a"',
    "null": b"null",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"1",
    "lists deep": b"[" * DEEPER,
    "objects deep": b'{"a":' * DEEPER,
    "whole and deep": b'{"Name":' + b"[" * DEEP + b"]" * DEEP + b"}",
    "NaN": b'{"Name": NaN}',
    "1e400": b'{"Name": 1e400}',
    "5,000 digits": b'{"Name": ' + HUGE.encode() + b"}",
    "half a character": b'{"Name": "\\ud800", "ModelName": "\\ud800"}',
    "not UTF-8": b'{"Name": "\xff\xfe"}',
    "zeros": bytes(1_000),
    "UTF-16": '{"Name": "a"}'.encode("utf-16"),
    "names that are escapes": b'{"\\u001b[2J": 1, "a\\u202eb": 2}',
    "100,000 names": b"{" + b",".join(b'"a%d":1' % number for number in range(100_000)) + b"}",
    "texts for lists": b'{"Name": [], "ModelName": {}, "PrimaryContainer": "x", "ProductionVariants": 5}',
}
_LAUGHS = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
_ENTITIES = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
_TEMPLATES = {
    "empty": "{}",
    "no template": "hello",
    "a list": "[]",
    "deep": '{"Resources": {"A": ' + "[" * DEEP + "]" * DEEP + "}}",
    "deeper": "[" * 50_000,
    "billion laughs": f"a0: &a0 lol\n{_LAUGHS}Resources: *a11\n",
    "a Python object": "Resources: !!python/object/apply:os.system ['touch owned']\n",
    "a type of nobody's": '{"Resources": {"A": {"Type": "Evil::Type::X"}}}',
    "references in a circle": '{"Resources": {"A": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": '
    '"B"}}}, "B": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Ref": "A"}}}}}',
    "a circle of its own": '{"Resources": {"A": {"Type": "AWS::SSM::Parameter", "DependsOn": "A"}}}',
    "resources a text": '{"Resources": "x"}',
    "a resource a number": '{"Resources": {"A": 5}}',
    "functions of nothing": '{"Resources": {"A": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": {"Fn::Join": '
    '5}, "Type": {"Fn::Sub": {}}}}}}',
}
_XML = {
    "empty": b"",
    "no XML": b"hello",
    "cut": b"<CompleteMultipartUpload><Part>",
    "billion laughs": f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "lol">{_ENTITIES}]><x>&a11;</x>'.encode(),
    "a file of the machine": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    b"<Tagging><TagSet><Tag><Key>&e;</Key><Value>1</Value></Tag></TagSet></Tagging>",
    "deep": b"<a>" * DEEPER,
    "not UTF-8": b"<Tagging>\xff\xfe</Tagging>",
}


def bodies(bucket: str) -> Iterator[Body]:
    """Every body, for every protocol. bucket: one that is there; nothing is put into it."""
    for call, (service, target) in _CALLS.items():
        for name, content in _DOCUMENTS.items():
            headers = {"Content-Type": _JSON, "X-Amz-Target": target}
            yield Body(f"{call}: {name}", service, content, headers)
    yield Body("no such operation", "sagemaker", b"{}", {"Content-Type": _JSON, "X-Amz-Target": "SageMaker.\u00ff"})
    yield Body("operation of a megabyte", "ssm", b"{}", {"Content-Type": _JSON, "X-Amz-Target": "A" * 60_000})
    for name, template in _TEMPLATES.items():
        yield _form("cloudformation", "CreateStack", f"template: {name}", StackName="hostile", TemplateBody=template)
    for name, text in ESCAPES.items():
        yield _form("iam", "CreateRole", f"role named {name}", RoleName=text, AssumeRolePolicyDocument="{}")
    policies = {"deep": "[" * DEEPER, "no JSON": "hello", "a list": "[]", "empty": ""}
    for name, policy in policies.items():
        yield _form("iam", "CreateRole", f"trust policy {name}", RoleName="hostile", AssumeRolePolicyDocument=policy)
        yield Body(f"bucket policy {name}", "s3", policy.encode(), {}, "PUT", f"/{bucket}?policy")
    for name, document in _XML.items():
        yield Body(f"tags: {name}", "s3", document, {}, "PUT", f"/{bucket}?tagging")
        yield Body(f"parts: {name}", "s3", document, {}, "POST", f"/{bucket}/key?uploadId=none")
        yield Body(f"deletions: {name}", "s3", document, {}, "POST", f"/{bucket}?delete")


def _form(service: str, action: str, name: str, **members: str) -> Body:
    version = {"iam": "2010-05-08", "cloudformation": "2010-05-15"}[service]
    fields = {"Action": action, "Version": version, **members}
    text = "&".join(f"{key}={quote(value, safe='')}" for key, value in fields.items())
    return Body(f"{action}: {name}", service, text.encode(), {"Content-Type": _FORM})
