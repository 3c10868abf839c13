"""Hostile signatures, reviews and assemblies, and what somebody else wrote into the model registry."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from functools import partial
from typing import Any

from hostile.case import Case, Stage, table
from hostile.damage import ESCAPES, HUGE, deep, mutants
from hostile.releases import JSON_TEXTS, Text

PUBLIC = """\
-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
"""


def signature_cases(seed: int, count: int) -> Iterator[Case]:
    def put(stage: Stage, content: bytes | str) -> None:
        stage.put("keys/dev.pub", PUBLIC)
        stage.project(lambda text: f'{text}[signing]\nrequired = true\npublic_keys = ["keys/dev.pub"]\n')
        stage.put("releases/dev.dsse.json", content)

    payload = base64.b64encode(b'{"subject": [{"name": "dev.json", "annotations": {"releaseSha256": "0"}}]}').decode()

    def envelope(**changes: Any) -> str:
        fields = {
            "payload": payload,
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"keyid": "0" * 64, "sig": "A" * 86 + "=="}],
            **changes,
        }
        return json.dumps(fields, ensure_ascii=False)

    def statement(text: str) -> str:
        return envelope(payload=base64.b64encode(text.encode("utf-8", "surrogatepass")).decode())

    inputs: dict[str, Text] = {
        **JSON_TEXTS,
        "nobody's": envelope(),
        "payload no text": envelope(payload=7),
        "payload no base64": envelope(payload="\x1b[2J"),
        "payload of a megabyte": lambda: envelope(payload="A" * 1_000_000),
        "payload deep": statement(deep("[", "]")),
        "payload deeper": lambda: statement("[" * 1_000_000),
        "payload of 5,000 digits": statement(f'{{"subject": {HUGE}}}'),
        "subject of escapes": statement(json.dumps({"subject": [{"name": "\x1b[2J\u202e"}]}, ensure_ascii=False)),
        "no signature": envelope(signatures=[]),
        "signatures no list": envelope(signatures="x"),
        "20,000 signatures": lambda: envelope(signatures=[{"keyid": str(n), "sig": "AA=="} for n in range(20_000)]),
        "signature no base64": envelope(signatures=[{"keyid": "0", "sig": "!!"}]),
        **{f"keyid {name}": envelope(signatures=[{"keyid": text, "sig": "AA=="}]) for name, text in ESCAPES.items()},
        **{f"type {name}": envelope(payloadType=text) for name, text in ESCAPES.items()},
        **mutants(envelope().encode(), count, seed),
    }
    for words in (("release", "verify", "dev"), ("verify", "dev")):
        names = inputs if words[0] == "release" else [name for name in inputs if name.startswith(("keyid", "payload"))]
        yield from table("signature", words, {f"{' '.join(words)}: {name}": inputs[name] for name in names}, put)

    def with_key(key: bytes | str, stage: Stage) -> None:
        put(stage, envelope())
        stage.put("keys/dev.pub", key)

    keys: dict[str, bytes | str] = {
        "empty": "",
        "zeros": bytes(100),
        "escape": "\x1b[2J",
        "a megabyte": "A" * 1_000_000,
        "private": PUBLIC.replace("PUBLIC", "PRIVATE"),
        "binary": bytes(range(256)),
    }
    for name, content in keys.items():
        yield Case(
            "signature",
            f"public key {name}",
            ("release", "verify", "dev"),
            partial(with_key, content),
        )


def review_cases(seed: int, count: int) -> Iterator[Case]:
    from reviews import bundle

    from review.bundle import bundle_json

    good = bundle_json(bundle())

    def sealed(**changes: Any) -> bytes:
        """By somebody who knows how a review is sealed."""
        import hashlib

        fields = {name: value for name, value in {**json.loads(good), **changes}.items() if name != "sha256"}
        text = (json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode(
            "utf-8", "surrogatepass"
        )
        fields["sha256"] = hashlib.sha256(text).hexdigest()
        return (json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False) + "\n").encode(
            "utf-8", "surrogatepass"
        )

    inputs: dict[str, Text] = {
        **JSON_TEXTS,
        "another project": sealed(project="wine"),
        "another environment": sealed(environment="staging"),
        "another account": sealed(account="999999999999"),
        "stacks none": sealed(infrastructure={}),
        "cost huge": sealed(cost={"before": 1e308}),
        "versions of escapes": sealed(project="wine", versions={"\x1b[2J": "\u202e"}),
        **{f"project {name}": sealed(project=text) for name, text in ESCAPES.items()},
        **{f"region {name}": sealed(region=text) for name, text in ESCAPES.items()},
        **mutants(good, count, seed),
    }
    yield from table(
        "review",
        ("deploy", "dev", "--reviewed", "review.json"),
        inputs,
        lambda stage, text: stage.put("review.json", text),
    )
    for name in ("lists a million deep", "5,000 digits", "NaN", "unknown field escape", "project escape"):
        yield from table(
            "assembly",
            ("deploy", "dev", "--yes", "--assembly", "out"),
            {f"manifest {name}": inputs[name]},
            lambda stage, text: stage.put("out/manifest.json", text),
        )


def _change_package(fields: dict[str, Any], stage: Stage) -> None:
    stage.account.package.update(fields)


def _change_job(fields: dict[str, Any], stage: Stage) -> None:
    stage.account.job.update(fields)


def approval_cases(seed: int, count: int) -> Iterator[Case]:
    """What somebody else wrote into the model registry, read by the gate of another."""
    for name, text in ESCAPES.items():
        for field in ("ApprovalDescription", "ModelApprovalStatus"):
            yield Case(
                "approval",
                f"{field} {name}",
                ("gate", "dev", "--only", "approval"),
                partial(_change_package, {field: f"arn:aws:iam::111122223333:user/eve: {text}"}),
                accepted=True,
            )
        yield Case(
            "approval",
            f"url {name}",
            ("gate", "dev", "--only", "approval"),
            partial(
                _change_package, {"InferenceSpecification": {"Containers": [{"Image": "x", "ModelDataUrl": text}]}}
            ),
            accepted=True,
        )
        yield Case(
            "approval",
            f"job failed because of {name}",
            ("adopt", "a-job", "dev"),
            partial(_change_job, {"TrainingJobStatus": "Failed", "FailureReason": text}),
        )
        yield Case(
            "approval",
            f"job of an image {name}",
            ("adopt", "a-job", "dev"),
            partial(_change_job, {"AlgorithmSpecification": {"TrainingImage": text}}),
        )
        yield Case("approval", f"word {name}", ("adopt", text.replace("\0", ""), text[:100_000]), lambda stage: None)
