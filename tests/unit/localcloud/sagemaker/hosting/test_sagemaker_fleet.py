"""The instances of a fleet: which a request goes to, what becomes of those that die, how a fleet changes and ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from sagemaker_fakes import Fakes, Server

from localcloud.sagemaker.hosting.fleet import Fleet, LiveEndpoint, RetiredError, Traffic, UnansweredError
from localcloud.sagemaker.processes import ServerOrder


def orders(folder: Path, artifact: str) -> Callable[[str], ServerOrder]:
    """Orders of instances i-0, i-1 …"""
    made: list[str] = []

    def order(variant: str) -> ServerOrder:
        instance = f"i-{len(made)}"
        made.append(instance)
        place = folder / instance
        place.mkdir(parents=True)
        return ServerOrder("image", artifact, {}, variant, place, dict, "group", f"{variant}/{instance}", 10.0)

    return order


def fleet_of(
    fakes: Fakes, folder: Path, counts: Mapping[str, int], *, least: bool = False, artifact: str = "m"
) -> Fleet:
    """A fleet with so many instances of each variant, all with traffic."""
    made = Fleet(
        fakes, "c", dict.fromkeys(counts, 1.0), orders(folder, f"s3://b/{artifact}"), least=counts if least else ()
    )
    made.launch(counts)
    made.activate(counts)
    return made


def chosen(fleet: Fleet, requests: int) -> list[str]:
    """The instances that so many requests go to, one after the other."""
    names = []
    for _ in range(requests):
        with fleet.lease("a") as instance:
            names.append(instance.name)
    return names


def test_a_variant_of_several_instances_is_as_many_servers_that_take_turns(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = fleet_of(fakes, tmp_path, {"a": 3, "b": 1})
    assert (fleet.instances("a"), fleet.instances("b"), len(fakes.servers)) == (3, 1, 4)
    assert sorted(chosen(fleet, 3)) == ["i-0", "i-1", "i-2"]
    assert chosen(fleet, 3) == chosen(fleet, 3)
    assert [server.order.instance for server in fakes.servers] == ["i-0", "i-1", "i-2", "i-3"]


def test_least_outstanding_requests_avoids_the_busy_instance_and_turns_leave_nobody_out(tmp_path: Path) -> None:
    least, turns = (fleet_of(Fakes(), tmp_path / str(each), {"a": 2}, least=each) for each in (True, False))
    with least.lease("a") as busy:
        assert set(chosen(least, 4)) == {"i-0", "i-1"} - {busy.name}
    with turns.lease("a"):
        assert set(chosen(turns, 4)) == {"i-0", "i-1"}
    assert set(chosen(least, 4)) == {"i-0", "i-1"}


@pytest.mark.contract("M14")
def test_the_most_requests_at_one_time_are_counted_until_they_are_read(tmp_path: Path) -> None:
    fleet = fleet_of(Fakes(), tmp_path, {"a": 2}, least=True)
    with fleet.lease("a"), fleet.lease("a"), fleet.lease("a"):
        pass
    with fleet.lease("a"):
        assert sorted(fleet.peaks("a")) == [1, 2]
        assert sorted(fleet.peaks("a")) == [0, 1]
    assert sorted(fleet.peaks("a")) == [0, 1]
    assert fleet.peaks("a") == [0, 0]


def test_only_the_active_instances_get_traffic(tmp_path: Path) -> None:
    fleet = fleet_of(Fakes(), tmp_path, {"a": 3})
    fleet.activate({"a": 1})
    assert (fleet.instances("a"), set(chosen(fleet, 4))) == (1, {"i-0"})


def test_an_instance_that_died_gets_no_request_until_it_is_back(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = fleet_of(fakes, tmp_path, {"a": 2}, least=True)
    fakes.servers[0].running = False
    assert set(chosen(fleet, 4)) == {"i-1"}
    fakes.servers[0].running = True
    assert set(chosen(fleet, 4)) == {"i-0", "i-1"}


def test_another_instance_stands_in_for_the_active_one_that_died(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = fleet_of(fakes, tmp_path, {"a": 2})
    fleet.activate({"a": 1})
    fakes.servers[0].running = False
    assert chosen(fleet, 2) == ["i-1", "i-1"]


def test_a_request_waits_for_the_only_instance_to_be_back_and_no_longer_than_it_may(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = fleet_of(fakes, tmp_path, {"a": 1})
    fakes.servers[0].running = False
    with pytest.raises(UnansweredError, match="No instance of production variant a answers"), fleet.lease("a", 0.01):
        pass
    names: list[str] = []
    waiting = threading.Thread(target=lambda: names.extend(chosen(fleet, 1)))
    waiting.start()
    fakes.servers[0].running = True
    waiting.join(10)
    assert names == ["i-0"]


@pytest.mark.contract("G13")
def test_a_request_in_flight_keeps_its_server_and_later_ones_go_elsewhere(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = fleet_of(fakes, tmp_path, {"a": 1})
    with fleet.lease("a"):
        retiring = threading.Thread(target=fleet.retire, args=(10,))
        retiring.start()
        retiring.join(0.1)
        assert fakes.servers[0].running
        with pytest.raises(RetiredError), fleet.lease("a"):
            pass
    retiring.join(5)
    assert not fakes.servers[0].running
    assert not (tmp_path / "i-0").exists()


def test_a_request_that_never_ends_does_not_keep_it_for_ever(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = fleet_of(fakes, tmp_path, {"a": 1})
    with fleet.lease("a"):
        fleet.retire(0.05)
        assert not fakes.servers[0].running


@pytest.mark.contract("G13")
def test_instances_that_leave_are_drained_and_the_rest_serves(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = fleet_of(fakes, tmp_path, {"a": 3})
    with fleet.lease("a"):
        fleet.remove({"a": 2}, 0.05)
    assert [server.running for server in fakes.servers] == [True, False, False]
    assert (fleet.instances("a"), fleet.sizes(), set(chosen(fleet, 2))) == (1, {"a": 1}, {"i-0"})


def test_one_server_that_fails_ends_all_that_were_started_with_it(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = fleet_of(fakes, tmp_path, {"a": 1})
    started: list[Server] = fakes.servers[:]

    def refuse() -> None:
        raise RuntimeError("a did not pass the ping health check.")

    def hosting(order: ServerOrder) -> Server:
        server = Fakes.hosting(fakes, order)
        if len(fakes.servers) == 3:
            server.start = refuse  # type: ignore[method-assign]
        return server

    fakes.hosting = hosting  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="a did not pass the ping health check"):
        fleet.launch({"a": 2})
    assert [server.running for server in fakes.servers] == [True, False, False]
    assert fleet.sizes() == {"a": 1} and started[0].running


def test_a_fleet_that_was_retired_meanwhile_takes_no_instances(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = fleet_of(fakes, tmp_path, {"a": 1})
    fleet.retire(0)
    with pytest.raises(RetiredError):
        fleet.launch({"a": 1})
    assert [server.running for server in fakes.servers] == [False, False]


@pytest.mark.contract("G07")
def test_shares_of_fleets_are_of_the_requests_and_exact(tmp_path: Path) -> None:
    old, new = (fleet_of(Fakes(), tmp_path / name, {"a": 1}) for name in ("old", "new"))
    live = LiveEndpoint(old)
    assert [live.choose() for _ in range(3)] == [old] * 3
    live.route({old: 2.0, new: 1.0})
    for _ in range(10):
        assert sorted([live.choose() is new for _ in range(3)]) == [False, False, True]
    live.route({new: 3.0})
    assert live.fleets() == (new,) and live.choose() is new


def test_weights_are_exact_over_small_numbers() -> None:
    traffic = Traffic({"a": 9.0, "b": 1.0, "c": 0.0})
    invoked = [traffic.choose() for _ in range(20)]
    assert (invoked.count("a"), invoked.count("b"), invoked.count("c")) == (18, 2, 0)
