"""The hosts of a training job: their data, their meeting, what they leave behind."""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from localcloud.container.contract import PlatformError, UserError
from localcloud.container.training import collective
from localcloud.container.training.collective import Cluster, rendezvous
from localcloud.jobs.events import JobFailure, program_failure
from localcloud.jobs.process.namespace import NamespaceError, host_network
from localcloud.jobs.training.hosts import Host, gather, job_hosts, share_channel
from localcloud.jobs.training.request import container_configuration


def _request(instances: int) -> dict[str, Any]:
    return {"ResourceConfig": {"InstanceCount": instances, "InstanceType": "ml.m5.large"}}


def _port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def _shared(tmp_path: Path, distribution: str, files: int, hosts: int) -> dict[str, list[str]]:
    source = tmp_path / "channels" / "train"
    for number in range(files):
        file = source / f"{number // 2}" / f"{number}.csv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(str(number))
    all_hosts = job_hosts(_request(hosts), tmp_path)
    channel = {
        "ChannelName": "train",
        "DataSource": {"S3DataSource": {"S3DataDistributionType": distribution}},
    }
    share_channel(source, all_hosts, channel)
    assert not source.exists()
    return {host.name: sorted(path.read_text() for path in host.channel("train").rglob("*.csv")) for host in all_hosts}


@pytest.mark.contract("T35")
def test_replicated_data_is_whole_on_every_host(tmp_path: Path) -> None:
    assert _shared(tmp_path, "FullyReplicated", 3, 2) == {"algo-1": ["0", "1", "2"], "algo-2": ["0", "1", "2"]}


@pytest.mark.contract("T35")
def test_sharded_data_is_dealt_out_in_the_order_of_its_keys(tmp_path: Path) -> None:
    assert _shared(tmp_path, "ShardedByS3Key", 5, 2) == {"algo-1": ["0", "2", "4"], "algo-2": ["1", "3"]}


def test_a_host_beyond_the_number_of_files_has_none(tmp_path: Path) -> None:
    assert _shared(tmp_path, "ShardedByS3Key", 1, 3) == {"algo-1": ["0"], "algo-2": [], "algo-3": []}


def test_one_artifact_holds_what_all_hosts_made(tmp_path: Path) -> None:
    hosts = job_hosts(_request(2), tmp_path)
    for host, name in zip(hosts, ("a", "b"), strict=True):
        for place in ("model", f"output/data/{name}"):
            (host.base / place).mkdir(parents=True)
        (host.base / "output/data" / name / "x").write_text(name)
        (host.base / "model/same").write_text(name)
    made = gather(hosts)
    assert made == hosts[0]
    assert (made.base / "output/data/a/x").read_text() + (made.base / "output/data/b/x").read_text() == "ab"
    assert (made.base / "model/same").read_text() == "a"


def test_a_single_host_works_in_the_jobs_own_folder(tmp_path: Path) -> None:
    assert job_hosts(_request(1), tmp_path) == (Host("algo-1", tmp_path),)


@pytest.mark.contract("T03")
def test_every_host_is_told_its_name_all_names_and_where_they_meet() -> None:
    told = container_configuration(_request(3), "algo-2")["resourceconfig"]
    assert (told["current_host"], told["hosts"]) == ("algo-2", ["algo-1", "algo-2", "algo-3"])
    assert told["network_interface_name"] == "lo"
    assert told["instance_groups"][0]["hosts"] == ["algo-1", "algo-2", "algo-3"]
    assert container_configuration(_request(1))["resourceconfig"]["network_interface_name"] == "eth0"


def test_hosts_hear_one_another_and_the_first_ones_announcement() -> None:
    hosts, address = ("algo-1", "algo-10", "algo-2"), ("127.0.0.1", _port())

    def call(host: str) -> Any:
        return rendezvous(host, hosts, address, {"of": host}, announcement=lambda: {"from": host}, patience=20)

    with ThreadPoolExecutor(3) as pool:
        heard = list(pool.map(call, reversed(hosts)))
    assert heard == [({host: {"of": host} for host in hosts}, {"from": "algo-1"})] * 3


def test_a_host_that_does_not_come_is_given_up() -> None:
    for host in ("algo-1", "algo-2"):
        with pytest.raises(PlatformError, match=rf"Host {host} waited 0\.2 s for the other hosts"):
            rendezvous(host, ("algo-1", "algo-2"), ("127.0.0.1", _port()), {}, patience=0.2)


def _with_data(
    monkeypatch: pytest.MonkeyPatch, missing: dict[str, list[str]]
) -> list[Cluster | UserError | PlatformError | None]:
    monkeypatch.setattr(collective, "_PORT", _port())
    hosts = list(missing)

    def ask(host: str) -> Any:
        cluster = Cluster.of({"current_host": host, "hosts": hosts, "network_interface_name": "lo"})
        try:
            return cluster.with_data(missing[host])
        except UserError as error:
            return error

    with ThreadPoolExecutor(len(hosts)) as pool:
        return list(pool.map(ask, hosts))


@pytest.mark.contract("T75", "T76")
def test_the_hosts_with_data_train_and_the_first_of_them_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = _with_data(monkeypatch, {"algo-1": ["validation"], "algo-2": [], "algo-3": []})
    assert first is None
    assert isinstance(second, Cluster)
    assert isinstance(third, Cluster)
    assert second.hosts == third.hosts == ("algo-2", "algo-3")
    assert (second.is_master, third.is_master) == (True, False)


def test_a_single_host_with_data_trains_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = _with_data(monkeypatch, {"algo-1": [], "algo-2": ["train"]})
    assert isinstance(first, Cluster)
    assert (first.several, first.is_master, second) == (False, True, None)


def test_no_data_anywhere_is_the_users_error(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = _with_data(monkeypatch, {"algo-1": ["validation"], "algo-2": ["train"]})
    assert [str(error) for error in errors] == [
        "UserError: No hosts received training data. Host algo-1 has none for validation",
        "UserError: No hosts received training data. Host algo-2 has none for train",
    ]


@pytest.mark.parametrize("resources", [{}, {"hosts": []}, {"hosts": ["algo-1"], "current_host": "algo-2"}])
def test_a_broken_resource_configuration_is_the_platforms_fault(resources: dict[str, Any]) -> None:
    with pytest.raises(PlatformError):
        Cluster.of(resources)


def test_a_machine_that_gives_no_namespace_refuses_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> None:
        raise NamespaceError("unshare: Operation not permitted")

    make: Callable[[], None] = none
    monkeypatch.setattr("localcloud.jobs.process.namespace.Namespace", make)
    with host_network(1) as descriptors:
        assert descriptors == ()
    with pytest.raises(JobFailure, match=r"Training on 4 instances is not possible .*unshare: Operation not permitted"):
        host_network(4).__enter__()


@pytest.mark.contract("T64")
def test_a_long_failure_keeps_its_host() -> None:
    reason = program_failure("x" * 2000, 1, ". Host algo-2 of 2 failed; the others were stopped")
    assert len(reason) == 1024
    assert reason.endswith("..., exit code: 1. Host algo-2 of 2 failed; the others were stopped")
