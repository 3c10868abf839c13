"""The rules of the tables that promotion reads: `[signing]`, `[gates]`, `[pipeline]`; metric limits among them.

A limit of one of a release's metrics is written `validation:rmse <= 0.35`.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

from kickstand.config.model import Environment, EnvironmentName
from kickstand.config.rules import KEY, Fault, Rule, arn, between, column_name, data_path, each, shaped
from kickstand.errors import Problem

_SIGNS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"<=": operator.le, "<": operator.lt, ">=": operator.ge, ">": operator.gt}
)
_LIMIT = re.compile(r"\s*([^\s<>=]+)\s*(<=|>=|<|>)\s*([^\s<>=]+)\s*")
_METRIC = re.compile(r"[a-z]+:[A-Za-z0-9_.@+-]+")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_EXAMPLE = "Write it as validation:rmse <= 0.35, with <=, <, >= or >."


@dataclass(frozen=True, slots=True)
class MetricLimit:
    """One metric, and what it must be.

    metric: as a release names it, `validation:rmse`. sign: `<=`, `<`, `>=` or `>`. value: finite.
    """

    metric: str
    sign: str
    value: float

    def holds(self, figure: float) -> bool:
        """Whether a figure is within the limit. NaN never is."""
        return _SIGNS[self.sign](figure, self.value)

    @property
    def demand(self) -> str:
        """`<= 0.35`."""
        return f"{self.sign} {self.value!r}"


class LimitError(ValueError):
    """A text that is no limit. `fault`: what follows "the limit …" in a message, and how to fix it."""

    def __init__(self, fault: str, fix: str) -> None:
        self.fault, self.fix = fault, fix
        super().__init__(f"The limit {fault}. {fix}")


def parse_limit(text: str) -> MetricLimit:
    """The limit that a text writes. LimitError: it writes none."""
    found = _LIMIT.fullmatch(text)
    if found is None:
        raise LimitError(f'must be a metric, a sign and a number, not "{text}"', _EXAMPLE)
    metric, sign, number = found.groups()
    if not _METRIC.fullmatch(metric):
        raise LimitError(
            f'must name a metric as CHANNEL:METRIC, not "{metric}"', "For example validation:rmse, as a release does."
        )
    if not _NUMBER.fullmatch(number) or not math.isfinite(float(number)):
        raise LimitError(f'must end in a finite number, not "{number}"', _EXAMPLE)
    return MetricLimit(metric, sign, float(number))


def limit_fault(text: str) -> tuple[str, str] | None:
    """The rule of a setting: what is wrong with a text as a limit, and how to fix it; None where nothing is."""
    try:
        parse_limit(text)
    except LimitError as error:
        return error.fault, error.fix
    return None


TEST_METRICS = (
    *("original:rmsle", "original:rmse", "original:mae", "model:rmse", "model:mae"),
    *("model:logloss", "model:error", "model:mlogloss"),
)
"""What `kickstand evaluate` can report of a model on the test rows."""
_ISSUER = shaped(r"https://[\w.-]+(/[\w./-]*)?", 'the https URL of an OIDC issuer, "https://accounts.google.com"')


def tested_metric(value: str) -> Fault | None:
    """The name of a figure of the test rows."""
    if value in TEST_METRICS:
        return None
    near = get_close_matches(value, TEST_METRICS, n=2)
    fix = f"Did you mean {' or '.join(near)}?" if near else f"Known are {', '.join(TEST_METRICS)}."
    return f'names a metric that kickstand evaluate does not report: "{value}"', fix


def above(low: float, *, at_most: float | None = None, example: str) -> Rule:
    """A number greater than a bound, and at most another."""

    def rule(value: float) -> Fault | None:
        if value > low and (at_most is None or value <= at_most):
            return None
        upper = "" if at_most is None else f" and at most {at_most:g}"
        return f"must be greater than {low:g}{upper}, not {value:g}", f"For example {example}."

    return rule


def _share(value: float) -> Fault | None:
    if 0 <= value < 1:
        return None
    fix = f"A share, not per cent: {value / 100:g} is {value:g} %." if 1 <= value < 100 else "0.02 is 2 %."
    return f"must be from 0 up to, not including, 1, not {value:g}", fix


def _confidence(value: float) -> Fault | None:
    if 0.5 <= value < 1:
        return None
    fix = f"A share, not per cent: {value / 100:g}." if 50 <= value < 100 else "For example 0.95."
    return f"must be from 0.5 up to, not including, 1, not {value:g}", fix


def _repository(value: str) -> Fault | None:
    if shaped(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[\w.-]{1,100}", "")(value) is None:
        return None
    fix = f'Write "{value.removeprefix("https://github.com/").removesuffix(".git")}".' if "github.com/" in value else ""
    if re.match(r"https?://(?!github\.com/)", value):
        fix = "GitHub Enterprise Server and ghe.com issue tokens of their own, which the pipeline does not support."
    return f'must be OWNER/NAME of a repository on GitHub, not "{value}"', fix


PROMOTION_RULES: Mapping[str, Rule] = {
    "signing.private_key": data_path,
    "signing.kms_key_arn": KEY,
    "signing.keyless_identity": shaped(r"\S+", "an e-mail address or the URI of a workflow"),
    "signing.keyless_issuer": _ISSUER,
    "signing.public_keys": each(data_path),
    "gates.metrics": each(limit_fault),
    "gates.metric": tested_metric,
    "gates.max_regression": _share,
    "gates.confidence": _confidence,
    "gates.resamples": between(100, 100_000),
    "gates.slices": each(column_name),
    "gates.max_slice_regression": _share,
    "gates.min_slice_rows": between(1, 1_000_000_000),
    "gates.max_p99_ms": above(0, example="200"),
    # With fewer than 100 there is no 99th percentile but the slowest of all.
    "gates.latency_requests": between(100, 100_000),
    "gates.min_age_hours": above(0, at_most=8760, example="24"),
    "pipeline.repository": _repository,
    **dict.fromkeys(("pipeline.owner_id", "pipeline.repository_id"), between(1, 2**63 - 1)),
    "pipeline.oidc_provider_arn": arn(
        "iam",
        r"oidc-provider/token\.actions\.githubusercontent\.com",
        "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com",
    ),
}


def signing_problems(environment: Environment) -> Iterator[Problem]:
    """One signer at most; whoever demands a signature says whose; keyless needs identity and issuer."""
    signing = environment.signing
    keyless = signing.keyless_identity or signing.keyless_issuer
    signers = {
        "private_key": signing.private_key,
        "kms_key_arn": signing.kms_key_arn,
        "keyless_identity": keyless,
    }
    given = [name for name, value in signers.items() if value]
    if len(given) > 1:
        message = f"[signing] has {' and '.join(given)}; a release is signed in one way."
        yield Problem(message, environment.where(f"signing.{given[-1]}"), "Keep one of them.")
    for there, absent in (("keyless_identity", "keyless_issuer"), ("keyless_issuer", "keyless_identity")):
        if getattr(signing, there) and not getattr(signing, absent):
            message = f"[signing] has {there} without {absent}: anyone can get a certificate from another issuer."
            yield Problem(message, environment.where(f"signing.{there}"), f"Add {absent}.")
    signer = next((name for name in ("private_key", "kms_key_arn") if getattr(signing, name)), None)
    if signer and not signing.public_keys:
        message = f"[signing] has {signer} and no public_keys: nobody would trust what it signs."
        file = f"keys/{environment.name}.pub"
        fix = f'Write public_keys = ["{file}"], then: kickstand release public-key {environment.name} > {file}'
        yield Problem(message, environment.where(f"signing.{signer}"), fix)
    if signing.required and not signer and not signing.public_keys and not keyless:
        message = f"[signing] demands a signature in {environment.name} and trusts nobody's."
        fix = "Name public_keys, or keyless_identity and keyless_issuer."
        yield Problem(message, environment.where("signing.required"), fix)


def gate_problems(environment: Environment) -> Iterator[Problem]:
    """What the gates need of each other and of the data."""
    gates = environment.gates
    for limit in ("max_regression", "max_slice_regression"):
        if getattr(gates, limit) is not None and gates.metric is None:
            message = f"{limit} compares models by a metric, and [gates] names none."
            yield Problem(message, environment.where(f"gates.{limit}"), 'For example metric = "original:rmse".')
    if gates.slices and gates.max_slice_regression is None:
        message = "slices has no effect without max_slice_regression."
        yield Problem(message, environment.where("gates.slices"), "For example max_slice_regression = 0.1.")
    if gates.max_slice_regression is not None and not gates.slices:
        message = "max_slice_regression judges slices, and [gates] names none."
        yield Problem(message, environment.where("gates.max_slice_regression"), 'For example slices = ["season"].')
    if gates.slices and not environment.data.columns:
        message = "slices are columns by name, and [data] names no columns."
        yield Problem(message, environment.where("gates.slices"), "Write [data] columns, in file order.")
        return
    for name in gates.slices:
        if name not in environment.data.columns:
            near = get_close_matches(name, environment.data.columns, n=1)
            fix = f"Did you mean {near[0]}?" if near else f"They are {', '.join(environment.data.columns)}."
            yield Problem(
                f'slices names "{name}", which is no column of [data].', environment.where("gates.slices"), fix
            )


def repository_problems(environment: Environment) -> Iterator[Problem]:
    """GitHub's ids are of a repository, and go in pairs."""
    pipeline = environment.pipeline
    ids = {"owner_id": pipeline.owner_id, "repository_id": pipeline.repository_id}
    given = [name for name, value in ids.items() if value is not None]
    absent = [name for name, value in ids.items() if value is None]
    if given and pipeline.repository is None:
        message = f"[pipeline] has {' and '.join(given)} without repository."
        yield Problem(message, environment.where(f"pipeline.{given[0]}"), 'Add repository = "OWNER/NAME".')
    elif given and absent:
        message = f"[pipeline] has {given[0]} without {absent[0]}: GitHub's subjects hold both ids or none."
        fix = f"Add {absent[0]}: gh api repos/{pipeline.repository} --jq '.owner.id, .id' prints both."
        yield Problem(message, environment.where(f"pipeline.{given[0]}"), fix)


def pipeline_problems(environments: Mapping[EnvironmentName, Environment]) -> Iterator[Problem]:
    """An account has one OIDC provider for GitHub: two environments in one account cannot both make it."""
    makers: dict[str, str] = {}
    for name, environment in environments.items():
        pipeline = environment.pipeline
        if pipeline.repository is None:
            continue
        if pipeline.oidc_provider_arn is not None:
            continue
        if environment.account in makers:
            other = makers[environment.account]
            message = (
                f"{other} and {name} share account {environment.account}, which takes one OIDC provider of GitHub."
            )
            fix = f"Give {name} oidc_provider_arn: the one that {other}'s pipeline stack makes."
            yield Problem(message, environment.where("pipeline.repository"), fix)
        makers.setdefault(environment.account, name)
