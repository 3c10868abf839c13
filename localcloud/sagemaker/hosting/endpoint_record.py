"""What DescribeEndpoint and the events show of an endpoint: its variants, a deployment on its way, its end.

While a new configuration is rolled out the record's own EndpointConfigName and ProductionVariants are those that were
before; PendingDeploymentSummary has the new ones. CurrentWeight is a variant's weight there and no share of traffic,
which only CurrentInstanceCount and the texts tell.
https://docs.aws.amazon.com/sagemaker/latest/dg/automating-sagemaker-with-eventbridge.html has the texts of a canary
("Launching 3 instance(s).", "Baking for 300 seconds (TerminationWaitInSeconds) with traffic enabled on canary capacity
of 1 instance(s)."); those of linear and rolling steps are made after their pattern.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.store import Events, Record, Stores

Counts = Mapping[str, int]
Status = Literal["Creating", "Updating", "Deleting", "ActivatingTraffic", "Baking"]
Where = Literal["new", "old"]
RETAINABLE = ("DesiredInstanceCount", "DesiredWeight")


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
        routing = {"RoutingConfig": variant["RoutingConfig"]} if variant.get("RoutingConfig") else {}
        shown.append(
            {
                "VariantName": name,
                "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now}],
                "CurrentWeight": weight,
                "DesiredWeight": weight,
                "CurrentInstanceCount": count,
                "DesiredInstanceCount": count,
                **routing,
            }
        )
    return shown


def retained_properties(request: Mapping[str, Any]) -> set[str]:
    """Which properties an UpdateEndpoint request keeps."""
    if not request.get("RetainAllVariantProperties"):
        return set()
    excluded = {item["VariantPropertyType"] for item in request.get("ExcludeRetainedVariantProperties") or ()}
    return set(RETAINABLE) - excluded


def desired_counts(shown: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """The wanted instances of each variant of a summary."""
    return {variant["VariantName"]: variant["DesiredInstanceCount"] for variant in shown}


def pending_summary(
    config: str, shown: Iterable[Mapping[str, Any]], variants: Sequence[Mapping[str, Any]], now: float
) -> dict[str, Any]:
    """PendingDeploymentSummary at the beginning: everything is launched, and nothing of it runs yet."""
    types = {variant["VariantName"]: variant["InstanceType"] for variant in variants}
    pending = []
    for variant in shown:
        text = f"Launching {variant['DesiredInstanceCount']} instance(s)."
        pending.append(
            {
                **variant,
                "CurrentInstanceCount": 0,
                "InstanceType": types[variant["VariantName"]],
                "VariantStatus": [{"Status": "Creating", "StatusMessage": text, "StartTime": now}],
            }
        )
    return {"EndpointConfigName": config, "StartTime": now, "ProductionVariants": pending}


class EndpointRecord:
    """The record of one endpoint while something is done to it. Every change is an event.

    changed:   notified of every change.
    announces: whether each step is a "SageMaker Endpoint Deployment State Change".
    """

    def __init__(
        self,
        stores: Stores,
        events: Events,
        changed: threading.Condition,
        scope: Scope,
        name: str,
        *,
        clock: Callable[[], float],
        announces: bool = True,
    ) -> None:
        self._stores, self._events, self._changed = stores, events, changed
        self._scope, self._name, self._clock, self._announces = scope, name, clock, announces

    def show(self, where: Where, status: Status, texts: Mapping[str, str], *, new: Counts, old: Counts) -> None:
        """Show a step of a deployment or of a change of capacity.

        where:    at the variants of the new configuration, or at those of the record itself.
        texts:    StatusMessage by variant.
        new, old: CurrentInstanceCount by variant, of both.
        """
        now = self._clock()
        with self._changed:
            record = self._stores.endpoints.get(self._scope, self._name)
            if record is None:
                return
            counted = {"old": _counted(record.get("ProductionVariants") or (), old)}
            fields: dict[str, Any] = {"ProductionVariants": counted["old"]}
            if pending := record.get("PendingDeploymentSummary"):
                counted["new"] = _counted(pending["ProductionVariants"], new)
                fields["PendingDeploymentSummary"] = {**pending, "ProductionVariants": counted["new"]}
            for variant in counted[where]:
                if text := texts.get(variant["VariantName"]):
                    variant["VariantStatus"] = [{"Status": status, "StatusMessage": text, "StartTime": now}]
            record = self._write(fields)
        if record is not None and self._announces:
            self._events.deployment(self._scope, record)

    def begin(self, **fields: Any) -> Record | None:
        """Show that something begins: EndpointStatus and what is pending."""
        record = self._write({"LastModifiedTime": self._clock(), **fields})
        if record is not None:
            self._events.endpoint(self._scope, record)
        return record

    def end(self, counts: Counts | None = None, desired: Counts | None = None, **fields: Any) -> Record | None:
        """Show the end: no status of a variant, nothing pending. Steps that were announced have an end that is.

        counts, desired: instances by variant, where they are others than the variants have.
        """
        with self._changed:
            before = self._stores.endpoints.get(self._scope, self._name)
            if before is None:
                return None
            variants = fields.pop("ProductionVariants", None) or before.get("ProductionVariants")
            if variants:
                fields["ProductionVariants"] = [
                    {
                        **each,
                        "DesiredInstanceCount": (desired or {}).get(each["VariantName"], each["DesiredInstanceCount"]),
                    }
                    for each in _counted(variants, counts or {})
                ]
            ended = {"LastModifiedTime": self._clock(), "PendingDeploymentSummary": None, "_pending": None, **fields}
            record = self._write(ended)
        if record is not None:
            if self._announces and before["EndpointStatus"] != "Creating":
                self._events.deployment(self._scope, record)
            self._events.endpoint(self._scope, record)
        return record

    def _write(self, fields: Mapping[str, Any]) -> Record | None:
        with self._changed:
            record = self._stores.endpoints.change(self._scope, self._name, **fields)
            self._changed.notify_all()
        return record


def _counted(variants: Iterable[Mapping[str, Any]], counts: Counts) -> list[dict[str, Any]]:
    """The variants without a status and with these CurrentInstanceCounts."""
    return [
        {**each, "CurrentInstanceCount": counts.get(each["VariantName"], each["CurrentInstanceCount"])}
        for each in _without_status(variants)
    ]


def _without_status(variants: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in variant.items() if name != "VariantStatus"} for variant in variants]
