"""The model servers behind one endpoint: a process a production variant, started and switched together; and traffic."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from localcloud.sagemaker.processes import Processes, Server, ServerOrder

_RETAINED = {"DesiredInstanceCount": "DesiredInstanceCount", "DesiredWeight": "DesiredWeight"}


def summaries(
    variants: Sequence[Mapping[str, Any]],
    images: Mapping[str, str],
    now: float,
    *,
    before: Sequence[Mapping[str, Any]] = (),
    retained: Iterable[str] = (),
) -> list[dict[str, Any]]:
    """ProductionVariants of DescribeEndpoint for the variants of an endpoint configuration.

    images:   the image of each variant, by its name.
    before:   the summaries before an update; retained: the properties to keep of variants that go on
              (`DesiredInstanceCount`, `DesiredWeight`), as RetainAllVariantProperties asks.
    """
    kept = {summary["VariantName"]: summary for summary in before}
    retained = set(retained)
    shown = []
    for variant in variants:
        name = variant["VariantName"]
        old = kept.get(name, {})
        weight = float(variant["InitialVariantWeight"])
        count = variant["InitialInstanceCount"]
        if "DesiredWeight" in retained:
            weight = old.get("DesiredWeight", weight)
        if "DesiredInstanceCount" in retained:
            count = old.get("DesiredInstanceCount", count)
        image = images[name]
        shown.append(
            {
                "VariantName": name,
                "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now}],
                "CurrentWeight": weight,
                "DesiredWeight": weight,
                "CurrentInstanceCount": count,
                "DesiredInstanceCount": count,
            }
        )
    return shown


def retained_properties(request: Mapping[str, Any]) -> set[str]:
    """Which properties an UpdateEndpoint request keeps."""
    if not request.get("RetainAllVariantProperties"):
        return set()
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties") or ()}
    return set(_RETAINED) - excluded


class Traffic:
    """Shares requests among variants by weight, evenly: of 10 requests at weights 9 and 1, exactly one is the second's.

    Smooth weighted round-robin rather than chance, so that small numbers of requests already show the weights.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = {name: weight for name, weight in weights.items() if weight > 0} or dict(weights)
        self._current = dict.fromkeys(self._weights, 0.0)
        self._lock = threading.Lock()

    def choose(self) -> str:
        """The variant that the next request goes to."""
        with self._lock:
            for name, weight in self._weights.items():
                self._current[name] += weight
            chosen = max(self._current, key=lambda name: self._current[name])
            self._current[chosen] -= sum(self._weights.values())
            return chosen


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
