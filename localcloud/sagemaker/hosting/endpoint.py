"""Endpoints: create, describe, update, list, delete. `Hosting` does the work.

A change of an endpoint is checked and written down here, under the lock of all records, and carried out behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from localcloud.sagemaker.api.call import Call, Scope, ServiceError, already_existing, missing, validation_error
from localcloud.sagemaker.capture.configuration import retained
from localcloud.sagemaker.hosting.deployment_policy import check_deployment_config, check_quota
from localcloud.sagemaker.hosting.endpoint_config import ENDPOINT_CONFIG, Deployment, images, plan
from localcloud.sagemaker.hosting.endpoint_record import (
    desired_counts,
    pending_summary,
    retained_properties,
    summaries,
)
from localcloud.sagemaker.hosting.live_endpoints import SETTLED, Hosting
from localcloud.sagemaker.listing import Listing, Tags
from localcloud.sagemaker.store import Events, Record, Stores


class ScaledVariants(Protocol):
    """Application Auto Scaling, as an endpoint is bound to it."""

    def registered(self, scope: Scope, endpoint: str) -> tuple[str, ...]:
        """The variants that are its scalable targets."""

    def forget(self, scope: Scope, endpoint: str) -> None:
        """Deregister them."""


class NothingScaled:
    """Where nothing scales."""

    def registered(self, scope: Scope, endpoint: str) -> tuple[str, ...]:
        return ()

    def forget(self, scope: Scope, endpoint: str) -> None:
        return


class Endpoints:
    """The operations on endpoints. scaled: what scales their variants."""

    def __init__(
        self, stores: Stores, hosting: Hosting, tags: Tags, events: Events, *, clock: Callable[[], float]
    ) -> None:
        self._stores, self._hosting, self._tags, self._events, self._clock = stores, hosting, tags, events, clock
        self._listing = Listing("Endpoints", "EndpointName", "EndpointStatus")
        self.scaled: ScaledVariants = NothingScaled()

    def create(self, call: Call) -> dict[str, Any]:
        scope, request = call.scope, call.request
        name = request["EndpointName"]
        arn, now = scope.arn("endpoint", name), self._clock()
        with self._stores.lock:
            if self._stores.endpoints.get(scope, name) is not None:
                raise already_existing("endpoint", arn)
            chosen = request.get("DeploymentConfig")
            deployment = plan(self._stores, scope, request["EndpointConfigName"], deployment_config=chosen)
            record = {
                "EndpointName": name,
                "EndpointArn": arn,
                "EndpointConfigName": deployment["config"],
                "EndpointStatus": "Creating",
                "CreationTime": now,
                "LastModifiedTime": now,
                "LastDeploymentConfig": deployment["deployment_config"],
                "PendingDeploymentSummary": self._pending(scope, deployment, (), None),
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
            record = self._updatable(call)
            serving_config = record["EndpointConfigName"]
            if self._stores.endpoint_configs.get(scope, serving_config) is None:
                raise missing(ENDPOINT_CONFIG, scope.arn("endpoint-config", serving_config))
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
            deployment = retained(deployment, record.get("_hosted") or {}, request)
            self._check_scaled(scope, record, deployment)
            serving = record.get("ProductionVariants") or ()
            before = [shown["VariantName"] for shown in serving]
            pending = self._pending(scope, deployment, serving, before)
            record = self._change(
                call,
                EndpointStatus="Updating",
                FailureReason=None,
                PendingDeploymentSummary=pending,
                LastDeploymentConfig=deployment["deployment_config"] or record.get("LastDeploymentConfig"),
                _pending=deployment,
                _interrupted=False,
            )
        self._events.endpoint(scope, record)
        self._hosting.deploy(scope, record["EndpointName"], deployment)
        return {"EndpointArn": record["EndpointArn"]}

    def _check_scaled(self, scope: Scope, record: Record, deployment: Deployment) -> None:
        """A variant that Application Auto Scaling knows stays, on its instance type.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html
        """
        before = {one["VariantName"]: one["InstanceType"] for one in (record.get("_hosted") or {}).get("variants", ())}
        after = {one["VariantName"]: one["InstanceType"] for one in deployment["variants"]}
        for name in self.scaled.registered(scope, record["EndpointName"]):
            if name in before and before[name] != after.get(name):
                what = (
                    f"changes its instance type from {before[name]} to {after[name]}" if name in after else "is removed"
                )
                raise validation_error(
                    f'Cannot update endpoint "{record["EndpointArn"]}": production variant {name} {what} while it is '
                    "registered as a scalable target. Deregister it first."
                )

    def update_weights(self, call: Call) -> dict[str, Any]:
        """UpdateEndpointWeightsAndCapacities: starts and stops instances without a deployment.

        Weights of any variants at once, the capacity of one, as the API describes it.
        """
        scope = call.scope
        with self._stores.lock:
            record = self._updatable(call)
            if record["EndpointStatus"] == "UpdateRollbackFailed":
                arn = record["EndpointArn"]
                raise validation_error(f'Cannot update endpoint "{arn}" in status UpdateRollbackFailed.')
            wanted = {item["VariantName"]: item for item in call.request["DesiredWeightsAndCapacities"]}
            unknown = sorted(set(wanted) - {shown["VariantName"] for shown in record["ProductionVariants"]})
            if unknown:
                raise validation_error(f'The variant name(s) "{", ".join(unknown)}" could not be found.')
            variants = [
                _reweighed(shown, wanted.get(shown["VariantName"], {})) for shown in record["ProductionVariants"]
            ]
            self._check_capacity(scope, record, variants)
            record = self._change(
                call, EndpointStatus="Updating", FailureReason=None, ProductionVariants=variants, _interrupted=False
            )
        self._events.endpoint(scope, record)
        weights = {shown["VariantName"]: shown["CurrentWeight"] for shown in variants}
        self._hosting.scale(scope, record["EndpointName"], weights, desired_counts(variants))
        return {"EndpointArn": record["EndpointArn"]}

    def _check_capacity(self, scope: Scope, record: Record, variants: list[dict[str, Any]]) -> None:
        before, after = desired_counts(record["ProductionVariants"]), desired_counts(variants)
        changed = {name: count - before[name] for name, count in after.items() if count != before[name]}
        if len(changed) > 1:
            raise validation_error(
                f"The capacity of one production variant can be changed at a time, found {', '.join(sorted(changed))}."
            )
        if zero := [name for name, count in after.items() if count == 0]:
            raise validation_error(f"DesiredInstanceCount of production variant {zero[0]} must be at least 1, found 0.")
        if not any(shown["DesiredWeight"] for shown in variants):
            raise validation_error("At least one production variant must have a weight greater than 0.")
        types = {each["VariantName"]: each["InstanceType"] for each in record["_hosted"]["variants"]}
        check_quota(self._used(scope), {types[name]: more for name, more in changed.items() if more > 0})

    def _pending(
        self, scope: Scope, deployment: Deployment, serving: Iterable[Mapping[str, Any]], before: list[str] | None
    ) -> dict[str, Any]:
        """The PendingDeploymentSummary of a deployment. Raises ServiceError where SageMaker would refuse it.

        serving: the variants' summaries now. before: their names; None at a creation.
        """
        now, variants = self._clock(), deployment["variants"]
        retained = deployment["retained"]
        shown = summaries(variants, images(deployment), now, before=tuple(serving), retained=retained)
        counts = desired_counts(shown)
        check_deployment_config(deployment["deployment_config"], variants, counts, before)
        needed: Counter[str] = Counter()
        for variant in variants:
            needed[variant["InstanceType"]] += counts[variant["VariantName"]]
        check_quota(self._used(scope), needed)
        return pending_summary(deployment["config"], shown, variants, now)

    def _used(self, scope: Scope) -> Counter[str]:
        """Instances of all endpoints by type, those of a deployment on its way too."""
        used: Counter[str] = Counter()
        for record in self._stores.endpoints.all(scope):
            if record["EndpointStatus"] == "Failed":
                continue
            pending = record.get("PendingDeploymentSummary") or {}
            for deployment, shown in (
                (record.get("_hosted"), record.get("ProductionVariants") or ()),
                (record.get("_pending"), pending.get("ProductionVariants") or ()),
            ):
                types = {each["VariantName"]: each["InstanceType"] for each in (deployment or {}).get("variants", ())}
                for name, count in desired_counts(shown).items():
                    used[types.get(name, "")] += count
        return used

    def delete(self, call: Call) -> dict[str, Any]:
        with self._stores.lock:
            record = self._existing(call)
            if record["EndpointStatus"] not in SETTLED:
                raise _in_progress(record)
            record = self._change(call, EndpointStatus="Deleting")
        self._events.endpoint(call.scope, record)
        self._deregister(call, record["EndpointName"])

        def forget() -> None:
            self._stores.endpoints.remove(call.scope, record["EndpointName"])
            self._tags.forget(call.scope, record["EndpointArn"])

        self._hosting.remove(call.scope, record["EndpointName"], forget)
        return {}

    def _deregister(self, call: Call, name: str) -> None:
        """An endpoint that goes takes its scalable targets along, if the caller may deregister them.

        https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-delete-with-scaling.html
        """
        if self.scaled.registered(call.scope, name):
            targets = call.scope.service_arn("application-autoscaling", "scalable-target/*")
            try:
                call.caller.require("application-autoscaling:DeregisterScalableTarget", targets)
            except ServiceError:
                return
            self.scaled.forget(call.scope, name)

    def _existing(self, call: Call) -> Record:
        record = self._stores.endpoints.get(call.scope, call.request["EndpointName"])
        if record is None:
            raise missing("endpoint", call.scope.arn("endpoint", call.request["EndpointName"]))
        return record

    def _updatable(self, call: Call) -> Record:
        record = self._existing(call)
        if record["EndpointStatus"] == "Failed":
            arn = record["EndpointArn"]
            raise validation_error(f'Cannot update endpoint "{arn}" in status Failed; only DeleteEndpoint is allowed.')
        if record["EndpointStatus"] not in SETTLED:
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
        "DesiredInstanceCount": count,
    }
