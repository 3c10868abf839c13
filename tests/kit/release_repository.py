"""A git repository with a project of three environments and their releases; the same commits in every run."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from project_files import SMALLEST, write
from samples import release

from kickstand.release.file import write_release
from kickstand.release.model import Artifact, Channel, GateResult, Promotion, Release

OTHERS = (
    '[environments.staging]\naccount = "444455556666"\nregion = "us-east-1"\npromotes_from = "dev"\n'
    '[environments.prod]\naccount = "777788889999"\nregion = "us-east-1"\n'
)
ACCOUNTS = {"dev": "111122223333", "staging": "444455556666", "prod": "777788889999"}


@dataclass
class Repository:
    """git in a folder, a minute later at each commit."""

    folder: Path
    minutes: int = field(default=0)

    @classmethod
    def make(cls, folder: Path) -> Repository:
        made = cls(folder)
        made.git("init", "-q", "-b", "main")
        write(folder, SMALLEST + OTHERS)
        made.commit("Begin the project")
        return made

    @property
    def config(self) -> Path:
        return self.folder / "kickstand.toml"

    def path(self, name: str) -> Path:
        return self.folder / "releases" / f"{name}.json"

    def git(self, *words: str, author: str = "Ada Lovelace") -> str:
        date = f"2026-03-04T05:{self.minutes:02}:00+01:00"
        who = {
            f"GIT_{role}_{what}": value
            for role in ("AUTHOR", "COMMITTER")
            for what, value in (("NAME", author), ("EMAIL", f"{author.split()[0].lower()}@example.com"), ("DATE", date))
        }
        env = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        command = ["git", "-C", str(self.folder), *words]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout.strip()

    def commit(self, subject: str, author: str = "Ada Lovelace") -> str:
        """Everything that there is; returns the commit's id."""
        self.minutes += 1
        self.git("add", "-A")
        self.git("commit", "-qm", subject, author=author)
        return self.git("rev-parse", "HEAD")

    def release(self, name: str = "dev", letter: str = "a", **changes: Any) -> Release:
        """Writes a release that is right for an environment; its model's digest is the letter, 64 times."""
        return write_release(self.path(name), made_for(name, letter, **changes))

    def promote(self, source: Release, letter: str = "a", *, name: str = "staging") -> Release:
        origin = Promotion(
            environment="dev",
            release_sha256=source.sha256,
            gates=(GateResult(name="metrics", passed=True, figure="validation:rmse 0.29", limit="<= 0.35"),),
            overrides=(),
            by="arn:aws:iam::444455556666:user/ana",
            at="2026-11-24T09:00:00Z",
        )
        return self.release(name, letter, promoted_from=origin)


def made_for(name: str, letter: str, **changes: Any) -> Release:
    bucket = f"bikes-{name}-{ACCOUNTS[name]}-us-east-1"
    model = Artifact(s3_uri=f"s3://{bucket}/models/{letter * 64}/model.tar.gz", sha256=letter * 64, size=4096)
    first = release()
    channels = tuple(moved(channel, bucket) for channel in first.channels)
    fields = {"environment": name, "account": ACCOUNTS[name], "bucket": bucket, "artifact": model, "channels": channels}
    return first.model_copy(update=fields | changes)


def moved(channel: Channel, bucket: str) -> Channel:
    return channel.model_copy(update={"s3_uri": f"s3://{bucket}/data/{channel.sha256}/{channel.name}/"})
