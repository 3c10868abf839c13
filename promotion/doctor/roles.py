"""Roles that the organisation has made itself: there, in this account, and open to the service that takes them on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from kickstand.config.arn import parse_arn
from promotion.doctor.finding import Finding
from promotion.doctor.patient import Patient

if TYPE_CHECKING:
    from kickstand.config.model import Environment


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


def role_findings(patient: Patient) -> Iterator[Finding]:
    """Each existing role of `[roles]`, and the permissions boundary."""
    environment = patient.environment
    wanted = services_of(environment)
    iam = patient.session.client("iam")
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


def _trust(iam: Any, arn: str) -> Mapping[str, Any] | None:
    try:
        role = iam.get_role(RoleName=_name(arn))["Role"]
    except iam.exceptions.NoSuchEntityException:
        return None
    trust: Mapping[str, Any] = role["AssumeRolePolicyDocument"]
    # The same name can stand under another path: that is another role.
    return trust if role["Arn"] == arn else None


def _boundary(iam: Any, arn: str) -> Finding:
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
