"""The CDK app: what it makes of its context, and that its bytes depend on nothing else."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import aws_cdk as cdk
import pytest
from samples import BUCKET, DIGEST, release
from synthesis import ROOT

import app as kickstand_app
from kickstand.errors import InputError
from kickstand.images import image_uri
from kickstand.release.file import write_release

JSII = "JSII_RUNTIME_PACKAGE_CACHE_ROOT"
CONFIG = """
[project]
name = "bikes"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 150
[environments.dev]
account = "111122223333"
region = "us-east-1"
[environments.prod]
account = "777788889999"
region = "eu-west-1"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A project file with two environments, dev with a release."""
    path = tmp_path / "kickstand.toml"
    path.write_text(CONFIG)
    write_release(tmp_path / "releases" / "dev.json", release())
    return path


def stacks(**context: str) -> list[str]:
    """The names of the stacks that the app makes, by construct path."""
    made = cdk.App(context=context)
    kickstand_app.build(made)
    return sorted(node.node.path for node in made.node.find_all() if isinstance(node, cdk.Stack))


def test_every_environment_is_a_stage_with_hosting_once_released(config: Path) -> None:
    assert stacks(config=str(config)) == ["dev/hosting", "dev/training", "prod/training"]


def test_one_environment_alone(config: Path) -> None:
    assert stacks(config=str(config), environment="dev") == ["dev/hosting", "dev/training"]


def test_releases_of_another_folder(config: Path, tmp_path: Path) -> None:
    assert stacks(config=str(config), releases=str(tmp_path / "none")) == ["dev/training", "prod/training"]


def test_a_promotion_changes_the_assembly_of_its_environment_alone(config: Path, tmp_path: Path) -> None:
    config.write_text(CONFIG + 'promotes_from = "dev"\n')

    def templates(folder: str) -> dict[str, str]:
        made = cdk.App(outdir=str(tmp_path / folder), context={"config": str(config)})
        kickstand_app.build(made)
        for stage in made.node.children:
            if isinstance(stage, cdk.Stage):
                stage.synth()  # a stage alone is not validated
        return {p.name: p.read_text() for p in (tmp_path / folder).glob("assembly-*/*.template.json")}

    before = templates("before")
    in_prod = {"environment": "prod", "account": "777788889999", "region": "eu-west-1"}
    bucket = "bikes-prod-777788889999-eu-west-1"
    artifact = release().artifact.model_copy(update={"s3_uri": f"s3://{bucket}/models/{DIGEST}/model.tar.gz"})
    image = release().algorithm.model_copy(update={"image_uri": image_uri("eu-west-1", "3.2-0")})
    channels = tuple(
        one.model_copy(update={"s3_uri": one.s3_uri.replace(BUCKET, bucket)}) for one in release().channels
    )
    promoted = release(**in_prod, bucket=bucket, artifact=artifact, algorithm=image, channels=channels)
    write_release(tmp_path / "releases" / "prod.json", promoted)
    after = templates("after")
    assert [name[:11] for name, text in after.items() if text != before.get(name)] == ["prodhosting"]
    # The project file told both sides of it: who takes, and whom it takes from.
    training = {name[:4].rstrip("t"): text for name, text in after.items() if "training" in name}
    assert "arn:aws:s3:::bikes-dev-111122223333-us-east-1/models/*" in training["prod"]
    assert "arn:aws:iam::777788889999:role/bikes-prod-release-eu-west-1" in training["dev"]


def test_an_unknown_environment_is_refused(config: Path) -> None:
    with pytest.raises(InputError, match=r'There is no environment "staging"\. It has: dev, prod\.'):
        stacks(config=str(config), environment="staging")


@pytest.mark.parametrize(
    ("field", "foreign"), [("account", "444455556666"), ("region", "eu-west-1"), ("bucket", "another-bucket")]
)
def test_a_release_of_another_place_is_refused(config: Path, tmp_path: Path, field: str, foreign: str) -> None:
    write_release(tmp_path / "releases" / "dev.json", release(**{field: foreign}))
    with pytest.raises(InputError, match=f"The release names the {field} {foreign}; dev is {field}"):
        stacks(config=str(config))


def test_a_release_edited_by_hand_is_refused(config: Path, tmp_path: Path) -> None:
    path = tmp_path / "releases" / "dev.json"
    path.write_text(path.read_text().replace('"environment": "dev"', '"environment": "Dev"'))
    with pytest.raises(InputError, match="The release was changed after it was written"):
        stacks(config=str(config))


def test_the_release_of_another_project_is_refused(config: Path, tmp_path: Path) -> None:
    other = tmp_path / "boats.toml"
    other.write_text(CONFIG.replace("bikes", "boats"))
    assert stacks(config=str(other), releases=str(tmp_path / "none"), environment="dev") == ["dev/training"]
    # The releases beside it are those of the other project: none of them is taken for this one's.
    with pytest.raises(InputError, match="The release names the project bikes; dev is project boats"):
        stacks(config=str(other))


def test_without_context_the_project_beside_the_app_is_meant() -> None:
    assert {path.split("/")[0] for path in stacks()} == {"dev", "staging", "prod"}


def test_a_mistake_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    context = json.dumps({"config": str(tmp_path / "absent.toml")})
    done = subprocess.run(
        [sys.executable, str(ROOT / "app.py")],
        env={**os.environ, "CDK_CONTEXT_JSON": context, "CDK_OUTDIR": str(tmp_path / "out")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "absent.toml" in line


# Runs the app as the CDK CLI does, on another day, in another folder, with other hash seeds and no network, and
# tells which modules it has loaded.
PYTHON_DAY = """
import socket, time, datetime, runpy, json, sys
shift = {shift}
real_time = time.time
time.time = lambda: real_time() + shift
class Shifted(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(real_time() + shift, tz)
    utcnow = today = now
datetime.datetime = Shifted
def refuse(*_):
    raise OSError("synth must not use the network")
socket.socket.connect = socket.getaddrinfo = refuse
runpy.run_path("app.py", run_name="__main__")
print(json.dumps(sorted(sys.modules)))
"""
NODE_DAY = """
const shift = {shift} * 1000, Real = Date;
globalThis.Date = class extends Real {{
  constructor(...given) {{ if (given.length) super(...given); else super(Real.now() + shift); }}
  static now() {{ return Real.now() + shift; }}
}};
const refuse = () => {{ throw new Error('synth must not use the network'); }};
require('net').Socket.prototype.connect = refuse;
require('dns').lookup = refuse;
"""


class Synth(NamedTuple):
    """What one run of the app wrote and which Python modules it loaded."""

    files: dict[str, bytes]
    modules: list[str]


@pytest.fixture(scope="module")
def two_synths(tmp_path_factory: pytest.TempPathFactory) -> list[Synth]:
    """The same commit in two folders on two days."""
    folders = [tmp_path_factory.mktemp(name) / name for name in ("a", "another-place")]
    running = [_start(folder, shift=shift) for folder, shift in zip(folders, (0, 400 * 86400 + 12345), strict=True)]
    ended = [process.communicate(timeout=120) for process in running]
    return [
        _synth(folder, process.returncode, *output)
        for folder, process, output in zip(folders, running, ended, strict=True)
    ]


def _synth(folder: Path, returncode: int, output: str, error: str) -> Synth:
    assert returncode == 0, error
    out = folder / "cdk.out"
    files = {str(p.relative_to(out)): p.read_bytes() for p in sorted(out.rglob("*")) if p.is_file()}
    return Synth(files, json.loads(output.splitlines()[-1]))


def _start(folder: Path, *, shift: int) -> subprocess.Popen[str]:
    for name in ("infra", "kickstand"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "kickstand.toml", "cdk.json"):
        shutil.copy(ROOT / name, folder / name)
    write_release(folder / "releases" / "dev.json", release())
    (folder / "day.js").write_text(NODE_DAY.format(shift=shift))
    context = json.loads((folder / "cdk.json").read_text())["context"]
    return subprocess.Popen(
        [sys.executable, "-c", PYTHON_DAY.format(shift=shift)],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ["HOME"],  # where jsii keeps its unpacked library, but for where `make` has it
            **{name: os.environ[name] for name in (JSII,) if name in os.environ},
            "PYTHONHASHSEED": str(shift % 1000),
            "PYTHONPATH": str(folder),
            "TZ": "Asia/Tokyo" if shift else "UTC",
            "LANG": "de_DE.UTF-8" if shift else "C",
            "NODE_OPTIONS": f"--require {folder / 'day.js'}",
            "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
            "CDK_CONTEXT_JSON": json.dumps(context),
            "CDK_OUTDIR": str(folder / "cdk.out"),
            "CDK_VALIDATION": "false",  # test_regions.py and test_policy_report.py let the CDK validate
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_synth_is_the_same_in_every_folder_on_every_day(two_synths: list[Synth]) -> None:
    one, other = two_synths
    templates = [name for name in one.files if name.endswith(".template.json")]
    assert len(templates) == 4
    assert one.files.keys() == other.files.keys()
    assert [name for name in one.files if one.files[name] != other.files[name]] == []


def test_synth_loads_nothing_that_it_does_not_need(two_synths: list[Synth]) -> None:
    unneeded = {
        *("boto3", "botocore", "sagemaker", "xgboost", "numpy", "pyarrow", "rich", "typer", "urllib3", "ministack"),
        *("training", "deployment", "review", "promotion", "console", "localcloud", "cli"),
    }
    services = {name.split(".")[1][4:] for name in two_synths[0].modules if name.startswith("aws_cdk.aws_")}
    assert unneeded & {part for name in two_synths[0].modules for part in (name, name.split(".")[0])} == set()
    assert services == {
        *("cloudwatch", "events", "iam", "kms", "logs", "s3", "sagemaker", "scheduler", "sns", "sqs", "stepfunctions"),
        "applicationautoscaling",
        "codestarnotifications",  # aws_sns imports it
    }
