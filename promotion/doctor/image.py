"""What the environment's region has: the training and serving image, CloudFormation's types of the stacks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from promotion.doctor.finding import Finding

if TYPE_CHECKING:
    from kickstand.config.model import Environment


def image_finding(environment: Environment) -> Finding:
    """Look the image up in the table; InputError where AWS has none.

    The registry itself is not asked: it belongs to AWS, and grants a pull to execution roles but no description.
    """
    from infra.images import image_uri

    uri = image_uri(environment.region, environment.algorithm.version)
    return Finding("image", "ok", f"{uri}, by the repository's table; AWS's registry itself cannot be asked.")


def resource_type_finding(region: str) -> Finding:
    """Whether CloudFormation has every resource type of the stacks in a region, by the repository's table."""
    from infra.images import image_table, region_fault

    if fault := region_fault(region):
        return Finding("resource types", "problem", f"The project file {fault[0]}.", fault[1])
    if region in image_table().unlisted_regions:
        found = (
            f"cfn-lint's schemas know nothing of {region}: whether CloudFormation has the stacks' types is not known."
        )
        kind = "AWS::SageMaker::ModelPackageGroup"
        look = f"aws cloudformation describe-type --type RESOURCE --type-name {kind} --region {region}"
        return Finding("resource types", "warning", found, f"Look it up: {look}")
    return Finding("resource types", "ok", f"CloudFormation has all that the stacks need in {region}.")
