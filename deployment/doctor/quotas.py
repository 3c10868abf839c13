"""Whether the account may have the instances that the environment asks for; a new account's quota can be 0."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployment.doctor.finding import Finding
from kickstand.config.operation import instance_bounds
from kickstand.workspace import Workspace

if TYPE_CHECKING:
    from mypy_boto3_service_quotas import ServiceQuotasClient

    from kickstand.config.model import Environment


_TOTAL = "Number of instances across"
"""How the names of quotas begin that count the instances of all types."""


@dataclass(frozen=True, slots=True)
class Need:
    """Instances of one type for one use.

    quota: its name in Service Quotas, where codes are random and names are not.
    count: what it takes to run. better: what it takes to change while it runs.
    account_wide: the quota counts instances of every type, of everything in the account and region.
    """

    use: str
    quota: str
    count: int
    better: int
    account_wide: bool = False


@dataclass(frozen=True, slots=True)
class Quota:
    """What the account has: Service Quotas' code, how many, and whether AWS gives more on request."""

    code: str
    value: float
    adjustable: bool


def needs(environment: Environment) -> tuple[Need, ...]:
    """The instances of an environment, each by its type and in the account's total of all types.

    An update of an endpoint runs the new fleet beside the old one, each as large as autoscaling may have made it.
    https://docs.aws.amazon.com/general/latest/gr/sagemaker.html#limits_sagemaker
    """
    training, hosting, transform = environment.training, environment.hosting, environment.transform
    job = "spot training job" if training.spot else "training job"
    _, most = instance_bounds(hosting.scaling, hosting.instances)
    uses = (
        ("training", training.instance_type, training.instance_count, f"{job} usage", f"all {job}s", 1),
        ("endpoint", hosting.instance_type, most, "endpoint usage", "active endpoints", 2),
        (
            "transform",
            transform.instance_type,
            transform.instance_count,
            "transform job usage",
            "all transform jobs",
            1,
        ),
    )
    return tuple(
        need
        for use, kind, count, usage, everything, fleets in uses
        for need in (
            Need(use, f"{kind} for {usage}", count, fleets * count),
            Need(f"all {use}", f"{_TOTAL} {everything}", count, fleets * count, account_wide=True),
        )
    )


def quota_findings(workspace: Workspace) -> Iterator[Finding]:
    """Compare each need with the account's quota."""
    wanted = needs(workspace.environment)
    found = find_quotas(workspace.session.client("service-quotas"), {need.quota for need in wanted})
    for need in wanted:
        yield quota_verdict(need, found.get(need.quota), workspace.aws_options)


def find_quotas(client: ServiceQuotasClient, names: Iterable[str]) -> Mapping[str, Quota]:
    """The quotas of SageMaker with these names, as far as there are any.

    An account's own values come first; for quotas that were never applied to it AWS lists the default alone. The
    lists are long (thousands of quotas): reading ends when all names are found.
    https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_ListServiceQuotas.html
    """
    left, found = set(names), {}
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        if not left:
            break
        for page in client.get_paginator(operation).paginate(ServiceCode="sagemaker"):
            for one in page["Quotas"]:
                if one["QuotaName"] in left:
                    left.remove(one["QuotaName"])
                    found[one["QuotaName"]] = Quota(one["QuotaCode"], one["Value"], one["Adjustable"])
            if not left:
                break
    return found


def quota_verdict(need: Need, quota: Quota | None, place: str) -> Finding:
    """place: the options with which the `aws` command reaches the environment."""
    name = f"quota: {need.use}"
    if quota is None:
        return Finding(
            name,
            "warning",
            f'Service Quotas knows no "{need.quota}".',
            "Ask AWS Support what the account may run."
            if need.account_wide
            else "Check the instance type; if it is right, ask AWS Support for its quota.",
        )
    sentence = f"{need.quota}: {quota.value:g}; the environment takes {need.count}"
    if quota.value < need.count:
        return Finding(name, "problem", f"{sentence}.", _request(need, quota, place))
    if quota.value < need.better:
        found = f"{sentence}, and {need.better} while it is updated."
        return Finding(name, "warning", found, _request(need, quota, place))
    return Finding(name, "ok", f"{sentence}.")


def _request(need: Need, quota: Quota, place: str) -> str:
    other = "take fewer instances" if need.account_wide else "choose another instance type"
    if not quota.adjustable:
        return f"AWS does not raise this quota: {other}."
    return (
        "Run: aws service-quotas request-service-quota-increase --service-code sagemaker "
        f"--quota-code {quota.code} --desired-value {need.better} {place} (or {other})"
    )
