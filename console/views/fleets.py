"""The fleets of an endpoint: the instances of each configuration, their model, their share, and how an update goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from console.reading import Reads
from deployment.endpoint.update import update_line
from kickstand.aws.deployed import UNKNOWN
from kickstand.names import Names

if TYPE_CHECKING:
    from kickstand.release.model import Release

_SHARE_MINUTES = 5


@dataclass(frozen=True, slots=True)
class Fleet:
    """The instances of one variant of one endpoint configuration.

    model: the artifact's URI. sha256: its digest, by its key; empty where its key has none. released: whether it is
    the release's. current, desired: instances. share: of requests, in per cent; None where it is not known.
    requests: in the last minutes; None where CloudWatch has none.
    """

    config: str
    variant: str
    model: str
    sha256: str
    released: bool | None
    instance_type: str
    current: int
    desired: int
    share: int | None
    requests: int | None


@dataclass(frozen=True, slots=True)
class Step:
    """What SageMaker says of a variant that is updated. done, total: seconds of a bake; None where it is none."""

    variant: str
    status: str
    message: str
    since: datetime | None
    done: int | None
    total: int | None


@dataclass(frozen=True, slots=True)
class Update:
    """An update that moves. line: all of it in a sentence. fleets: the new ones."""

    config: str
    began: datetime | None
    line: str
    fleets: tuple[Fleet, ...]
    steps: tuple[Step, ...]


def digest_of(uri: str) -> str:
    """The digest in an artifact's URI (`s3://BUCKET/models/SHA256/model.tar.gz`); empty where it has none."""
    found = uri.rpartition("/models/")[2].partition("/")[0]
    return found if len(found) == 64 and set(found) <= set("0123456789abcdef") else ""


def read_fleets(
    reads: Reads,
    config: str,
    variants: Sequence[Mapping[str, Any]],
    release: Release | None,
    requests: Mapping[str, int],
    share: int | None,
) -> tuple[Fleet, ...]:
    """A fleet for each variant of a configuration. requests: by configuration. share: of traffic, in per cent."""
    models = reads.memory.keep(("config", config), lambda: _models(reads, config))
    found = []
    for variant in variants:
        uri, kind = models.get(variant["VariantName"], (UNKNOWN, ""))
        current, desired = variant.get("CurrentInstanceCount", 0), variant.get("DesiredInstanceCount", 0)
        found.append(
            Fleet(
                config=config,
                variant=variant["VariantName"],
                model=uri,
                sha256=digest_of(uri),
                released=None if release is None else uri == release.artifact.s3_uri,
                instance_type=kind,
                current=current,
                desired=desired,
                share=share,
                requests=requests.get(config),
            )
        )
    return tuple(found)


def _models(reads: Reads, config: str) -> dict[str, tuple[str, str]]:
    """The artifact and the instance type of each variant of a configuration, which never change."""
    sagemaker, found = reads.client("sagemaker"), {}
    for variant in sagemaker.describe_endpoint_config(EndpointConfigName=config)["ProductionVariants"]:
        container = sagemaker.describe_model(ModelName=variant["ModelName"]).get("PrimaryContainer", {})
        found[variant["VariantName"]] = (container.get("ModelDataUrl", UNKNOWN), variant.get("InstanceType", ""))
    return found


def read_update(
    reads: Reads,
    pending: Mapping[str, Any],
    release: Release | None,
    alarms: str,
    requests: Mapping[str, int],
) -> Update:
    """An update on its way. pending: of DescribeEndpoint. alarms: their states in words; empty: unknown."""
    variants = pending.get("ProductionVariants", ())
    config = pending["EndpointConfigName"]
    wanted = sum(one.get("DesiredInstanceCount", 0) for one in variants)
    active = sum(one.get("CurrentInstanceCount", 0) for one in variants)
    share = round(100 * active / wanted) if wanted else 0
    line = update_line({"PendingDeploymentSummary": pending}, alarms, now=reads.now)
    return Update(
        config=config,
        began=pending.get("StartTime"),
        line=line,
        fleets=read_fleets(reads, config, variants, release, requests, share),
        steps=tuple(
            _step(variant["VariantName"], status, reads.now)
            for variant in variants
            for status in variant.get("VariantStatus") or ()
        ),
    )


def _step(variant: str, status: Mapping[str, Any], now: datetime) -> Step:
    """A bake's message says its seconds: `Baking for 300 seconds (TerminationWaitInSeconds) with …`."""
    message, since = status.get("StatusMessage", ""), status.get("StartTime")
    words = message.split()
    total = int(words[2]) if words[:2] == ["Baking", "for"] and len(words) > 2 and words[2].isdigit() else None
    done = None
    if total is not None and since is not None:
        done = min(total, max(0, int((now - since).total_seconds())))
    return Step(variant, status["Status"], message, since, done, total)


def count_requests(reads: Reads, names: Names, described: Mapping[str, Any]) -> dict[str, int]:
    """Requests in the last minutes by endpoint configuration, of an update since it began; empty without metrics."""
    pending = described.get("PendingDeploymentSummary") or {}
    configs = [described["EndpointConfigName"], *([pending["EndpointConfigName"]] if pending else [])]
    variants = described.get("ProductionVariants") or pending.get("ProductionVariants") or ()
    if not variants:
        return {}
    begin = reads.now - timedelta(minutes=_SHARE_MINUTES)
    if pending.get("StartTime"):
        begin = max(begin, pending["StartTime"])
    queries = [
        {
            "Id": f"c{number}",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/SageMaker",
                    "MetricName": "Invocations",
                    "Dimensions": [
                        {"Name": "EndpointConfigName", "Value": config},
                        {"Name": "EndpointName", "Value": names.endpoint},
                        {"Name": "VariantName", "Value": variants[0]["VariantName"]},
                    ],
                },
                "Period": 60,
                "Stat": "Sum",
            },
        }
        for number, config in enumerate(dict.fromkeys(configs))
    ]
    answer = reads.client("cloudwatch").get_metric_data(MetricDataQueries=queries, StartTime=begin, EndTime=reads.now)
    counted = {one["Id"]: one["Values"] for one in answer["MetricDataResults"]}
    return {
        config: round(sum(counted[f"c{number}"]))
        for number, config in enumerate(dict.fromkeys(configs))
        if counted.get(f"c{number}")
    }
