"""How a deployment replaces what serves an endpoint: one function a strategy, over the steps of `Course`.

Blue/green (all at once, canary, linear): a whole second fleet is launched, gets its share of the requests in steps, and
the old one is removed when it has had all of them; any trip gives the old one all traffic back in one step. Rolling:
batch by batch, and back in batches.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-blue-green.html
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-rolling.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from localcloud.sagemaker.hosting.course import Course, ServerStopsError
from localcloud.sagemaker.hosting.deployment_policy import instances_of
from localcloud.sagemaker.hosting.endpoint_record import Counts, EndpointRecord, Status
from localcloud.sagemaker.hosting.fleet import Fleet


def all_at_once(course: Course) -> None:
    course.launch(course.counts)
    course.activate(course.counts, "full")
    course.bake(course.policy.termination_wait, "full")
    course.terminate_old()


def canary(course: Course) -> None:
    course.launch(course.counts)
    course.activate(course.step(), "canary")
    course.bake(course.policy.wait, "canary")
    course.activate(course.counts, "full")
    course.bake(course.policy.termination_wait, "full")
    course.terminate_old()


def linear(course: Course) -> None:
    step = course.step()
    active = dict(step)
    course.launch(course.counts)
    while active != course.counts:
        course.activate(active, "linear")
        course.deactivate_old(active)
        course.bake(course.policy.wait, "linear")
        active = {name: min(active[name] + step[name], count) for name, count in course.counts.items()}
    course.activate(course.counts, "full")
    course.bake(course.policy.termination_wait, "full")
    course.terminate_old()


def rolling(course: Course) -> None:
    ((variant, wanted),) = course.counts.items()
    active = 0
    while active < wanted:
        size = min(course.step()[variant], wanted - active)
        active += size
        course.launch({variant: size})
        course.activate({variant: active}, "rolling")
        course.bake(course.policy.wait, "rolling")
        course.remove_old(size if active < wanted else sum(course.old_sizes().values()))


def roll_back(course: Course) -> None:
    """Take a deployment back. Raises RolledBackError where an old instance does not start again (rolling)."""
    if course.policy.kind == "ROLLING":
        ((variant, wanted),) = course.counts.items()
        batch = instances_of(course.policy.rollback_step, wanted)
        while active := course.new.sizes()[variant]:
            course.restore_old(min(batch, active))
            course.remove_new(min(batch, active))
    course.terminate_new()


STRATEGIES: Mapping[str, Callable[[Course], None]] = {
    "ALL_AT_ONCE": all_at_once,
    "CANARY": canary,
    "LINEAR": linear,
    "ROLLING": rolling,
}


def change_capacity(record: EndpointRecord, fleet: Fleet, counts: Counts) -> None:
    """Bring a fleet that serves to so many instances of each variant. Raises what the first that fails raised."""
    have = fleet.sizes()
    more = {name: count - have[name] for name, count in counts.items() if count > have[name]}
    less = {name: have[name] - count for name, count in counts.items() if count < have[name]}

    def show(status: Status, text: str, shown: Counts) -> None:
        if shown:
            texts = {name: text.format(count) for name, count in shown.items()}
            record.show("old", status, texts, new={}, old=fleet.sizes())

    show("Updating", "Scaling out desired instance count to {}.", {name: counts[name] for name in more})
    show("Updating", "Launching {} instance(s).", more)
    fleet.launch(more)
    fleet.activate(counts)
    show("Deleting", "Terminating {} instance(s).", less)
    fleet.remove(less)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a deployment ended. reason: why it was rolled back, and why that failed; empty where it was not."""

    status: Literal["Succeeded", "RolledBack", "RollbackFailed"]
    reason: str = ""


def run(course: Course) -> Outcome:
    """Carry a deployment out, and roll it back where it has to be. Raises ServerStopsError."""
    try:
        STRATEGIES[course.policy.kind](course)
    except ServerStopsError:
        raise
    except Exception as cause:  # a fault of the local cloud's own leaves no endpoint in progress for ever
        try:
            roll_back(course)
        except ServerStopsError:
            raise
        except Exception as failure:
            course.serve_mix()
            return Outcome("RollbackFailed", f"{cause} The rollback failed: {failure}")
        return Outcome("RolledBack", str(cause))
    return Outcome("Succeeded")
