"""The hosts of one training job: what each has, exchanged before any trains, and the collective of those with data.

Does not import xgboost: a job on one host, and a refusal, need not wait for it.
"""

from __future__ import annotations

import json
import logging
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from localcloud.container.contract import PlatformError, UserError

_PATIENCE = 900.0
"""Seconds for all hosts to come up; as long as the container waits for their names to be known."""
_RETRY = 0.05

Words = Mapping[str, Any]


def rendezvous(
    host: str,
    hosts: Sequence[str],
    address: tuple[str, int],
    word: Words,
    *,
    announcement: Callable[[], Words] = dict,
    patience: float = _PATIENCE,
) -> tuple[dict[str, Words], Words]:
    """What every host has to say, by host in the order of `hosts`, and the first host's announcement.

    host:         this host, one of `hosts`.
    address:      where the first of `hosts` listens for the others.
    word:         what this host says; JSON.
    announcement: asked on the first host alone, once everybody is there.
    patience:     seconds until a host that does not appear is given up. Raises PlatformError.
    """
    deadline = time.monotonic() + patience
    try:
        if host == hosts[0]:
            return _lead(host, hosts, address, word, announcement, deadline)
        return _follow(host, hosts[0], address, word, deadline)
    except TimeoutError:
        raise PlatformError(f"Host {host} waited {patience:g} s for the other hosts of the job") from None


def _lead(
    host: str,
    hosts: Sequence[str],
    address: tuple[str, int],
    word: Words,
    announcement: Callable[[], Words],
    deadline: float,
) -> tuple[dict[str, Words], Words]:
    words: dict[str, Words] = {host: word}
    waiting: list[socket.socket] = []
    with socket.create_server(address, backlog=len(hosts)) as server:
        while len(words) < len(hosts):
            server.settimeout(_left(deadline))
            connection, _ = server.accept()
            connection.settimeout(_left(deadline))
            name, their_word = _read(connection)
            words[str(name)] = their_word
            waiting.append(connection)
        everybody = {name: words[name] for name in hosts}
        announced = announcement()
        for connection in waiting:
            with connection:
                _write(connection, [everybody, announced])
    return everybody, announced


def _follow(
    host: str, leader: str, address: tuple[str, int], word: Words, deadline: float
) -> tuple[dict[str, Words], Words]:
    while True:
        try:
            connection = socket.create_connection(address, timeout=_left(deadline))
            break
        except ConnectionRefusedError:
            _left(deadline)
            time.sleep(_RETRY)  # the first host is not that far yet
    try:
        with connection:
            _write(connection, [host, word])
            everybody, announced = _read(connection)
    except (ConnectionError, ValueError):
        raise PlatformError(f"Host {host} lost host {leader} before training began") from None
    return dict(everybody), announced


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _write(connection: socket.socket, message: list[Any]) -> None:
    connection.sendall(json.dumps(message).encode() + b"\n")


def _read(connection: socket.socket) -> tuple[Any, Any]:
    with connection.makefile("rb") as lines:
        first, second = json.loads(lines.readline())
    return first, second


LOOPBACK_INTERFACE = "lo"
"""`network_interface_name` of a job whose hosts are processes of one machine."""
LOST = "lost the connection to the other hosts"
"""In the failure of a host that failed because another one did."""
_PORT = 9099
"""The container's port for its first meeting; the second takes the next one."""

_log = logging.getLogger("container")


@dataclass(frozen=True, slots=True)
class Cluster:
    """This host among those that train together. The first one is the master: it saves the model."""

    host: str
    hosts: tuple[str, ...]
    interface: str = "eth0"

    @classmethod
    def of(cls, resources: Mapping[str, Any]) -> Cluster:
        """The cluster of a resourceconfig.json: all hosts of the job. Raises PlatformError for none."""
        hosts = resources.get("hosts")
        if not isinstance(hosts, list) or not hosts:
            raise PlatformError("Number of hosts should be an int greater than or equal to 1")
        host = str(resources.get("current_host") or hosts[0])
        if host not in hosts:
            raise PlatformError(f"The current host {host} is not among the hosts {', '.join(map(str, hosts))}")
        interface = str(resources.get("network_interface_name", "eth0"))
        return cls(host, tuple(sorted(map(str, hosts))), interface)

    @property
    def several(self) -> bool:
        return len(self.hosts) > 1

    @property
    def is_master(self) -> bool:
        return self.host == self.hosts[0]

    def with_data(self, missing: Sequence[str]) -> Cluster | None:
        """The hosts that train, once every host has said what it has; None where this one is not among them.

        missing: the declared channels that hold no data on this host.
        Raises UserError where no host has data.
        """
        for name in missing:
            _log.warning(
                "Host %s does not have %s data. It will not be used in distributed training. Divide the data into as "
                "many files as there are instances, or more.",
                self.host,
                "training" if name == "train" else name,
            )
        words, _ = rendezvous(self.host, self.hosts, self._address(_PORT), {"missing": list(missing)})
        training = tuple(host for host, word in words.items() if not word["missing"])
        if not training:
            raise UserError(f"No hosts received training data. Host {self.host} has none for {', '.join(missing)}")
        if self.host not in training:
            _log.warning("Host %s not being used for distributed training.", self.host)
            return None
        return Cluster(self.host, training, self.interface)

    @contextmanager
    def collective(self) -> Iterator[None]:
        """Inside, xgboost trains with all hosts of this cluster; with one host it trains by itself.

        Enter it with the data loaded: from here on, the hosts wait for one another in every round.
        """
        if not self.several:
            yield
            return
        from localcloud.container.training.xgboost_collective import Tracker, joined

        trackers: list[Tracker] = []

        def start_tracker() -> Mapping[str, Any]:
            trackers.append(Tracker(self._ip(self.hosts[0]), len(self.hosts)))
            return trackers[0].arguments

        _, arguments = rendezvous(self.host, self.hosts, self._address(_PORT + 1), {}, announcement=start_tracker)
        with joined(arguments, self.host):
            yield
        for tracker in trackers:
            tracker.wait()

    def agree(self, requested: bool) -> bool:
        """Whether any host asks for it: all of them hear the same answer in the same round."""
        if not self.several:
            return requested
        from localcloud.container.training.xgboost_collective import any_host

        return any_host(requested)

    def _address(self, port: int) -> tuple[str, int]:
        return self._ip(self.hosts[0]), port

    def _ip(self, host: str) -> str:
        if self.interface == LOOPBACK_INTERFACE:
            return "127.0.0.1"
        try:
            return socket.gethostbyname(host)
        except OSError as error:
            raise PlatformError(f"Host {host} cannot be found from host {self.host}: {error}") from None
