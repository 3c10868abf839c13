"""Another Unix user of the machine, who knows the port: reads nothing, is answered nothing, runs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from localcloud.cloud import LocalCloud
from localcloud.server_lock import holder

PROGRAM = Path(__file__).with_name("second_user.py")
USER = 54321
"""Of no account of this machine."""

as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="NOT LOOKED AT: what a second Unix user reaches; only root can become one",
)


@pytest.fixture(scope="module")
def found(cloud: LocalCloud) -> dict[str, Any]:
    """What the second user's program reports. It is given the state folder's path and the ports, and nothing else."""
    ports = sorted(listening_ports(server_pid(cloud)))
    done = subprocess.run(
        [sys.executable, "-I", str(PROGRAM), str(USER), str(cloud.folder.root), *map(str, ports)],
        cwd="/",
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["uid"] == USER
    assert report["ports"] == ports
    return report


def server_pid(cloud: LocalCloud) -> int:
    pid = holder(cloud.folder.lock)
    assert pid is not None
    return pid


def family(pid: int) -> set[int]:
    """A process and all that it started, directly or not."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        try:
            child, parent = int(folder.name), int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            continue
        parents.setdefault(parent, []).append(child)
    members: set[int] = set()
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        members.add(one)
        waiting += parents.get(one, [])
    return members


def listening_ports(pid: int) -> set[int]:
    """The TCP ports of this machine that the server and its children listen on."""
    inodes: set[str] = set()
    for one in family(pid):
        try:
            targets = [str(link.readlink()) for link in Path(f"/proc/{one}/fd").iterdir()]
        except OSError:
            continue
        inodes |= {target[8:-1] for target in targets if target.startswith("socket:[")}
    ports = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


@as_root
def test_it_reads_nothing_of_the_state_folder(found: dict[str, Any]) -> None:
    assert found["read"] == []
    assert found["listed"] == []


@as_root
def test_no_port_gives_it_an_answer(cloud: LocalCloud, found: dict[str, Any]) -> None:
    assert int(cloud.url.rpartition(":")[2]) in found["ports"]
    answered = [one for one in found["answers"] if one["status"] not in (400, 403, 404)]
    assert answered == []
    assert len(found["answers"]) >= 30 * len(found["ports"])


@as_root
def test_it_sees_no_secret_in_what_it_is_told_or_in_the_process_list(cloud: LocalCloud, found: dict[str, Any]) -> None:
    secrets = [cloud.folder.root_secret.read_text().strip(), cloud.root_key("111122223333")["SecretAccessKey"]]
    secrets.append(json.loads(cloud.folder.server.read_text())["token"])
    seen = json.dumps(found)
    assert [secret for secret in secrets if secret in seen] == []
    assert any("localcloud.server" in line for line in found["command lines"])


@as_root
def test_it_makes_nothing_run(cloud: LocalCloud, found: dict[str, Any]) -> None:
    client = cloud.client("sagemaker", "111122223333", "us-east-1")
    jobs = [one["TrainingJobName"] for one in client.list_training_jobs()["TrainingJobSummaries"]]
    assert [name for name in jobs if name.startswith("second-user")] == []
    assert found["signalled"] == []
