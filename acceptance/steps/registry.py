"""Which resource types CloudFormation has in which region, by its own registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from acceptance.step import Assumption, NotRun, Observed, Step, World
from kickstand.aws.errors import AWS_FAILURES, error_code
from kickstand.images import image_table
from kickstand.names import partition

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

TYPES = (
    "AWS::SageMaker::Endpoint",
    "AWS::SageMaker::EndpointConfig",
    "AWS::SageMaker::Model",
    "AWS::SageMaker::ModelPackageGroup",
)
MODULE = "kickstand/images.py"
_ABSENT = "TypeNotFoundException"


def describe(world: World) -> Observed:
    """DescribeType in each of the six regions, and in the run's own."""
    own = world.workspace().environment.region
    regions = sorted({*image_table().missing_types, own})
    found: dict[str, tuple[str, ...] | str] = {}
    for region in regions:
        if partition(region) != partition(own):
            found[region] = f"is of another partition ({partition(region)})"
            continue
        client = world.workspace().session.client("cloudformation", region_name=region)
        try:
            found[region] = tuple(kind for kind in TYPES if not has_type(client, kind))
        except AWS_FAILURES as error:
            found[region] = f"did not answer ({error_code(error) or type(error).__name__}); it may not be enabled"
    return evaluate_types(found)


def has_type(cloudformation: CloudFormationClient, kind: str) -> bool:
    """Whether the registry of a region has a resource type."""
    try:
        cloudformation.describe_type(Type="RESOURCE", TypeName=kind)
    except ClientError as error:
        if error_code(error) == _ABSENT:
            return False
        raise
    return True


def evaluate_types(found: dict[str, tuple[str, ...] | str]) -> Observed:
    """found: the absent types by region, or why a region did not answer."""
    lines, wrong, answered = [], False, 0
    for region, absent in found.items():
        if isinstance(absent, str):
            lines.append(f"{region} {absent}")
            continue
        answered += 1
        expected = set(image_table().missing_types.get(region, ()))
        has = f"lacks {', '.join(absent)}" if absent else "has all four types"
        lines.append(f"{region} {has}, {'as expected' if set(absent) == expected else 'which is not expected'}")
        wrong = wrong or set(absent) != expected
    if answered == 0:
        raise NotRun("; ".join(lines))
    return Observed(tuple(lines), frozenset({MODULE} if wrong else ()))


REGISTRY = Step(
    "types",
    "Resource types in six regions",
    "Does CloudFormation's registry lack the SageMaker types in the six regions where the provider schemas lack them?",
    (
        Assumption(
            MODULE, "Regions are accepted where CloudFormation has the four SageMaker types, and refused elsewhere."
        ),
    ),
    describe,
    "A region that has all four types can be accepted: take it out of the table (kickstand/xgboost_images.json).",
    number=6,
)
