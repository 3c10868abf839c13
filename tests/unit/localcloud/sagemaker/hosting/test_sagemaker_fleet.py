"""A fleet that is replaced: requests in flight finish, later ones are sent to its successor."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sagemaker_fakes import Fakes

from localcloud.sagemaker.hosting.fleet import Fleet, RetiredError, start_fleet
from localcloud.sagemaker.processes import ServerOrder


def order(variant: str, artifact: str, folder: Path) -> ServerOrder:
    return ServerOrder("image", artifact, {}, variant, folder / variant, dict, "group", "stream", 10.0)


def started(fakes: Fakes, folder: Path) -> Fleet:
    (folder / "a").mkdir(parents=True)
    return start_fleet(fakes, [order("a", "s3://b/m", folder)], {"a": 1.0}, folder)


def test_a_request_in_flight_keeps_its_server(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = started(fakes, tmp_path / "f")
    with fleet.lease():
        retiring = threading.Thread(target=fleet.retire, args=(10,))
        retiring.start()
        retiring.join(0.1)
        assert fakes.servers[0].running
        with pytest.raises(RetiredError), fleet.lease():
            pass
    retiring.join(5)
    assert not fakes.servers[0].running
    assert not (tmp_path / "f").exists()


def test_a_request_that_never_ends_does_not_keep_it_for_ever(tmp_path: Path) -> None:
    fakes = Fakes()
    fleet = started(fakes, tmp_path / "f")
    with fleet.lease():
        fleet.retire(0.05)
        assert not fakes.servers[0].running


def test_one_server_that_fails_ends_all(tmp_path: Path) -> None:
    fakes = Fakes()
    orders = [order("a", "s3://b/m", tmp_path), order("b", "s3://b/broken", tmp_path)]
    with pytest.raises(RuntimeError, match="b did not pass the ping health check"):
        start_fleet(fakes, orders, {"a": 1.0, "b": 1.0}, tmp_path)
    assert [server.running for server in fakes.servers] == [False, False]
