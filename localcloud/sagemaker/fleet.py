"""The model servers behind one endpoint: one process a variant, started and switched together.

A variant's further instances are described but not started: on one machine they would share the same cores.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from localcloud.sagemaker.processes import Processes, Server, ServerOrder
from localcloud.sagemaker.production_variant import Traffic


class RetiredError(Exception):
    """The fleet was replaced before the request could be sent: ask the one that took its place."""


class Fleet:
    """Running model servers by variant, and how requests are shared among them."""

    def __init__(self, servers: Mapping[str, Server], weights: Mapping[str, float], folder: Path) -> None:
        self.servers = dict(servers)
        self.traffic = Traffic(weights)
        self._folder = folder
        self._state = threading.Condition()
        self._requests = 0
        self._retired = False

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Keep the servers alive for the time of one request. Raises RetiredError."""
        with self._state:
            if self._retired:
                raise RetiredError
            self._requests += 1
        try:
            yield
        finally:
            with self._state:
                self._requests -= 1
                self._state.notify_all()

    def retire(self, seconds: float) -> None:
        """Take no more requests, let those in flight finish for at most `seconds`, then stop."""
        with self._state:
            self._retired = True
            self._state.wait_for(lambda: self._requests == 0, seconds)
        for server in self.servers.values():
            server.stop()
        shutil.rmtree(self._folder, ignore_errors=True)


def start_fleet(
    processes: Processes, orders: Sequence[ServerOrder], weights: Mapping[str, float], folder: Path
) -> Fleet:
    """Start all servers at once and wait until each answers its health check.

    Raises what the first failing server raised, when all others are stopped again.
    """
    fleet = Fleet({order.variant: processes.hosting(order) for order in orders}, weights, folder)
    try:
        with ThreadPoolExecutor(max(1, len(orders)), thread_name_prefix="fleet") as pool:
            for started in [pool.submit(server.start) for server in fleet.servers.values()]:
                started.result()
    except BaseException:
        fleet.retire(0)
        raise
    return fleet
