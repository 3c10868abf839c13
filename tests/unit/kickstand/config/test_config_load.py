"""What a right project file becomes: defaults, overrides, paths, and the place of each setting."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from project_files import SMALLEST, write

from kickstand.config.load import load_project
from kickstand.config.model import Algorithm, Bootstrap, Data, Environment, Hosting, Logs, Roles, Storage, Training

REPOSITORY = Path(__file__).resolve().parents[4]


def dev(folder: Path, text: str) -> Environment:
    return load_project(write(folder, text)).environments["dev"]


def test_the_smallest_project_has_every_default(tmp_path: Path) -> None:
    path = write(tmp_path, SMALLEST)
    project = load_project(path)
    assert (project.name, project.file, project.releases) == ("bikes", path, tmp_path / "releases")
    lines = project.environments["dev"].lines
    assert project.environments == {
        "dev": Environment(
            project="bikes",
            name="dev",
            account="111122223333",
            region="us-east-1",
            data=Data(train=tmp_path / "train.csv"),
            algorithm=Algorithm(version="3.2-0"),
            training=Training(instance_type="ml.m5.xlarge", instance_count=1, max_runtime_seconds=3600),
            hosting=Hosting(instance_type="ml.m5.large", instance_count=1),
            hyperparameters={},
            storage=Storage(),
            roles=Roles(),
            logs=Logs(retention_days=90),
            bootstrap=Bootstrap(),
            tags={},
            lines=lines,
        )
    }


def test_the_bike_example_is_the_tutorials_recipe() -> None:
    project = load_project(REPOSITORY / "kickstand.toml")
    assert list(project.environments) == ["dev", "staging", "prod"]
    prod = project.environments["prod"]
    assert prod.hyperparameters == {
        "objective": "reg:squarederror",
        "num_round": "150",
        "max_depth": "5",
        "eta": "0.1",
    }
    assert prod.data.channels() == {
        "train": REPOSITORY / "data" / "train.csv",
        "validation": REPOSITORY / "data" / "validation.csv",
        "test": REPOSITORY / "data" / "test.csv",
    }
    assert (prod.data.columns[0], len(prod.data.columns), prod.data.target_transform) == ("count", 14, "log1p")
    assert (prod.training.instance_type, prod.hosting.instance_type) == ("ml.m5.xlarge", "ml.m5.large")
    assert [e.promotes_from for e in project.environments.values()] == [None, "dev", "staging"]
    assert [e.account for e in project.environments.values()] == ["111122223333", "444455556666", "777788889999"]


EVERYTHING = """\
project.name = "bikes"
[data]
train = "train.csv"
validation = "/shared/validation.csv"
columns = ["y", "x"]
content_type = "csv"
golden_rows = 3
[algorithm]
version = "3.0-5"
[training]
instance_count = 2
volume_size_gb = 50
[hosting]
subnets = ["subnet-0123456789abcdef0"]
security_group_ids = ["sg-01234567"]
[hyperparameters]
num_round = 10
eta = 0.1
[storage]
kms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
[tags]
team = "data"
[environments]
dev = { account = "111122223333", region = "us-east-1", profile = "dev", tags = { owner = "ann" } }
prod.account = "777788889999"
prod.region = "us-east-1"
prod.training.instance_count = 4
prod.training.spot = true
[environments.prod.hyperparameters]
eta = 0.05
max_depth = 3
[environments.prod.data]
train = "big/train.csv"
[environments.prod.hosting]
subnets = []
security_group_ids = []
"""


def test_an_override_beats_the_project_key_by_key(tmp_path: Path) -> None:
    project = load_project(write(tmp_path, EVERYTHING))
    dev, prod = project.environments["dev"], project.environments["prod"]
    assert dev.training == Training(instance_count=2, volume_size_gb=50)
    assert prod.training == Training(instance_count=4, volume_size_gb=50, spot=True, max_wait_seconds=3600)
    assert dev.hyperparameters == {"num_round": "10", "eta": "0.1"}
    assert prod.hyperparameters == {"num_round": "10", "eta": "0.05", "max_depth": "3"}
    assert dev.tags == {"team": "data", "owner": "ann"}
    assert prod.tags == {"team": "data"}
    assert dev.data == Data(
        train=tmp_path / "train.csv", validation=Path("/shared/validation.csv"), columns=("y", "x"), golden_rows=3
    )
    assert prod.data.train == tmp_path / "big" / "train.csv"
    assert (dev.hosting.security_group_ids, prod.hosting.security_group_ids) == (("sg-01234567",), ())
    assert (dev.profile, prod.profile) == ("dev", None)


def test_each_setting_knows_the_line_that_decided_it(tmp_path: Path) -> None:
    path = write(tmp_path, EVERYTHING)
    environments = load_project(path).environments
    dev, prod = environments["dev"], environments["prod"]
    for environment, setting, line in (
        (dev, "project", 1),
        (dev, "data.train", 3),
        (prod, "data.train", 33),
        (dev, "data.validation", 4),
        (dev, "training.instance_count", 11),
        (prod, "training.instance_count", 27),
        (prod, "training.volume_size_gb", 12),
        (dev, "hyperparameters.eta", 18),
        (prod, "hyperparameters.eta", 30),
        (dev, "tags.owner", 24),
        (dev, "account", 24),
        (prod, "account", 25),
        (dev, "name", 24),
        (prod, "name", 25),
    ):
        assert (setting, environment.where(setting)) == (setting, f"{path}:{line}")


def test_a_setting_that_is_not_written_is_at_its_table_or_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, EVERYTHING)
    environments = load_project(path).environments
    assert environments["dev"].where("hyperparameters.objective") == f"{path}:16"
    assert environments["prod"].where("hyperparameters.objective") == f"{path}:29"
    assert environments["dev"].where("logs.retention_days") == str(path)


def test_home_folders_are_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ann")
    environment = dev(tmp_path, SMALLEST.replace('"train.csv"', '"~/train.csv"'))
    assert environment.data.train == Path("/home/ann/train.csv")


def test_spot_waits_as_long_as_it_may_run_unless_told_otherwise(tmp_path: Path) -> None:
    spot = "[training]\nspot = true\nmax_runtime_seconds = 600\n"
    assert dev(tmp_path, SMALLEST + spot).training.max_wait_seconds == 600
    assert dev(tmp_path, SMALLEST + spot + "max_wait_seconds = 900").training.max_wait_seconds == 900


def test_an_environment_may_turn_spot_off(tmp_path: Path) -> None:
    text = SMALLEST + "training.spot = false\n[training]\nspot = true\nmax_wait_seconds = 9000\n"
    assert dev(tmp_path, text).training == Training(spot=False, max_wait_seconds=None)


def test_reading_the_configuration_and_a_release_imports_nothing_heavy() -> None:
    """Synth and the command line read it at every start."""
    program = (
        "import sys, kickstand.config.load, kickstand.names, kickstand.release.file, kickstand.aws.session\n"
        "print({name.partition('.')[0] for name in sys.modules}"
        " & {'boto3', 'botocore', 'aws_cdk', 'rich', 'typer', 'numpy', 'xgboost', 'sagemaker'})"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout == "set()\n"
