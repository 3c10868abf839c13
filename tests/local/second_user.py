"""What a second Unix user tries: `python second_user.py UID FOLDER PORT… PATH…` becomes that user and reports."""

from __future__ import annotations

import base64
import datetime
import encodings.idna  # noqa: F401 - for the names of hosts, which are looked up when it is somebody else
import hashlib
import hmac
import http.client
import json
import os
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ACCOUNT = "111122223333"
TARGETS = (
    "SageMaker.CreateTrainingJob",
    "SageMaker.ListModels",
    "AWSStepFunctions.StartExecution",
    "TrentService.ListKeys",
)
ACTIONS = ("ListUsers&Version=2010-05-08", "CreateStack&Version=2010-05-15", "GetCallerIdentity&Version=2011-06-15")
PATHS = (
    *("/", "/health", "/_ministack/health", "/_ministack/reset", "/_kickstand/status", "/2015-03-31/functions/"),
    *("/endpoints/e/invocations", "/invocations", "/ping", "/execution-parameters", "/models", "/latest/meta-data/"),
)
FILES = (
    *("root-secret", "server.json", "aws-credentials", "server.log", "tls/ca.pem", "tls/server.key", "services", "s3"),
)


def signed(
    port: int, key: str, secret: str, service: str, path: str, body: bytes, headers: dict[str, str]
) -> dict[str, str]:
    """Headers of a request with a Signature Version 4 by a guessed secret."""
    now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest()
    every = {**headers, "host": f"127.0.0.1:{port}", "x-amz-date": now, "x-amz-content-sha256": digest}
    names = sorted(every)
    canonical = "\n".join(["POST", path, "", *(f"{name}:{every[name]}" for name in names), "", ";".join(names), digest])
    scope = f"{now[:8]}/us-east-1/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    made = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        made = hmac.digest(made, part.encode(), hashlib.sha256)
    proof = hmac.new(made, text.encode(), hashlib.sha256).hexdigest()
    words = f"Credential={key}/{scope}, SignedHeaders={';'.join(names)}, Signature={proof}"
    return {**every, "authorization": f"AWS4-HMAC-SHA256 {words}"}


def asked(
    port: int, secure: bool, method: str, path: str, body: bytes, headers: dict[str, str]
) -> dict[str, Any] | None:
    """The answer to one request; None where there is none."""
    context = ssl._create_unverified_context()  # noqa: S323 - it cannot read the authority's certificate
    connection = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
        if secure
        else http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    )
    try:
        connection.request(method, path, body=body or None, headers=headers)
        answer = connection.getresponse()
        return {"request": f"{method} {path} {headers.get('x-amz-target', '')}", "status": answer.status,
                "text": answer.read(2000).decode("latin-1")}  # fmt: skip
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def requests(port: int) -> Iterator[tuple[str, str, bytes, dict[str, str]]]:
    """Everything that is tried at one port."""
    for path in PATHS:
        yield "GET", path, b"", {}
        yield "POST", path, b"1,2", {"content-type": "text/csv"}
    keys = ((ACCOUNT, "local"), (ACCOUNT, "test"), (ACCOUNT, ACCOUNT), ("test", "test"), ("000000000000", "test"))
    job = json.dumps({"TrainingJobName": "second-user", "Environment": {"LD_PRELOAD": "/tmp/x.so"}}).encode()
    for key, secret in keys:
        for target in TARGETS:
            service = {"SageMaker": "sagemaker", "AWSStepFunctions": "states"}.get(target.partition(".")[0], "kms")
            sent = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"}
            yield "POST", "/", job, signed(port, key, secret, service, "/", job, sent)
            yield "POST", "/", job, sent
        for action in ACTIONS:
            body = f"Action={action}".encode()
            sent = {"content-type": "application/x-www-form-urlencoded"}
            service = {"ListUsers": "iam", "CreateStack": "cloudformation"}.get(action.partition("&")[0], "sts")
            yield "POST", "/", body, signed(port, key, secret, service, "/", body, sent)
            yield "POST", "/", body, sent
    claims = {"iss": "https://token.actions.githubusercontent.com", "aud": "sts.amazonaws.com", "exp": 4102444800}
    token = f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()}.x"
    role = f"arn:aws:iam::{ACCOUNT}:role/deployer"
    form = f"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn={role}&RoleSessionName=me"
    yield (
        "POST",
        "/",
        f"{form}&WebIdentityToken={token}".encode(),
        {"content-type": "application/x-www-form-urlencoded"},
    )


def readable(path: Path) -> bytes:
    """What a file holds; empty where it may not be read."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def listable(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError:
        return []


def can_signal(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def connects(path: str) -> bool:
    """Whether a Unix socket takes a connection of this user's."""
    with socket.socket(socket.AF_UNIX) as end:
        try:
            end.connect(path)
        except OSError:
            return False
    return True


def processes() -> Iterator[tuple[int, str]]:
    """The local cloud's processes, each with its command line and what of its environment can be read."""
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            text = b" ".join(readable(folder / kind).replace(b"\0", b" ") for kind in ("cmdline", "environ"))
            if b"localcloud" in text:
                yield int(folder.name), text.decode("latin-1")


def main() -> None:
    user, folder = int(sys.argv[1]), Path(sys.argv[2])
    ports = [int(one) for one in sys.argv[3:] if one.isdigit()]
    paths = [one for one in sys.argv[3:] if not one.isdigit()]
    # What is imported by now stays; from here on root's folders, Python's own among them, may be out of reach.
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    seen = dict(processes())
    answers = [
        {"port": port, "secure": secure, **answer}
        for port in ports
        for request in requests(port)
        for secure in (True, False)
        if (answer := asked(port, secure, *request)) is not None
    ]
    report = {
        "uid": os.getuid(),
        "ports": ports,
        "sockets": paths,
        "connected": [path for path in paths if connects(path)],
        "read": [name for name in FILES if readable(folder / name)],
        "listed": listable(folder),
        "answers": answers,
        "signalled": [pid for pid in seen if can_signal(pid)],
        "command lines": list(seen.values()),
    }
    sys.stdout.write(json.dumps(report))


main()
