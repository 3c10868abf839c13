"""The project of an acceptance run: its name, what it takes from the user's environment and what it never does."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from acceptance.project import Plan, data, features, run_id, started, write_project
from kickstand.config.load import load_project
from kickstand.config.model import Environment

RUN = "20261128T202600Z"
KEYS = {
    "dev": "arn:aws:kms:us-east-1:111122223333:key/1a2b3c4d-0000-4000-8000-000000000001",
    "staging": "arn:aws:kms:us-east-1:444455556666:key/1a2b3c4d-0000-4000-8000-000000000002",
}
TOML = """\
[project]
name = "bikes"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 900
[training]
instance_type = "ml.m5.12xlarge"
spot = true
schedule = "rate(1 day)"
[tags]
cost-centre = "4711"
[environments.dev]
account = "111122223333"
region = "us-east-1"
role_arn = "arn:aws:iam::111122223333:role/deployer"
[environments.dev.storage]
existing_bucket = "the-users-own"
[environments.dev.roles]
permissions_boundary = "arn:aws:iam::111122223333:policy/boundary"
[environments.dev.training]
subnets = ["subnet-0123456789abcdef0"]
security_group_ids = ["sg-0123456789abcdef0"]
[environments.staging]
account = "444455556666"
region = "us-east-1"
profile = "bikes-staging"
[environments.staging.bootstrap]
qualifier = "acme"
"""


@pytest.fixture
def user(tmp_path: Path) -> dict[str, Environment]:
    file = tmp_path / "kickstand.toml"
    file.write_text(TOML)
    return {str(name): environment for name, environment in load_project(file).environments.items()}


def made(plan: Plan, folder: Path, **more: str) -> dict[str, Environment]:
    project = load_project(write_project(folder, plan, KEYS, **more))  # type: ignore[arg-type]
    return {str(name): environment for name, environment in project.environments.items()}


def test_it_stands_in_the_users_places_with_what_the_organisation_demands(
    user: dict[str, Environment], tmp_path: Path
) -> None:
    found = made(Plan(user["dev"], user["staging"], RUN), tmp_path / "run")
    dev, staging = found["dev"], found["staging"]
    assert (dev.account, dev.region, dev.role_arn) == ("111122223333", "us-east-1", user["dev"].role_arn)
    assert (staging.account, staging.profile, staging.promotes_from) == ("444455556666", "bikes-staging", "dev")
    assert dev.roles.permissions_boundary == "arn:aws:iam::111122223333:policy/boundary"
    assert dev.training.subnets == ("subnet-0123456789abcdef0",)
    assert staging.bootstrap.qualifier == "acme"
    assert dict(dev.tags) == {"cost-centre": "4711", "kickstand-acceptance": RUN}
    assert dict(staging.tags) == {"cost-centre": "4711", "kickstand-acceptance": RUN}


def test_it_touches_no_bucket_of_the_user_and_is_small(user: dict[str, Environment], tmp_path: Path) -> None:
    dev = made(Plan(user["dev"], user["dev"], RUN), tmp_path / "run")["dev"]
    assert dev.storage.existing_bucket is None
    assert dev.storage.kms_key_arn == KEYS["dev"]
    assert (dev.training.spot, dev.training.schedule, dev.training.max_runtime_seconds) == (False, None, 900)
    assert (dev.training.instance_type, dev.training.instance_count) == ("ml.m5.large", 1)
    assert (dev.hosting.instance_type, dev.hosting.instance_count) == ("ml.t2.medium", 1)
    assert dev.hyperparameters["num_round"] == "20"
    assert dev.logs.retention_days == 1


def test_the_name_is_of_project_account_and_region_alone(user: dict[str, Environment]) -> None:
    one = Plan(user["dev"], user["dev"], RUN)
    assert one.name == "ks-accept-42cf"
    assert Plan(user["dev"], user["staging"], "20261129T000000Z").name == one.name
    assert Plan(user["staging"], user["staging"], RUN).name != one.name


def test_a_probe_is_one_more_tag_of_the_source_alone(user: dict[str, Environment], tmp_path: Path) -> None:
    found = made(Plan(user["dev"], user["staging"], RUN), tmp_path / "run", probe="1")
    assert found["dev"].tags["kickstand-probe"] == "1"
    assert "kickstand-probe" not in found["staging"].tags


def test_profiles_of_its_own_stand_in_for_the_users(user: dict[str, Environment], tmp_path: Path) -> None:
    plan = Plan(user["dev"], user["staging"], RUN, profiles=True)
    found = made(plan, tmp_path / "run")
    assert [each.profile for each in found.values()] == [f"{plan.name}-dev", f"{plan.name}-staging"]
    assert {each.role_arn for each in found.values()} == {None}


def test_the_data_is_the_same_everywhere() -> None:
    rows = {channel: text.splitlines() for channel, text in data().items()}
    assert {channel: len(lines) for channel, lines in rows.items()} == {"train": 300, "validation": 100, "test": 80}
    assert data() == data()
    assert features().splitlines()[0] == rows["test"][0].split(",", 1)[1]
    assert {len(line.split(",")) for lines in rows.values() for line in lines} == {5}


def test_a_run_is_known_by_its_moment() -> None:
    moment = datetime(2026, 11, 28, 20, 26, tzinfo=UTC)
    assert run_id(moment) == RUN
    assert started(RUN) == moment
    assert started("somebody's tag") is None
