"""The hosts of one training job, and xgboost's collective among those that have data.

As the container has it: the hosts first tell one another who has data; those without leave with exit code 0; the
others train one model together, and the first of them in the order of names runs xgboost's tracker and saves the
model. A single host with data trains by itself. Source: `distributed.py` and `algorithm_mode/train.py` there.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from localcloud.container.errors import PlatformError, UserError
from localcloud.container.training.roll_call import roll_call

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
        words, _ = roll_call(self.host, self.hosts, self._address(_PORT), {"missing": list(missing)})
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
        from localcloud.container.training.rabit import Tracker, joined

        trackers: list[Tracker] = []

        def start_tracker() -> Mapping[str, Any]:
            trackers.append(Tracker(self._ip(self.hosts[0]), len(self.hosts)))
            return trackers[0].arguments

        _, arguments = roll_call(self.host, self.hosts, self._address(_PORT + 1), {}, announcement=start_tracker)
        with joined(arguments, self.host):
            yield
        for tracker in trackers:
            tracker.wait()

    def agree(self, asked: bool) -> bool:
        """Whether any host asks for it: all of them hear the same answer in the same round."""
        if not self.several:
            return asked
        from localcloud.container.training.rabit import any_host

        return any_host(asked)

    def _address(self, port: int) -> tuple[str, int]:
        return self._ip(self.hosts[0]), port

    def _ip(self, host: str) -> str:
        if self.interface == LOOPBACK_INTERFACE:
            return "127.0.0.1"
        try:
            return socket.gethostbyname(host)
        except OSError as error:
            raise PlatformError(f"Host {host} cannot be found from host {self.host}: {error}") from None
