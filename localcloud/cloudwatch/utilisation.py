"""How much of the machine the processes of endpoints use, namespace /aws/sagemaker/Endpoints: once a minute, traffic
or not.

Read from /proc; a system without it has no such metrics. CPU is that of the process and its children, 100 for a whole
core; memory and disk are the process's share of this machine's memory, and how full the disk is that it works on.
https://docs.aws.amazon.com/sagemaker/latest/dg/monitoring-cloudwatch.html
"""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from localcloud.clock import Clock
from localcloud.cloudwatch.metric_store import MINUTE, Metric, MetricStore
from localcloud.cloudwatch.statistic_set import StatisticSet
from localcloud.sagemaker.api.call import Scope

NAMESPACE = "/aws/sagemaker/Endpoints"
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Instance:
    """One running instance of a variant. pid: of its program. folder: that it works in."""

    scope: Scope
    endpoint: str
    variant: str
    pid: int
    folder: Path


@dataclass(frozen=True, slots=True)
class _Usage:
    cpu_seconds: float
    memory_bytes: int


class Utilisation:
    """Publishes the use of all running instances.

    running: the instances that run now.
    """

    def __init__(self, clock: Clock, store: MetricStore, running: Callable[[], Iterable[Instance]]) -> None:
        self._clock, self._store, self._running = clock, store, running
        self._before: dict[int, tuple[float, float]] = {}
        self._memory = _memory_bytes()

    def publish(self) -> None:
        """Measure, and put the points of the minute just over into the store; one of each process a minute."""
        now = self._clock.now()
        moment = self._clock.beginning(now, MINUTE) - self._clock.real(MINUTE / 2)
        before, self._before = self._before, {}
        found: dict[tuple[Scope, str, str, str], dict[float, float]] = defaultdict(lambda: defaultdict(float))
        for instance in self._running():
            usage = _usage(instance.pid)
            if usage is None:
                continue
            self._before[instance.pid] = now, usage.cpu_seconds
            place = (instance.scope, instance.endpoint, instance.variant)
            if instance.pid in before and now > before[instance.pid][0]:
                then, seconds = before[instance.pid]
                # Children that end take their share with them: never below 0.
                used = max(0.0, 100 * (usage.cpu_seconds - seconds) / (now - then))
                found[*place, "CPUUtilization"][used] += 1
            if self._memory:
                found[*place, "MemoryUtilization"][100 * usage.memory_bytes / self._memory] += 1
            with suppress(OSError):
                disk = shutil.disk_usage(instance.folder)
                found[*place, "DiskUtilization"][100 * disk.used / disk.total] += 1
        for (scope, endpoint, variant, name), samples in found.items():
            metric = Metric.of(NAMESPACE, name, {"EndpointName": endpoint, "VariantName": variant})
            self._store.put(scope, metric, "Percent", moment, StatisticSet.of(samples))


def _usage(pid: int) -> _Usage | None:
    """What a process and its descendants use; None where it is gone, or this system has no /proc."""
    seconds, memory, waiting, seen = 0.0, 0, [pid], False
    while waiting:
        one = waiting.pop()
        try:
            # The name may hold spaces and brackets; the fields after it are numbered from 3 in proc(5).
            fields = (_PROC / str(one) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            children = (_PROC / str(one) / "task" / str(one) / "children").read_text("utf-8").split()
        except (OSError, ValueError):
            continue
        seen = seen or one == pid
        seconds += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        memory += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        waiting += [int(child) for child in children]
    return _Usage(seconds, memory) if seen else None


def _memory_bytes() -> int:
    if not _PROC.is_dir():
        return 0
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
