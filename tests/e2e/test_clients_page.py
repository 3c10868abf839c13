"""docs/clients.md, typed from first to last line in one shell: cdk, the SDKs, ModelTrainer, boto3, aws, kickstand."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from once_a_run import FOLDER
from run_end import MARK
from sdk_startup import sdk_startup
from warm_cdk import cdk_program
from warm_server import warm_python

from kickstand.errors import KickstandError
from localcloud.clients.environment import CLIENTS, client_python
from localcloud.cloud import LocalCloud

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "clients.md"
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def script() -> str:
    """The page's blocks as one shell script that ends at the first command that fails."""
    parts = ["set -euo pipefail"]
    for number, (language, text) in enumerate(BLOCK.findall(PAGE.read_text()), 1):
        assert language in ("sh", "python"), f"block {number} would not be run"
        parts.append(f"echo '== block {number}'")
        parts.append(text if language == "sh" else f"python - <<'PYTHON'\n{text}PYTHON")
    return "\n".join(parts)


MODULES = (
    *("awscli.clidriver", "awscli.handlers", "boto3", "sagemaker.core.image_uris", "sagemaker.core.resources"),
    *(
        "cli.main",
        "numpy",
        "pydantic",
        "pyarrow.compute",
        "rich.progress",
        "rich.table",
        "shared_models:preload",
        "warm_programs:preload",
    ),
)
"""What the page's programs import, for up to five seconds of CPU each; the local cloud's programs are forked too."""
CHEAPER = ("CDK_APP", "CDK_VALIDATION", FOLDER, MARK)
"""Each assembly is synthesised once, without the CDK's own check of its template."""


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`python`, `aws`, `kickstand` and `npx` that need not load what they begin with."""
    folder = tmp_path_factory.mktemp("programs")
    sdk_startup(folder, longest_sleep=1.0)
    with warm_python(*MODULES) as python, cdk_program(folder):
        for name, words in {"python": [], "aws": ["-m", "awscli"], "kickstand": ["-m", "cli"]}.items():
            (folder / name).write_text(f'#!/bin/sh\nexec {shlex.join([*python, *words])} "$@"\n')
            (folder / name).chmod(0o755)
        yield folder


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """A clone that is set up, with data and state of its own; at the end its local cloud is stopped."""
    folder = tmp_path / "clone"
    (folder / ".kickstand").mkdir(parents=True)
    for name in ("app.py", "cdk.json", "package.json", "node_modules"):
        (folder / name).symlink_to(REPOSITORY / name)
    shutil.copy(REPOSITORY / "kickstand.toml", folder)
    (folder / "data").mkdir()
    for name in ("prepare.py", "bike-sharing-hour.csv"):
        shutil.copy(REPOSITORY / "data" / name, folder / "data")
    yield folder
    LocalCloud(folder / ".kickstand" / "local").stop()


def shell(clone: Path, *first: Path) -> dict[str, str]:
    """The variables of a fresh shell after `source .venv/bin/activate`, with further folders of programs before."""
    places = [*first, BIN, "/usr/local/bin", "/usr/bin", "/bin"]
    return {
        **{name: os.environ[name] for name in CHEAPER},
        "PATH": os.pathsep.join(map(str, places)),
        "HOME": os.environ["HOME"],
        "KICKSTAND_LOCAL_STATE": str(clone / ".kickstand" / "local"),
        "npm_config_update_notifier": "false",
    }


def test_every_command_of_the_page_works(clone: Path, programs: Path) -> None:
    try:
        for name in CLIENTS:
            client_python(name)
    except KickstandError as error:
        pytest.skip(f"the package registry cannot be reached for SageMaker's SDKs: {error}")
    done = subprocess.run(
        ["/bin/bash", "-c", script()],
        env={**shell(clone, programs), "PYTHONPATH": str(programs)},
        cwd=clone,
        capture_output=True,
        text=True,
        timeout=1800,
    )
    said = done.stdout
    assert done.returncode == 0, f"{said[-3000:]}\n{done.stderr[-3000:]}"
    assert re.findall(r"^== block (\d+)$", said, re.MULTILINE) == [
        str(number) for number in range(1, len(BLOCK.findall(PAGE.read_text())) + 1)
    ]

    # One hour, asked by four clients; SDK v2's endpoint serves a model of its own, of the same data and settings.
    predicted = re.findall(r"predicted by (\S+): (\S+)", said)
    assert [client for client, _ in predicted] == ["sagemaker.core", "sagemaker-2", "boto3", "aws"]
    assert len({value for _, value in predicted}) == 1
    assert predicted[0][1] in said.partition("user/caller")[2].split()
    assert 1 < float(predicted[0][1]) < 7  # the logarithm of some rentals in an hour

    assert "Completed {'train:rmse': " in said
    # The same job, by two clients.
    metrics = re.findall(r"(?:Completed|ModelTrainer:) (\{'train:rmse': .*\})", said)
    assert len(metrics) == 2
    assert metrics[0] == metrics[1]
    assert "ModelTrainer: Completed s3://bikes-dev-111122223333-us-east-1/training/model-trainer-" in said
    assert "transformed: Completed" in said
    assert "SDK v2 updated: InService" in said
    assert f"SDK v2 transformed: {predicted[0][1]}" in said
    assert "SDK v2 registered: arn:aws:sagemaker:us-east-1:111122223333:model-package/sdk-v2/1" in said
    assert re.search(r"^sdk-v2-[-0-9]+\t0\.1$", said, re.MULTILINE)
    assert "from-a-notebook" in (clone / ".kickstand/local/releases/bikes/dev.json").read_text()
    assert "refused: a caller reads no data" in said
    assert "\nbikes-dev-hosting\tCREATE_COMPLETE\n" in said
    assert "[99]#011train-rmse:" in said
