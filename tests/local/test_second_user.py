"""Another Unix user of the machine, who knows the port: reads nothing, is answered nothing, runs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from local_client import Client, client_of
from sagemaker_world import make_world

from benchmarks.measure import descendants
from localcloud.cloud import LocalCloud
from localcloud.server.running import holder

PROGRAM = Path(__file__).with_name("second_user.py")
USER = 54321
"""Of no account of this machine."""

as_root = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="NOT LOOKED AT: what a second Unix user reaches; only root can become one",
)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """One of its own, started as on a user's machine: its command line is read."""
    running = LocalCloud(tmp_path_factory.mktemp("second"))
    running.start(port=0)
    yield running
    running.stop(discard=True)


@pytest.fixture(scope="module")
def client(cloud: LocalCloud) -> Client:
    return lambda service, **place: client_of(cloud, service, **place)


@pytest.fixture(scope="module")
def endpoint(client: Client) -> str:
    """An endpoint whose model server is at work meanwhile."""
    name = f"second-{uuid.uuid4().hex[:8]}"
    world = make_world(client, name)
    world.model(name, world.artifact())
    world.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=world.config(name, ("One", name, 1)))
    described = world.wait_for_endpoint(name)
    assert described["EndpointStatus"] == "InService", described
    return name


@pytest.fixture(scope="module")
def found(cloud: LocalCloud, endpoint: str) -> dict[str, Any]:
    """What the second user's program reports. It is given paths, of the state folder and of sockets, and ports."""
    open_ports, open_paths = listening(server_pid(cloud))
    ports, paths = sorted(open_ports), sorted(open_paths)
    assert paths, f"no model server of {endpoint} listens"
    done = subprocess.run(
        [sys.executable, "-I", str(PROGRAM), str(USER), str(cloud.folder.root), *map(str, ports), *paths],
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
    assert (report["ports"], report["sockets"]) == (ports, paths)
    return report


def server_pid(cloud: LocalCloud) -> int:
    pid = holder(cloud.folder.lock)
    assert pid is not None
    return pid


def listening(pid: int) -> tuple[set[int], set[str]]:
    """The TCP ports and the Unix sockets on which the server and its children take connections."""
    ports, paths = set(), set()
    for one in (pid, *descendants(pid)):
        folder = Path(f"/proc/{one}")
        try:
            targets = [str(link.readlink()) for link in (folder / "fd").iterdir()]
            here = (folder / "cwd").readlink()
            # Each process has the tables of its own network namespace.
            tcp = [(folder / "net" / table).read_text().splitlines()[1:] for table in ("tcp", "tcp6")]
            local = (folder / "net" / "unix").read_text().splitlines()[1:]
        except OSError:
            continue
        inodes = {target[8:-1] for target in targets if target.startswith("socket:[")}
        for fields in (line.split() for table in tcp for line in table):
            if fields[3] == "0A" and fields[9] in inodes:
                ports.add(int(fields[1].rpartition(":")[2], 16))
        for fields in (line.split(maxsplit=7) for line in local):
            if len(fields) == 8 and fields[3] == "00010000" and fields[6] in inodes:
                paths.add(str(here / fields[7]))
    return ports, paths


@as_root
def test_it_reads_nothing_of_the_state_folder(found: dict[str, Any]) -> None:
    assert found["read"] == []
    assert found["listed"] == []


@as_root
def test_no_port_gives_it_an_answer(cloud: LocalCloud, found: dict[str, Any]) -> None:
    assert int(cloud.url.rpartition(":")[2]) in found["ports"]
    answered = [one for one in found["answers"] if one["status"] not in (400, 403, 404)]
    assert answered == []
    assert len(found["answers"]) >= 30
    assert found["connected"] == []


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
