"""A user at a terminal: projects of their own, a local cloud of their own, commands typed and read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import numpy as np
from typed_command import Typed, type_here

from localcloud.cloud import LocalCloud

REPOSITORY = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ACCOUNT = "111122223333"
REGION = "us-east-1"

TOML = """\
[project]
name = "{name}"
[data]
train = "train.csv"
validation = "validation.csv"
test = "test.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = {rounds}
max_depth = 3
[environments.dev]
account = "{account}"
region = "{region}"
"""


_PRINTED: dict[bytes, dict[str, str]] = {}


@dataclass(frozen=True)
class Workshop:
    """One state folder of the local cloud; commands run against it."""

    state: Path

    def variables(self) -> dict[str, str]:
        return {
            **os.environ,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "KICKSTAND_LOCAL_STATE": str(self.state),
        }

    def run(self, *words: str | Path, **more: str) -> Typed:
        command = [str(word) for word in words]
        done = subprocess.run(
            command,
            cwd=REPOSITORY,
            env={**self.variables(), **more},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=240,
        )
        return Typed(done.returncode, done.stdout, done.stderr)

    def kickstand(self, project: Path, *words: str | Path) -> Typed:
        """A command of Kickstand, with `--local`, in this process."""
        local = ("--local", "--config", project / "kickstand.toml")
        return type_here(REPOSITORY, self.variables(), *local, *words)

    def process(self, project: Path, *words: str | Path) -> Typed:
        """The same in a process of its own, as a user's."""
        return self.run(BIN / "kickstand", "--local", "--config", project / "kickstand.toml", *words)

    def cloud_environment(self) -> dict[str, str]:
        """What `kickstand local env` prints, as a dictionary; it is asked once a start of the server."""
        if not (server := self._server()) or server not in _PRINTED:
            printed = type_here(REPOSITORY, self.variables(), "local", "env", "dev").good().out
            lines = (line.removeprefix("export ").split("=", 1) for line in printed.splitlines() if "=" in line)
            _PRINTED[server := self._server()] = {name: value.strip("'") for name, value in lines}
        return dict(_PRINTED[server])

    def _server(self) -> bytes:
        """What tells one start of the server from another; empty where it does not run."""
        file = LocalCloud(self.state).folder.server
        return file.read_bytes() if file.exists() else b""

    def cdk(self, project: Path, verb: str, *words: str) -> Typed:
        """The plain CDK CLI, as the README writes it."""
        context = [f"config={project / 'kickstand.toml'}", f"releases={self.releases(project)}", "environment=dev"]
        return self.run(
            BIN / "node",
            REPOSITORY / "node_modules/aws-cdk/bin/cdk",
            verb,
            *words,
            *(word for one in context for word in ("-c", one)),
            "--output",
            self.state.parent / f"cdk-{project.name}",
            **self.cloud_environment(),
        )

    def releases(self, project: Path) -> Path:
        return self.state / "releases" / project.name

    def release(self, project: Path) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.releases(project) / "dev.json").read_text())
        return found

    def client(self, service: str, key: str = ACCOUNT, secret: str = "") -> Any:
        """A boto3 client: as an account's root, or with somebody's access key and its secret."""
        variables = self.cloud_environment()
        return boto3.session.Session(
            aws_access_key_id=key,
            aws_secret_access_key=secret or LocalCloud(self.state).root_key(key)["SecretAccessKey"],
            region_name=REGION,
        ).client(service, endpoint_url=variables["AWS_ENDPOINT_URL"], verify=variables["AWS_CA_BUNDLE"])


def make_project(folder: Path, *, rounds: int = 10, seed: int = 1) -> Path:
    """A project folder named as the project: three CSVs of a plain regression, and its kickstand.toml."""
    folder.mkdir()
    draw = np.random.default_rng(seed)
    for name, rows in (("train", 300), ("validation", 100), ("test", 80)):
        features = draw.normal(size=(rows, 4)).round(4)
        label = (features @ [3.0, -2.0, 0.5, 0.0] + draw.normal(scale=0.1, size=rows)).round(4)
        np.savetxt(folder / f"{name}.csv", np.column_stack([label, features]), fmt="%.4f", delimiter=",")
    write_toml(folder, rounds=rounds)
    return folder


def write_toml(folder: Path, *, rounds: int) -> None:
    text = TOML.format(name=folder.name, rounds=rounds, account=ACCOUNT, region=REGION)
    (folder / "kickstand.toml").write_text(text)


def features_of(project: Path, rows: int = 80) -> str:
    """The test rows without their labels."""
    lines = (project / "test.csv").read_text().splitlines()[:rows]
    return "".join(line.split(",", 1)[1] + "\n" for line in lines)


def open_workshop(folder: Path) -> Iterator[Workshop]:
    """A workshop; at the end its local cloud is stopped."""
    workshop = Workshop(folder / "state")
    yield workshop
    type_here(REPOSITORY, workshop.variables(), "local", "stop").good()
