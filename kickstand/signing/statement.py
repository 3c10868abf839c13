"""What is signed: an in-toto statement about a release, with SLSA's provenance as its predicate; and who signed it.

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md, https://slsa.dev/spec/v1.0/provenance.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kickstand.errors import InputError, Problem
from kickstand.json_text import parse_json
from kickstand.names import partition
from kickstand.release.model import Release

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://slsa.dev/provenance/v1"
BUILD_TYPE = "urn:kickstand:sagemaker-xgboost-training-job:v1"
"""Names the meaning of externalParameters, which docs/signing.md describes."""
MODEL = "model.tar.gz"


def statement(release: Release, release_file: Path) -> dict[str, Any]:
    """The statement about a release as it stands in its file. Raises InputError where the file cannot be read."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": MODEL, "digest": {"sha256": release.artifact.sha256}, "uri": release.artifact.s3_uri},
            {
                "name": release_file.name,
                "digest": {"sha256": file_digest(release_file)},
                "annotations": {
                    "project": release.project,
                    "environment": release.environment,
                    "account": release.account,
                    "region": release.region,
                    "releaseSha256": release.sha256,
                },
            },
        ],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"buildDefinition": _definition(release), "runDetails": _run(release)},
    }


def payload(release: Release, release_file: Path) -> bytes:
    """The one text of the statement, as it is signed."""
    fields = statement(release, release_file)
    return json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def file_digest(release_file: Path) -> str:
    """SHA-256 (hex) of a release file: `sha256sum releases/ENV.json`.

    A checkout on Windows may end lines with CR LF; they count as they were written.
    """
    try:
        text = release_file.read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        message = f"The release cannot be read: {error.strerror or error}."
        raise InputError(Problem(message, str(release_file))) from None
    return hashlib.sha256(text).hexdigest()


def statement_problems(signed: bytes, release: Release, release_file: Path, where: str) -> Iterator[Problem]:
    """Why a signed payload is not about this release: each digest that is another one. where: the signature file."""
    try:
        found = parse_json(signed)
        types = (found["_type"], found["predicateType"])
        subjects = {str(one["name"]): str(one["digest"]["sha256"]) for one in found["subject"]}
    except (ValueError, LookupError, TypeError, RecursionError):
        yield Problem("The signed payload is no in-toto statement about files.", where, resign(release))
        return
    if types != (STATEMENT_TYPE, PREDICATE_TYPE):
        wanted_types = f"{STATEMENT_TYPE} with {PREDICATE_TYPE}"
        message = f"The signed statement is {' with '.join(map(str, types))}; it must be {wanted_types}."
        yield Problem(message, where, resign(release))
    wanted = {MODEL: release.artifact.sha256, release_file.name: file_digest(release_file)}
    for name, digest in wanted.items():
        if name not in subjects:
            message = f"The signature is not about {name}; it is about {', '.join(subjects) or 'nothing'}."
            yield Problem(message, where, resign(release))
        elif subjects[name] != digest:
            what = "another model" if name == MODEL else "another release, or the release was changed since"
            message = f"The signature is about {what}: {name} was {subjects[name]} when it was signed and is {digest}."
            yield Problem(message, where, resign(release))


def resign(release: Release) -> str:
    """What to do where the release is right and its signature is not."""
    return f"If the release is right, sign it: kickstand release sign {release.environment}"


def _definition(release: Release) -> dict[str, Any]:
    job = release.training_job
    return {
        "buildType": BUILD_TYPE,
        "externalParameters": {
            "algorithm": {"name": release.algorithm.name, "version": release.algorithm.version},
            "hyperparameters": dict(release.hyperparameters),
            "targetTransform": release.target_transform,
            "channels": {
                one.name: {
                    "contentType": one.content_type,
                    "sha256": one.sha256,
                    "rows": one.rows,
                    "columns": one.columns,
                }
                for one in release.channels
            },
        },
        "internalParameters": {"instanceType": job.instance_type, "instanceCount": job.instance_count},
        "resolvedDependencies": list(_dependencies(release)),
    }


def _dependencies(release: Release) -> Iterator[dict[str, Any]]:
    for channel in release.channels:
        yield {"name": channel.name, "uri": channel.s3_uri, "digest": {"sha256": channel.sha256}}
        for file in channel.files:
            yield {
                "name": f"{channel.name}/{file.name}",
                "uri": f"{channel.s3_uri}{file.name}",
                "digest": {"sha256": file.sha256},
            }
    # SageMaker names its images by tag: there is no digest to tell.
    yield {"name": "image", "uri": f"docker://{release.algorithm.image_uri}"}
    commit, changes, _ = release.source_commit.partition("+changes")
    if commit:
        source: dict[str, Any] = {"name": "source", "digest": {"gitCommit": commit}}
        yield source | ({"annotations": {"uncommittedChanges": True}} if changes else {})


def _run(release: Release) -> dict[str, Any]:
    job, golden, curve = release.training_job, release.golden_rows, release.learning_curve
    byproducts: list[dict[str, Any]] = [{"name": "golden-rows", "digest": {"sha256": golden.sha256}}]
    if curve is not None:
        byproducts.append({"name": "learning-curve", "uri": curve.s3_uri, "digest": {"sha256": curve.sha256}})
    return {
        "builder": {"id": f"urn:aws:sagemaker:{partition(release.region)}:{release.region}"},
        "metadata": {"invocationId": job.arn, "startedOn": job.started, "finishedOn": job.ended},
        "byproducts": byproducts,
    }


@dataclass(frozen=True, slots=True)
class SignedBy:
    """A signature that fits the release and that is trusted."""

    key_id: str
    """SHA-256 of the public key's DER form; of a keyless signature: of its certificate's key."""
    name: str
    """The public key's file, or the identity that the certificate names."""
    algorithm: str = ""
    """`Ed25519`; empty for a keyless signature."""
    issuer: str = ""
    """Who vouched for the identity; empty for a key."""

    def sentence(self) -> str:
        """`signed by the key 3f2a9c… (Ed25519, keys/dev.pub)`, to go on behind a release's name."""
        if self.issuer:
            return f"signed by {self.name}, for whom {self.issuer} vouched"
        return f"signed by the key {self.key_id[:12]} ({self.algorithm}, {self.name})"
