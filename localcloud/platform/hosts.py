"""The hosts of a training job: a folder each, their share of the data, and what they made put together.

A job on several instances is several processes of this machine, named as SageMaker names them: algo-1, algo-2 …
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SHARDED = "ShardedByS3Key"


@dataclass(frozen=True, slots=True)
class Host:
    """One host: its name, and the folder that is its own; `opt/ml` below it stands for /opt/ml."""

    name: str
    folder: Path

    @property
    def base(self) -> Path:
        return self.folder / "opt" / "ml"

    def channel(self, name: str) -> Path:
        return self.base / "input" / "data" / name


def host_names(request: Mapping[str, Any]) -> list[str]:
    """`algo-1` … `algo-N` of a CreateTrainingJob request."""
    instances = int(request.get("ResourceConfig", {}).get("InstanceCount", 1))
    return [f"algo-{number}" for number in range(1, instances + 1)]


def job_hosts(request: Mapping[str, Any], folder: Path) -> tuple[Host, ...]:
    """The hosts of a job that works in `folder`; a single one has the folder itself."""
    names = host_names(request)
    return (Host(names[0], folder),) if len(names) == 1 else tuple(Host(name, folder / name) for name in names)


def share_channel(source: Path, hosts: Sequence[Host], channel: Mapping[str, Any]) -> None:
    """Give every host its files of a channel that was downloaded to `source`, which is gone afterwards.

    channel: an entry of InputDataConfig. FullyReplicated: every host has every file. ShardedByS3Key: the files, in
             the order of their keys, are dealt out one by one; a host beyond their number has none. (SageMaker says
             that each of N hosts gets a part, about 1/N of the objects, and not which.)
    """
    name = channel["ChannelName"]
    sharded = channel["DataSource"]["S3DataSource"].get("S3DataDistributionType") == SHARDED
    for host in hosts:
        host.channel(name).mkdir(parents=True, exist_ok=True)
    files = sorted((path for path in source.rglob("*") if path.is_file()), key=lambda path: path.as_posix())
    for number, file in enumerate(files):
        for host in [hosts[number % len(hosts)]] if sharded else hosts:
            target = host.channel(name) / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            _link(file, target)
    shutil.rmtree(source)


def gather(hosts: Sequence[Host]) -> Host:
    """Put the models and output data of all hosts into the first one's folders, as SageMaker makes one artifact of all.

    Where two hosts wrote the same file, the one of the first host by name stays.
    """
    first, *others = hosts
    for host in others:
        for place in ("model", "output/data"):
            for file in sorted(path for path in (host.base / place).rglob("*") if path.is_file()):
                target = first.base / place / file.relative_to(host.base / place)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    file.replace(target)
    return first


def _link(file: Path, target: Path) -> None:
    """One file, many names: the hosts read their input only."""
    try:
        os.link(file, target)
    except OSError:
        shutil.copyfile(file, target)
