"""One hostile input: where it is put, and the command that meets it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from samples import BUCKET, release

from hostile.account import Account
from kickstand.release.file import canonical, release_digest, write_release

JOB = "bikes-dev-20260101-000000-0a1b"
PROJECT = """\
[project]
name = "bikes"
[data]
train = "train.csv"
test = "test.csv"
golden_rows = 2
[hyperparameters]
num_round = 2
objective = "reg:squarederror"
[environments.dev]
account = "111122223333"
region = "us-east-1"
[environments.staging]
account = "444455556666"
region = "us-east-1"
promotes_from = "dev"
[environments.dev.gates]
approval = true
"""
ROWS = "1,0.5,2,3\n2,0.25,4,1e3\n3,0.125,8,9\n4,0.75,1,2\n" * 3


@dataclass
class Stage:
    """A project's folder with a release of dev, and the account that its commands reach."""

    folder: Path
    account: Account = field(default_factory=Account)

    @classmethod
    def copy_of(cls, pattern: Path, folder: Path) -> Stage:
        shutil.copytree(pattern, folder)
        return cls(folder)

    @classmethod
    def pattern(cls, folder: Path) -> Path:
        """A good project, from which each case starts."""
        (folder / "releases").mkdir(parents=True)
        (folder / "kickstand.toml").write_text(PROJECT)
        for name in ("train.csv", "test.csv"):
            (folder / name).write_text(ROWS)
        write_release(folder / "releases" / "dev.json", release())
        return folder

    def put(self, name: str, content: bytes | str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        return file

    def project(self, change: Callable[[str], str | bytes]) -> None:
        self.put("kickstand.toml", change(PROJECT))

    def release_fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads((self.folder / "releases" / "dev.json").read_text())
        return fields

    def seal(self, **changes: Any) -> None:
        """dev's release with other fields, by somebody who knows how it is sealed."""
        fields = {**self.release_fields(), **changes}
        try:
            text = canonical({**fields, "sha256": release_digest(fields)})
        except (ValueError, RecursionError):
            text = json.dumps(fields)
        self.put("releases/dev.json", text)

    def artifact(self, body: bytes) -> None:
        """The model archive of the training job, and of dev's release."""
        self.account.artifact(body)


@dataclass(frozen=True)
class Case:
    """One input.

    words: the command behind `kickstand`. accepted: the input is odd and yet right: the command may end with 0; all
    else is demanded of it too.
    """

    kind: str
    name: str
    words: tuple[str, ...]
    put: Callable[[Stage], object]
    accepted: bool = False


def table(
    kind: str, words: tuple[str, ...], inputs: Mapping[str, Any], put: Callable[[Stage, Any], object]
) -> Iterator[Case]:
    """A case of each input; an input that is a function is made when its case is run."""
    for name, content in inputs.items():
        yield Case(kind, name, words, partial(_put, put, content))


def _put(put: Callable[[Stage, Any], object], content: Any, stage: Stage) -> None:
    put(stage, content() if callable(content) else content)


__all__ = ["BUCKET", "JOB", "PROJECT", "ROWS", "Case", "Stage", "table"]
