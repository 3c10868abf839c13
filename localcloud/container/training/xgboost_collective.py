"""xgboost's own tracker and collective, by the names that each version has for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from xgboost import collective
from xgboost import tracker as xgboost_tracker

_GOODBYE_SECONDS = 60
"""A tracker ends when all workers said goodbye; one that died is not waited for longer."""


class Tracker:
    """xgboost's tracker, which gives every worker its rank and its neighbours.

    ip: the address that it listens on. workers: how many there will be.
    """

    def __init__(self, ip: str, workers: int) -> None:
        tracker: Any = xgboost_tracker.RabitTracker
        self._new = hasattr(tracker, "worker_args")  # since 2.1; before, xgboost's tracker was Python
        if self._new:
            # Ranks follow the names of the hosts, so that the model is the same from run to run.
            self._tracker = tracker(n_workers=workers, host_ip=ip, sortby="task")
            self._tracker.start()
        else:
            self._tracker = tracker(host_ip=ip, n_workers=workers, sortby="task")
            self._tracker.start(workers)

    @property
    def arguments(self) -> Mapping[str, Any]:
        """What a worker needs to find this tracker."""
        given: Mapping[str, Any] = self._tracker.worker_args() if self._new else self._tracker.worker_envs()
        return given

    def wait(self) -> None:
        """Wait until every worker has left."""
        if self._new:
            self._tracker.wait_for(timeout=_GOODBYE_SECONDS)
            self._tracker.free()
        else:
            self._tracker.join()


@contextmanager
def joined(arguments: Mapping[str, Any], host: str) -> Iterator[None]:
    """Inside, this process is the worker `host` of the tracker that gave `arguments`.

    Left in an error, it says no goodbye: that would wait for hosts that may be gone.
    """
    name = "dmlc_task_id" if "dmlc_tracker_uri" in arguments else "DMLC_TASK_ID"
    collective.init(**arguments, **{name: host})
    yield
    collective.finalize()


def any_host(requested: bool) -> bool:
    """Whether any worker asks for something; every worker must ask at the same point."""
    return bool(collective.allreduce(np.array([requested], dtype=np.int32), collective.Op.MAX)[0])
