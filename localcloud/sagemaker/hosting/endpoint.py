"""Endpoints: create, describe, update, list, delete, and the rules of a DeploymentConfig. `Hosting` does the work.

On the laptop every deployment is one switch of all traffic, at once; what requests anything else is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from localcloud.sagemaker.api.call import Call, already_existing, missing, unsupported, validation_error
from localcloud.sagemaker.hosting.endpoint_config import plan
from localcloud.sagemaker.hosting.fleet import retained_properties
from localcloud.sagemaker.hosting.live_endpoints import Hosting
from localcloud.sagemaker.listing import Listing, Tags
from localcloud.sagemaker.store import Events, Record, Stores


def check_deployment_config(config: Mapping[str, Any] | None, variants: Sequence[Mapping[str, Any]]) -> None:
    """Refuse a deployment that SageMaker would refuse for these production variants. Raises ServiceError."""
    if not config:
        return
    blue_green, rolling = config.get("BlueGreenUpdatePolicy"), config.get("RollingUpdatePolicy")
    if blue_green and rolling:
        raise validation_error("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    if blue_green:
        _check_routing(blue_green["TrafficRoutingConfiguration"])
    if rolling:
        if len(variants) > 1:
            raise validation_error("RollingUpdatePolicy is not supported for endpoints with several variants.")
        for name in ("MaximumBatchSize", "RollbackMaximumBatchSize"):
            if rolling.get(name):
                _check_size(f"RollingUpdatePolicy.{name}", rolling[name], 5, 100 if name[0] == "R" else 50, variants)
    if blue_green and blue_green["TrafficRoutingConfiguration"]["Type"] != "ALL_AT_ONCE" and len(variants) > 1:
        raise validation_error("Canary and linear traffic shifting are not supported for several variants.")
    for refused in _refusals(config):
        raise unsupported(f"DeploymentConfig with {refused}")


def _refusals(config: Mapping[str, Any]) -> Iterator[str]:
    """What would make a deployment other than one switch of all traffic, at once: a wait, a step, an alarm."""
    blue_green = config.get("BlueGreenUpdatePolicy") or {}
    routing = blue_green.get("TrafficRoutingConfiguration") or {}
    if config.get("RollingUpdatePolicy"):
        yield "RollingUpdatePolicy"
    if routing.get("Type", "ALL_AT_ONCE") != "ALL_AT_ONCE":
        yield f"traffic routing {routing['Type']}"
    if routing.get("WaitIntervalInSeconds"):
        yield f"WaitIntervalInSeconds {routing['WaitIntervalInSeconds']}"
    if blue_green.get("TerminationWaitInSeconds"):
        yield f"TerminationWaitInSeconds {blue_green['TerminationWaitInSeconds']}"
    if (config.get("AutoRollbackConfiguration") or {}).get("Alarms"):
        yield "AutoRollbackConfiguration.Alarms"


def _check_routing(routing: Mapping[str, Any]) -> None:
    kind = routing["Type"]
    canary, linear = routing.get("CanarySize"), routing.get("LinearStepSize")
    if kind == "ALL_AT_ONCE" and (canary or linear):
        raise validation_error("CanarySize and LinearStepSize cannot be specified for traffic routing ALL_AT_ONCE.")
    if kind == "CANARY":
        if not canary or linear:
            raise validation_error("Traffic routing CANARY takes CanarySize and no LinearStepSize.")
        _check_size("CanarySize", canary, 1, 50, ())
    if kind == "LINEAR":
        if not linear or canary:
            raise validation_error("Traffic routing LINEAR takes LinearStepSize and no CanarySize.")
        _check_size("LinearStepSize", linear, 10, 50, ())


def _check_size(name: str, size: Mapping[str, Any], low: int, high: int, variants: Sequence[Mapping[str, Any]]) -> None:
    if size["Type"] == "CAPACITY_PERCENT" and not low <= size["Value"] <= high:
        raise validation_error(f"{name} must be between {low} and {high} percent of the capacity.")
    if size["Type"] == "INSTANCE_COUNT" and variants:
        instances = variants[0].get("InitialInstanceCount") or 1
        if size["Value"] > max(1, instances * high // 100):
            raise validation_error(f"{name} must be at most {high} percent of the variant's {instances} instances.")


class Endpoints:
    """The operations on endpoints."""

    def __init__(
        self, stores: Stores, hosting: Hosting, tags: Tags, events: Events, *, clock: Callable[[], float]
    ) -> None:
        self._stores, self._hosting, self._tags, self._events, self._clock = stores, hosting, tags, events, clock
        self._listing = Listing("Endpoints", "EndpointName", "EndpointStatus")

    def create(self, call: Call) -> dict[str, Any]:
        scope, request = call.scope, call.request
        name = request["EndpointName"]
        arn, now = scope.arn("endpoint", name), self._clock()
        with self._stores.lock:
            if self._stores.endpoints.get(scope, name) is not None:
                raise already_existing("endpoint", arn)
            chosen = request.get("DeploymentConfig")
            deployment = plan(self._stores, scope, request["EndpointConfigName"], deployment_config=chosen)
            check_deployment_config(chosen, deployment["variants"])
            record = {
                "EndpointName": name,
                "EndpointArn": arn,
                "EndpointConfigName": deployment["config"],
                "EndpointStatus": "Creating",
                "CreationTime": now,
                "LastModifiedTime": now,
                "_pending": deployment,
            }
            self._stores.endpoints.put(scope, name, record)
            self._tags.put(scope, arn, request.get("Tags", ()), system=True)
        self._events.endpoint(scope, record)
        self._hosting.deploy(scope, name, deployment)
        return {"EndpointArn": arn}

    def describe(self, call: Call) -> Record:
        return self._existing(call)

    def list_endpoints(self, call: Call) -> dict[str, Any]:
        return self._listing.page_of(self._stores.endpoints.all(call.scope), call.request)

    def update(self, call: Call) -> dict[str, Any]:
        scope, request = call.scope, call.request
        with self._stores.lock:
            record = self._in_service(call)
            chosen = request.get("DeploymentConfig")
            if request.get("RetainDeploymentConfig"):
                if chosen:
                    raise validation_error(
                        "DeploymentConfig cannot be specified when RetainDeploymentConfig is set to true."
                    )
                chosen = record.get("LastDeploymentConfig")
            deployment = plan(
                self._stores,
                scope,
                request["EndpointConfigName"],
                deployment_config=chosen,
                retained=retained_properties(request),
            )
            check_deployment_config(chosen, deployment["variants"])
            pending = {"EndpointConfigName": deployment["config"], "StartTime": self._clock()}
            record = self._change(
                call,
                EndpointStatus="Updating",
                FailureReason=None,
                PendingDeploymentSummary=pending,
                _pending=deployment,
            )
        self._hosting.deploy(scope, record["EndpointName"], deployment)
        return {"EndpointArn": record["EndpointArn"]}

    def update_weights(self, call: Call) -> dict[str, Any]:
        """UpdateEndpointWeightsAndCapacities: takes effect at once, as no instance has to be started here."""
        with self._stores.lock:
            record = self._in_service(call)
            wanted = {item["VariantName"]: item for item in call.request["DesiredWeightsAndCapacities"]}
            unknown = sorted(set(wanted) - {shown["VariantName"] for shown in record["ProductionVariants"]})
            if unknown:
                raise validation_error(f'The variant name(s) "{", ".join(unknown)}" could not be found.')
            variants = [
                _reweighed(shown, wanted.get(shown["VariantName"], {})) for shown in record["ProductionVariants"]
            ]
            record = self._change(call, ProductionVariants=variants)
            weights = {shown["VariantName"]: shown["CurrentWeight"] for shown in variants}
            self._hosting.reweigh(call.scope, record["EndpointName"], weights)
        return {"EndpointArn": record["EndpointArn"]}

    def delete(self, call: Call) -> dict[str, Any]:
        with self._stores.lock:
            record = self._existing(call)
            if record["EndpointStatus"] not in ("InService", "Failed"):
                raise _in_progress(record)
            record = self._change(call, EndpointStatus="Deleting")
        self._events.endpoint(call.scope, record)

        def forget() -> None:
            self._stores.endpoints.remove(call.scope, record["EndpointName"])
            self._tags.forget(call.scope, record["EndpointArn"])

        self._hosting.remove(call.scope, record["EndpointName"], forget)
        return {}

    def _existing(self, call: Call) -> Record:
        record = self._stores.endpoints.get(call.scope, call.request["EndpointName"])
        if record is None:
            raise missing("endpoint", call.scope.arn("endpoint", call.request["EndpointName"]))
        return record

    def _in_service(self, call: Call) -> Record:
        record = self._existing(call)
        if record["EndpointStatus"] == "Failed":
            arn = record["EndpointArn"]
            raise validation_error(f'Cannot update endpoint "{arn}" in status Failed; only DeleteEndpoint is allowed.')
        if record["EndpointStatus"] != "InService":
            raise _in_progress(record)
        return record

    def _change(self, call: Call, **fields: Any) -> Record:
        record = self._stores.endpoints.change(
            call.scope, call.request["EndpointName"], LastModifiedTime=self._clock(), **fields
        )
        assert record is not None
        return record


def _in_progress(record: Record) -> Exception:
    return validation_error(f'Cannot update in-progress endpoint "{record["EndpointArn"]}".')


def _reweighed(shown: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    weight = float(wanted.get("DesiredWeight", shown["DesiredWeight"]))
    count = wanted.get("DesiredInstanceCount", shown["DesiredInstanceCount"])
    return {
        **shown,
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }
