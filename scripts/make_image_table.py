"""Write what AWS has where: kickstand/xgboost_images.json and kickstand/aws/instance_types.json.

Usage: `python scripts/make_image_table.py [FOLDER]`, after a new sagemaker-core, botocore or cfn-lint has been
installed. FOLDER: written to instead of the repository.

Accounts, versions and tags of the images come from the SageMaker SDK's own `image_uri_config/xgboost.json`, domains
from botocore's table of partitions, the instance types from botocore's model of SageMaker, the resource types that a
region lacks from the schemas of AWS's CloudFormation registry that cfn-lint brings. The SDK itself is not imported:
its data file is read where it is installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Container, Iterable, Mapping
from importlib.metadata import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import botocore.session

_SDK_TABLE = "sagemaker/core/image_uri_config/xgboost.json"
_REPOSITORY = "sagemaker-xgboost"
_ROOT = Path(__file__).resolve().parent.parent
_RESOURCE_TYPES = (
    *("AWS::ApplicationAutoScaling::ScalableTarget", "AWS::ApplicationAutoScaling::ScalingPolicy"),
    *("AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard", "AWS::Events::Rule", "AWS::KMS::Key"),
    *("AWS::IAM::ManagedPolicy", "AWS::IAM::OIDCProvider", "AWS::IAM::Policy", "AWS::IAM::Role"),
    *("AWS::SNS::Subscription", "AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
    *("AWS::Logs::LogGroup", "AWS::S3::Bucket", "AWS::S3::BucketPolicy", "AWS::Scheduler::Schedule"),
    *("AWS::SageMaker::Endpoint", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Model"),
    *("AWS::SageMaker::ModelPackageGroup", "AWS::StepFunctions::StateMachine"),
)
"""Every type of the stacks of an environment; a test compares them with the templates."""
_INSTANCE_TYPES = {
    "training": "TrainingInstanceType",
    "hosting": "ProductionVariantInstanceType",
    "transform": "TransformInstanceType",
}
"""The enumeration of SageMaker's API by what the instances do."""


def sdk_table() -> dict[str, Any]:
    """The SDK's table, as installed."""
    for file in files("sagemaker-core") or ():
        if file.as_posix() == _SDK_TABLE:
            table: dict[str, Any] = json.loads(Path(str(file.locate())).read_text(encoding="utf-8"))
            return table
    raise SystemExit(f"sagemaker-core does not hold {_SDK_TABLE}: it has moved, look for it and change this script.")


def image_table(sdk: dict[str, Any]) -> dict[str, Any]:
    """Accounts and domains by region, tags by version; from what training and inference agree on.

    Version `1` (repository `xgboost`, other accounts) and its alias `latest` are a legacy image: left out.
    """
    if sdk["training"]["versions"] != sdk["inference"]["versions"]:
        raise SystemExit("Training and inference use different images now: the table needs a column for each.")
    versions = {v: e for v, e in sdk["training"]["versions"].items() if e["repository"] == _REPOSITORY}
    registries = [entry["registries"] for entry in versions.values()]
    accounts: dict[str, str] = registries[-1]
    if any(registry != accounts for registry in registries):
        raise SystemExit("Versions differ in their registry accounts now: the table needs accounts by version.")
    session = botocore.session.get_session()
    suffixes = session.get_component("endpoint_resolver")
    domains = {
        region: suffixes.get_partition_dns_suffix(session.get_partition_for_region(region)) for region in accounts
    }
    return {
        "accounts": accounts,
        "domains": domains,
        "missing_types": missing_types(accounts),
        "unlisted_regions": sorted(one for one in accounts if _registry(one) is None),
        "versions": {v: _tag(v, e) for v, e in versions.items()},
    }


def missing_types(regions: Iterable[str]) -> dict[str, list[str]]:
    """By region, the resource types of the stacks that CloudFormation lacks there; no entry: it has them all.

    A region that the schemas do not know has no entry either: there is nothing to refuse it by.
    """
    found = {}
    for region in sorted(regions):
        known = _registry(region)
        if known is not None and (missing := [one for one in _RESOURCE_TYPES if one not in known]):
            found[region] = missing
    return found


def _registry(region: str) -> Container[str] | None:
    """The resource types of CloudFormation's registry in a region; None where cfn-lint has no schemas of it."""
    spec = find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise SystemExit("cfn-lint is not installed: make setup installs it.")
    file = Path(spec.origin).parent / "data" / "schemas" / "providers" / f"{region}.json"
    known: dict[str, str] | None = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None
    return known


def instance_types() -> dict[str, list[str]]:
    """SageMaker's own enumerations."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    return {use: sorted(model.shape_for(name).metadata["enum"]) for use, name in _INSTANCE_TYPES.items()}


def _tag(version: str, entry: dict[str, Any]) -> str:
    """`0.90-1-cpu-py3` where the SDK lists processors and Python versions, else the version itself."""
    return "-".join([version, *entry.get("processors", []), *entry.get("py_versions", [])])


def canonical(table: Mapping[str, Any]) -> bytes:
    """The same table always gives the same bytes."""
    return (json.dumps(table, indent=2, sort_keys=True) + "\n").encode()


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0]) if arguments else _ROOT
    tables: dict[str, Mapping[str, Any]] = {
        "kickstand/xgboost_images.json": image_table(sdk_table()),
        "kickstand/aws/instance_types.json": instance_types(),
    }
    for name, table in tables.items():
        output = folder / name
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(canonical(table))
        print(f"{output}: {', '.join(f'{len(part)} {key}' for key, part in table.items())}")


if __name__ == "__main__":
    main(sys.argv[1:])
