"""The rules between settings: what one setting demands of another in the same environment, and between environments."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from kickstand.config.free_tables import hyperparameters_fault, tags_fault
from kickstand.config.model import Environment, EnvironmentName
from kickstand.config.operation_rules import (
    CAPTURE_NEEDS,
    LIFETIME_SETTINGS,
    OPERATION_NEEDS,
    capture_problems,
    lifetime_problems,
    operation_problems,
)
from kickstand.config.promotion_rules import (
    gate_problems,
    pipeline_problems,
    repository_problems,
    signing_problems,
)
from kickstand.config.scaling_rules import SCALING_NEEDS, scaling_problems
from kickstand.config.values import parse_arn
from kickstand.errors import Problem
from kickstand.names import name_problems, partition


def environment_problems(environment: Environment, bad: frozenset[str]) -> Iterator[Problem]:
    """What is wrong between the settings of one environment.

    bad: dotted settings that were faulty by themselves and hold a stand-in here; rules that need one are passed over.
    """
    for rule in _RULES:
        if bad.isdisjoint(rule.needs):
            yield from rule.check(environment)
    for setting, lies_in_account in _ARNS.items():
        if bad.isdisjoint((setting, "account", "region")):
            yield from _arn_problems(environment, setting, lies_in_account)


def project_problems(environments: Mapping[EnvironmentName, Environment]) -> Iterator[Problem]:
    """What is wrong between the environments of a project."""
    for name, environment in environments.items():
        before = environment.promotes_from
        if before is None:
            continue
        if before not in environments:
            fix = f"Add [environments.{before}], or take promotes_from out."
            message = f'promotes_from names "{before}", which this file does not configure.'
            yield Problem(message, environment.where("promotes_from"), fix)
        elif name in _ancestors(name, environments):
            message = f"promotes_from of {name} leads back to {name}: a model could never get in."
            yield Problem(message, environment.where("promotes_from"), "The first environment has no promotes_from.")
        elif partition(environments[before].region) != partition(environment.region):
            here, there = partition(environment.region), partition(environments[before].region)
            message = (
                f"promotes_from of {name} ({here}) names {before} ({there}): nothing is copied between partitions."
            )
            fix = "Accounts of one partition cannot be given access to another's; use a project of its own there."
            yield Problem(message, environment.where("promotes_from"), fix)
    yield from pipeline_problems(environments)
    owners: dict[str, str] = {}
    for name, environment in environments.items():
        bucket = environment.storage.existing_bucket
        if bucket is None:
            continue
        if bucket in owners:
            message = f'existing_bucket "{bucket}" is the bucket of both {owners[bucket]} and {name}.'
            fix = "Each environment needs a bucket of its own: what one may write, the other would serve."
            yield Problem(message, environment.where("storage.existing_bucket"), fix)
        owners.setdefault(bucket, name)


def _ancestors(name: EnvironmentName, environments: Mapping[EnvironmentName, Environment]) -> set[str]:
    seen: set[str] = set()
    before = environments[name].promotes_from
    while before is not None and before in environments and before not in seen:
        seen.add(before)
        before = environments[before].promotes_from
    return seen


def _waiting(environment: Environment) -> Iterator[Problem]:
    training = environment.training
    if training.max_wait_seconds is None:
        return
    place = environment.where("training.max_wait_seconds")
    if not training.spot:
        yield Problem("max_wait_seconds is for spot training, which is off.", place, "Set spot = true, or take it out.")
    elif training.max_wait_seconds < training.max_runtime_seconds:
        message = (
            f"max_wait_seconds ({training.max_wait_seconds}) must be at least max_runtime_seconds "
            f"({training.max_runtime_seconds}): it is the wait for capacity and the training together."
        )
        yield Problem(message, place)


def _networks(environment: Environment) -> Iterator[Problem]:
    for table, settings in (("training", environment.training), ("hosting", environment.hosting)):
        if bool(settings.subnets) == bool(settings.security_group_ids):
            continue
        there, absent = ("subnets", "security_group_ids") if settings.subnets else ("security_group_ids", "subnets")
        message = f"[{table}] has {there} without {absent}; a VPC needs both."
        yield Problem(message, environment.where(f"{table}.{there}"), f"Add {absent}, or take {there} out.")


def _credentials(environment: Environment) -> Iterator[Problem]:
    if environment.profile is not None and environment.role_arn is not None:
        message = "profile and role_arn exclude each other."
        fix = "Keep one; a profile of ~/.aws/config may itself name a role_arn."
        yield Problem(message, environment.where("role_arn"), fix)


def _tables(environment: Environment) -> Iterator[Problem]:
    if fault := hyperparameters_fault(environment.hyperparameters):
        yield Problem(f"[hyperparameters] {fault[0]}.", environment.where("hyperparameters"), fault[1])
    if fault := tags_fault(environment.tags):
        yield Problem(f"[tags] {fault[0]}.", environment.where("tags"), fault[1])


def _arn_problems(environment: Environment, setting: str, lies_in_account: bool) -> Iterator[Problem]:
    """An ARN of another partition, of another region, or of another account where AWS takes no foreign one."""
    text = _setting(environment, setting)
    parts = parse_arn(text) if text else None
    if parts is None:
        return
    name, place = setting.rpartition(".")[2], environment.where(setting)
    if parts.partition != partition(environment.region):
        wanted = partition(environment.region)
        message = f"{name} is of partition {parts.partition}; {environment.region} is in {wanted}."
        yield Problem(message, place, f"Begin it with arn:{wanted}:")
    if parts.region and parts.region != environment.region:
        message = f"{name} is in {parts.region}, but {environment.name} is in {environment.region}."
        what = "A topic is reached from" if parts.service == "sns" else "A key works in"
        yield Problem(message, place, f"{what} its own region only: name one of {environment.region}.")
    if lies_in_account and parts.account not in (environment.account, "aws"):
        message = f"{name} is of account {parts.account}, but {environment.name} is in {environment.account}."
        fix = f"Name it in [environments.{environment.name}.{setting.partition('.')[0]}]." if "." in setting else ""
        yield Problem(message, place, fix)


def _setting(environment: Environment, dotted: str) -> str | None:
    value: object = environment
    for part in dotted.split("."):
        value = getattr(value, part)
    return value if isinstance(value, str) else None


class _Rule(NamedTuple):
    needs: tuple[str, ...]
    check: Callable[[Environment], Iterator[Problem]]


_RULES = (
    _Rule(("training.spot", "training.max_wait_seconds", "training.max_runtime_seconds"), _waiting),
    _Rule(
        (
            *("training.subnets", "training.security_group_ids"),
            *("hosting.subnets", "hosting.security_group_ids"),
        ),
        _networks,
    ),
    _Rule(OPERATION_NEEDS, operation_problems),
    _Rule(CAPTURE_NEEDS, capture_problems),
    _Rule(SCALING_NEEDS, scaling_problems),
    _Rule(LIFETIME_SETTINGS, lifetime_problems),
    _Rule(("profile", "role_arn"), _credentials),
    _Rule((), _tables),
    _Rule(
        (
            *("signing.required", "signing.private_key", "signing.kms_key_arn", "signing.keyless_identity"),
            *("signing.keyless_issuer", "signing.public_keys"),
        ),
        signing_problems,
    ),
    _Rule(
        (
            *("gates.metric", "gates.max_regression", "gates.max_slice_regression", "gates.slices"),
            "data.columns",
        ),
        gate_problems,
    ),
    _Rule(("pipeline.repository", "pipeline.owner_id", "pipeline.repository_id"), repository_problems),
    _Rule(("project", "account", "region", "storage.existing_bucket"), name_problems),
)
_ARNS = {
    "role_arn": True,
    "roles.training": True,
    "roles.hosting": True,
    "roles.trigger": True,
    "roles.permissions_boundary": True,
    "pipeline.oidc_provider_arn": True,
    "storage.kms_key_arn": False,
    "hosting.capture.kms_key_arn": False,
    "logs.kms_key_arn": False,
    "alerts.topic_arn": True,
    "signing.kms_key_arn": False,
}
"""Settings that are ARNs; whether what they name must lie in the environment's own account."""
