"""What a promotion stands on: the pipeline, the role that pulls the model, the key that signs, who is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kickstand.aws_errors import AWS_FAILURES, DENIED, error_code
from promotion.doctor.finding import Finding
from promotion.doctor.patient import Patient
from promotion.doctor.stacks import stack_status

if TYPE_CHECKING:
    from kickstand.config.model import Environment
    from promotion.signing.public_key import PublicKey
    from promotion.signing.verify import Trust


def pipeline_findings(environment: Environment) -> Iterator[Finding]:
    """Whether the pipeline's roles trust the subjects that GitHub issues; nothing where there is no pipeline."""
    from kickstand.github import IMMUTABLE_SINCE, Repository

    repository = Repository.of(environment.pipeline)
    if repository is None:
        return
    if repository.is_immutable:
        yield Finding("pipeline", "ok", f"Its roles trust {repository.environment_subject(environment.name)} alone.")
        return
    found = (
        f"Its roles trust {repository.environment_subject(environment.name)}, a name without GitHub's ids. "
        f"A repository created, renamed or transferred since {IMMUTABLE_SINCE} sends ids, and is given no role; "
        "of an older one, whoever gets the name gets the roles."
    )
    fix = (
        "Give [pipeline] owner_id and repository_id: kickstand init --github. "
        f"Then: kickstand deploy {environment.name} --pipeline"
    )
    yield Finding("pipeline", "warning", found, fix)


def promotion_findings(patient: Patient) -> Iterator[Finding]:
    """The release role, where the environment takes models from another, and the signing of its releases."""
    if patient.environment.promotes_from is None:
        yield Finding("release role", "ok", "None is needed: the environment takes its models from no other.")
    else:
        yield _release_role(patient)
    yield _signing(patient)


def _release_role(patient: Patient) -> Finding:
    """Whether these credentials may act as the role: only who promotes needs to."""
    from kickstand.session import role_session

    name, arn = "release role", patient.names.release_role_arn
    deploy = patient.typed(f"deploy {patient.environment.name}")
    if stack_status(patient.session, patient.names.training_stack) is None:
        return Finding(name, "ok", f"The training stack makes it: {deploy}")
    try:
        role_session(patient.environment, patient.session, arn, name="kickstand-doctor")
    except AWS_FAILURES as error:
        if error_code(error) not in DENIED:
            raise
        policy = patient.names.managed_policy("promoter")
        return Finding(
            name,
            "skipped",
            f"These credentials may not act as {arn}, or it is not there.",
            f"Only who promotes needs it: by the policy {policy}. Where promotes_from is new: {deploy}",
        )
    return Finding(name, "ok", f"These credentials may act as {arn}.")


def _signing(patient: Patient) -> Finding:
    from promotion.signing.sign import can_sign, signing_key
    from promotion.signing.verify import trust_of

    environment, signing = patient.environment, patient.environment.signing
    if not can_sign(signing) and not signing.required:
        return Finding("signing", "ok", "Releases are not signed, and need not be.")
    trust = trust_of(signing, environment.where("signing.public_keys"))
    if signing.private_key is not None and not signing.private_key.exists():
        return Finding(
            "signing",
            "skipped",
            f"The key that signs is not on this machine: {signing.private_key}. Trusted: {trust.sentence()}.",
            "Only who fits or promotes needs it.",
        )
    return signing_verdict(signing_key(environment, patient.session), trust)


def signing_verdict(key: PublicKey | None, trust: Trust) -> Finding:
    """key: the public half of what signs; None where a keyless identity does, or nothing."""
    if key is not None and key.id not in {one.id for one in trust.keys}:
        return Finding(
            "signing",
            "problem",
            f"The key that signs, {key.id[:12]}, is not trusted here; trusted: {trust.sentence()}.",
            "Name its public half in [signing] public_keys: kickstand release public-key ENV prints it.",
        )
    signs = f"the key {key.id[:12]}" if key is not None else "a keyless identity" if trust.identity else "nobody here"
    return Finding("signing", "ok", f"Signed by {signs}; trusted: {trust.sentence()}.")
