"""What doctor says of the pipeline's repository and of the key that signs."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from samples import environment
from workspaces import workspace

from deployment.deploy import deploy_pipeline
from deployment.doctor.roles import pipeline_findings, signing_verdict
from kickstand.config.promotion import Pipeline
from kickstand.signing.keyless import Identity
from kickstand.signing.public_key import PublicKey, read_public_keys
from kickstand.signing.verify import Trust


def key(folder: Path, name: str) -> PublicKey:
    path = folder / f"{name}.pub"
    public = Ed25519PrivateKey.generate().public_key()
    path.write_bytes(public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    (read,) = read_public_keys((path,), "kickstand.toml:9")
    return read


def test_a_trusted_key_is_good(tmp_path: Path) -> None:
    own = key(tmp_path, "own")
    found = signing_verdict(own, Trust((own,)))
    assert (found.status, found.found[:29]) == ("ok", f"Signed by the key {own.id[:11]}")


def test_a_key_that_is_not_trusted_is_told_with_those_that_are(tmp_path: Path) -> None:
    own, other = key(tmp_path, "own"), key(tmp_path, "other")
    found = signing_verdict(own, Trust((other,)))
    assert found.status == "problem"
    assert found.found == (
        f"The key that signs, {own.id[:12]}, is not trusted here; trusted: the key {other.id[:12]} ({other.place})."
    )


def test_without_a_key_the_identity_signs_or_nobody() -> None:
    identity = Identity("ana@example.com", "https://accounts.google.com")
    assert signing_verdict(None, Trust((), identity)).found.startswith("Signed by a keyless identity; trusted: ana@")
    assert signing_verdict(None, Trust(())).found == "Signed by nobody here; trusted: nobody."


def test_a_pipeline_without_githubs_ids_is_warned_of_by_name() -> None:
    (found,) = pipeline_findings(environment(pipeline=Pipeline(repository="rides/bikes")))
    assert (found.name, found.status) == ("pipeline", "warning")
    assert found.found.startswith("Its roles trust repo:rides/bikes:environment:dev, a name without GitHub's ids.")
    assert found.fix == (
        "Give [pipeline] owner_id and repository_id: kickstand init --github. Then: kickstand deploy dev --pipeline"
    )


def test_a_pipeline_with_ids_is_good_and_without_a_pipeline_there_is_nothing_to_say() -> None:
    with_ids = Pipeline(repository="rides/bikes", owner_id=123456, repository_id=456789)
    (found,) = pipeline_findings(environment(pipeline=with_ids))
    assert (found.status, found.found) == (
        "ok",
        "Its roles trust repo:rides@123456/bikes@456789:environment:dev alone.",
    )
    assert list(pipeline_findings(environment())) == []


@pytest.mark.parametrize(
    ("pipeline", "warned"),
    [
        (Pipeline(repository="rides/bikes"), True),
        (Pipeline(repository="rides/bikes", owner_id=123456, repository_id=456789), False),
    ],
)
def test_who_deploys_the_roles_is_warned_too(monkeypatch: pytest.MonkeyPatch, pipeline: Pipeline, warned: bool) -> None:
    said: list[str] = []
    ran: list[str] = []
    monkeypatch.setattr("deployment.deploy.refuse_without_bootstrap", lambda workspace: None)
    opened = workspace(of=environment(pipeline=pipeline))
    cdk = SimpleNamespace(workspace=opened, built=None, run=lambda *words: ran.extend(words))
    deploy_pipeline(cdk, said.append, prompt=True, may_bootstrap=False)  # type: ignore[arg-type]
    assert ran[:2] == ["deploy", "dev-pipeline/*"]
    assert [line.partition(",")[0] for line in said] == (
        ["warning: Its roles trust repo:rides/bikes:environment:dev"] if warned else []
    )
