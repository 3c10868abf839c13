"""The project that an acceptance run works in: a name of its own, small data, the smallest instances, no spot.

Nothing of the user's project is in it but where its environments are (account, region, credentials) and what their
organisation demands of every resource: permissions boundary, tags, network, bootstrap qualifier.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kickstand.config.model import Environment

SOURCE, TARGET = "dev", "staging"
"""The two environments of every run: models are promoted from the one into the other."""
ENVIRONMENTS = (SOURCE, TARGET)

PREFIX = "ks-accept-"
"""Every run's project begins with it."""
RUN_TAG = "kickstand-acceptance"
"""On every resource; its value is the run."""
PROBE_TAG = "kickstand-probe"

HOSTING, TRAINING = "ml.t2.medium", "ml.m5.large"
"""The smallest instances that SageMaker has for endpoints, and for both kinds of job, in most regions."""
ROUNDS, FEWER_ROUNDS = 20, 10
"""Boosting rounds of the first and of the second model."""
_ROWS = {"train": 300, "validation": 100, "test": 80}
_FEATURES = 4


@dataclass(frozen=True, slots=True)
class Plan:
    """What one run is made of.

    source, target: the user's environments that give account, region and credentials; the same one twice where the
                    run has one account.
    run:            the moment of its start, the value of the tag on all that it makes.
    profiles:       whether each environment gets a profile of its own name, instead of the user's credentials.
    """

    source: Environment
    target: Environment
    run: str
    hosting: str = HOSTING
    training: str = TRAINING
    max_runtime_seconds: int = 900
    profiles: bool = False

    @property
    def name(self) -> str:
        """The project's name: the same for the same project, account and region, so that its leftovers are found."""
        place = f"{self.source.project} {self.source.account} {self.source.region}"
        return f"{PREFIX}{hashlib.sha256(place.encode()).hexdigest()[:4]}"

    @property
    def two_accounts(self) -> bool:
        return self.source.account != self.target.account

    def environment(self, name: str) -> Environment:
        return self.source if name == SOURCE else self.target


def run_id(moment: datetime) -> str:
    """`20261128T202600Z`."""
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def started(run: str) -> datetime | None:
    """When a run began, by its id; None where the text is none."""
    if not re.fullmatch(r"\d{8}T\d{6}Z", run):
        return None
    return datetime.strptime(run, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def write_project(
    folder: Path, plan: Plan, keys: Mapping[str, str], *, rounds: int = ROUNDS, probe: str | None = None
) -> Path:
    """Write data and project file into a folder; the path of the project file.

    keys: the ARN of each environment's KMS key. probe: the value of one more tag of the source's stacks.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for channel, text in data().items():
        (folder / f"{channel}.csv").write_text(text, encoding="utf-8")
    file = folder / "kickstand.toml"
    file.write_text("\n".join(_lines(plan, keys, rounds, probe)) + "\n", encoding="utf-8")
    (folder / ".gitignore").write_text("review/\n*.csv\n", encoding="utf-8")
    return file


def data() -> dict[str, str]:
    """Rows of a plain regression by channel, the label first; the same on every machine."""
    draw = random.Random(9)  # noqa: S311 - data, no secret
    return {channel: "".join(_row(draw) for _ in range(rows)) for channel, rows in _ROWS.items()}


def _row(draw: random.Random) -> str:
    features = [round(draw.uniform(-2, 2), 4) for _ in range(_FEATURES)]
    label = 3 * features[0] - 2 * features[1] + 0.5 * features[2] + draw.gauss(0, 0.1)
    return ",".join(f"{value:.4f}" for value in (label, *features)) + "\n"


def features() -> str:
    """The test rows without their labels: what a caller of the endpoint sends."""
    return "".join(f"{line.partition(',')[2]}\n" for line in data()["test"].splitlines())


def _lines(plan: Plan, keys: Mapping[str, str], rounds: int, probe: str | None) -> Iterator[str]:
    yield from ("[project]", f"name = {_text(plan.name)}")
    yield from ("[data]", *(f'{channel} = "{channel}.csv"' for channel in _ROWS))
    yield from ("[algorithm]", f"version = {_text(plan.source.algorithm.version)}")
    yield from ("[hyperparameters]", 'objective = "reg:squarederror"', f"num_round = {rounds}", "max_depth = 3")
    yield from (
        "[training]",
        f"instance_type = {_text(plan.training)}",
        f"max_runtime_seconds = {plan.max_runtime_seconds}",
        "spot = false",
    )
    yield from ("[hosting]", f"instance_type = {_text(plan.hosting)}")
    yield from ("[transform]", f"instance_type = {_text(plan.training)}")
    yield from ("[logs]", "retention_days = 1")
    for name in ENVIRONMENTS:
        yield from _environment(plan, name, keys, probe if name == SOURCE else None)


def _environment(plan: Plan, name: str, keys: Mapping[str, str], probe: str | None) -> Iterator[str]:
    given = plan.environment(name)
    table = f"environments.{name}"
    yield from (f"[{table}]", f"account = {_text(given.account)}", f"region = {_text(given.region)}")
    profile = f"{plan.name}-{name}" if plan.profiles else given.profile
    if profile:
        yield f"profile = {_text(profile)}"
    elif given.role_arn:
        yield f"role_arn = {_text(given.role_arn)}"
    if name == TARGET:
        yield f"promotes_from = {_text(SOURCE)}"
    yield from (f"[{table}.bootstrap]", f"qualifier = {_text(given.bootstrap.qualifier)}")
    if name in keys:
        yield from (f"[{table}.storage]", f"kms_key_arn = {_text(keys[name])}")
    if given.roles.permissions_boundary:
        yield from (f"[{table}.roles]", f"permissions_boundary = {_text(given.roles.permissions_boundary)}")
    for kind, network in (("training", given.training), ("hosting", given.hosting)):
        if network.subnets:
            yield f"[{table}.{kind}]"
            yield f"subnets = {json.dumps(list(network.subnets))}"
            yield f"security_group_ids = {json.dumps(list(network.security_group_ids))}"
    tags = {**given.tags, RUN_TAG: plan.run, **({PROBE_TAG: probe} if probe else {})}
    yield from (f"[{table}.tags]", *(f"{_text(key)} = {_text(value)}" for key, value in tags.items()))


def _text(value: str) -> str:
    """A TOML string: JSON's escapes are TOML's."""
    return json.dumps(value, ensure_ascii=False)
