"""Endpoints: create, describe, update, list, delete. `Hosting` does the work behind them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from localcloud.sagemaker.call import Call
from localcloud.sagemaker.deployment import plan
from localcloud.sagemaker.deployment_config import check_deployment_config
from localcloud.sagemaker.errors import already_existing, missing, validation_error
from localcloud.sagemaker.events import Events
from localcloud.sagemaker.hosting import Hosting
from localcloud.sagemaker.listing import Listing
from localcloud.sagemaker.production_variant import retained_properties
from localcloud.sagemaker.store import Record, Stores
from localcloud.sagemaker.tags import Tags


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
