"""Resource types whose handlers wait, kept off the event loop: an endpoint's model is fetched from this server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from localcloud.emulator.cloudformation_operation import STACKS
from localcloud.emulator.seam import Seam, wrap

WAITING: set[str] = {"AWS::SageMaker::Endpoint"}
"""Types created, updated and deleted on a thread of their own. A service may add to it when it is installed."""

RUNS_ON_WORKER_THREAD = Seam(STACKS, "_runs_on_worker_thread", ("resource_type",))


def install() -> None:
    """Run the handlers of the waiting types on a worker thread."""

    def make(original: Callable[[str], bool]) -> Callable[..., Any]:
        def runs_on_worker_thread(resource_type: str) -> bool:
            return resource_type in WAITING or original(resource_type)

        return runs_on_worker_thread

    wrap(RUNS_ON_WORKER_THREAD, make)
