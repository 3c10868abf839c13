"""Roles that the organisation has made itself, and what a promotion needs: its pipeline, its role, its signing key.

A role must be there, in this account, and trust the service that assumes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from deployment.doctor.finding import Finding
from kickstand.aws.deployed import stack_status
from kickstand.aws.errors import AWS_FAILURES, DENIED, error_code
from kickstand.aws.github_oidc import IMMUTABLE_SINCE, Repository
from kickstand.aws.session import role_session
from kickstand.config.values import parse_arn
from kickstand.workspace import Workspace

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient

    from kickstand.config.model import Environment
    from kickstand.signing.public_key import PublicKey
    from kickstand.signing.verify import Trust


def pipeline_findings(environment: Environment) -> Iterator[Finding]:
    """Whether the pipeline's roles trust the subjects that GitHub issues; nothing where there is no pipeline."""
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


def promotion_findings(workspace: Workspace) -> Iterator[Finding]:
    """The release role, where the environment takes models from another, and the signing of its releases."""
    if workspace.environment.promotes_from is None:
        yield Finding("release role", "ok", "None is needed: the environment takes its models from no other.")
    else:
        yield _release_role(workspace)
    yield _signing(workspace)


def _release_role(workspace: Workspace) -> Finding:
    """Whether these credentials may act as the role: only who promotes needs to."""
    name, arn = "release role", workspace.names.release_role_arn
    deploy = workspace.command("deploy")
    if stack_status(workspace.session.client("cloudformation"), workspace.names.training_stack) is None:
        return Finding(name, "ok", f"The training stack makes it: {deploy}")
    try:
        role_session(workspace.environment, workspace.session, arn, name="kickstand-doctor")
    except AWS_FAILURES as error:
        if error_code(error) not in DENIED:
            raise
        policy = workspace.names.managed_policy("promoter")
        return Finding(
            name,
            "skipped",
            f"These credentials may not act as {arn}, or it is not there.",
            f"Only who promotes needs it: by the policy {policy}. Where promotes_from is new: {deploy}",
        )
    return Finding(name, "ok", f"These credentials may act as {arn}.")


def _signing(workspace: Workspace) -> Finding:
    from kickstand.signing.sign import can_sign, signing_key
    from kickstand.signing.verify import trust_of

    environment, signing = workspace.environment, workspace.environment.signing
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
    return signing_verdict(signing_key(environment, workspace.session), trust)


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


def services_of(environment: Environment) -> Mapping[str, tuple[str, ...]]:
    """The services that take each role of `[roles]` on, by its key there; roles that the stacks make are left out."""
    roles, training = environment.roles, environment.training
    starters = ["states.amazonaws.com"]
    starters += ["scheduler.amazonaws.com"] * (training.schedule is not None)
    starters += ["events.amazonaws.com"] * training.on_new_data
    services = {
        "training": ("sagemaker.amazonaws.com",),
        "hosting": ("sagemaker.amazonaws.com",),
        "trigger": tuple(starters),
    }
    return {key: wanted for key, wanted in services.items() if getattr(roles, key)}


def role_findings(workspace: Workspace) -> Iterator[Finding]:
    """Each existing role of `[roles]`, and the permissions boundary."""
    environment = workspace.environment
    wanted = services_of(environment)
    iam = workspace.session.client("iam")
    for key, services in wanted.items():
        arn = getattr(environment.roles, key)
        trust = _trust(iam, arn) if _account(arn) == environment.account else None
        yield role_verdict(key, arn, environment.account, trust, services)
    boundary = environment.roles.permissions_boundary
    if boundary:
        yield _boundary(iam, boundary)
    if not wanted and not boundary:
        yield Finding("roles", "ok", "The stacks make their own.")


def role_verdict(
    key: str, arn: str, account: str, trust: Mapping[str, Any] | None, services: tuple[str, ...]
) -> Finding:
    """trust: the role's trust policy; None where there is no such role in the account."""
    name = f"roles.{key}"
    if _account(arn) != account:
        return Finding(
            name,
            "problem",
            f"{arn} is in another account; AWS takes only roles of {account} here.",
            f"Name a role of {account} in [roles], or leave {key} out: the stack then makes one.",
        )
    if trust is None:
        return Finding(
            name, "problem", f"There is no role {arn}.", f"Make it, or leave {key} out: the stack then makes one."
        )
    missing = [service for service in services if not trusts(trust, service)]
    if missing:
        wanted = " and ".join(missing)
        return Finding(
            name,
            "problem",
            f"{arn} does not trust {wanted}.",
            f"Allow the principal {wanted} sts:AssumeRole in the role's trust policy: "
            f"aws iam update-assume-role-policy --role-name {_name(arn)} --policy-document file://trust.json",
        )
    return Finding(name, "ok", f"{arn} trusts {' and '.join(services)}.")


def trusts(policy: Mapping[str, Any], service: str) -> bool:
    """Whether a trust policy lets a service assume the role; conditions (whose source it must be) are not weighed."""
    statements = policy.get("Statement", [])
    statements = [statements] if isinstance(statements, Mapping) else statements
    matching = [one["Effect"] for one in statements if _concerns(one, service)]
    return "Allow" in matching and "Deny" not in matching


def _concerns(statement: Mapping[str, Any], service: str) -> bool:
    principal = statement.get("Principal", {})
    services = _several(principal.get("Service", ())) if isinstance(principal, Mapping) else ()
    actions = {action.lower() for action in _several(statement.get("Action", ()))}
    return service in services and bool(actions & {"sts:assumerole", "sts:*", "*"})


def _several(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _trust(iam: IAMClient, arn: str) -> Mapping[str, Any] | None:
    try:
        role = iam.get_role(RoleName=_name(arn))["Role"]
    except iam.exceptions.NoSuchEntityException:
        return None
    trust = cast("Mapping[str, Any]", role["AssumeRolePolicyDocument"])  # which botocore parses
    # The same name can stand under another path: that is another role.
    return trust if role["Arn"] == arn else None


def _boundary(iam: IAMClient, arn: str) -> Finding:
    name = "roles.permissions_boundary"
    try:
        iam.get_policy(PolicyArn=arn)
    except iam.exceptions.NoSuchEntityException:
        return Finding(name, "problem", f"There is no policy {arn}.", "Correct the ARN in [roles].")
    return Finding(name, "ok", f"{arn} is there.")


def _account(arn: str) -> str:
    parsed = parse_arn(arn)
    return parsed.account if parsed else ""


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]
