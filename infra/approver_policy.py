"""The policy of whoever approves a model: `kickstand approve` and `reject`."""

from __future__ import annotations

from infra.statement import Statement
from kickstand.names import Names


def approver_statements(names: Names) -> list[Statement]:
    """Say yes or no to the versions of one model package group, and nothing of what a promoter may do."""
    packages = names.arn("sagemaker", f"model-package/{names.model_package_group}/*")
    return [
        Statement(
            "Approve",
            ("sagemaker:DescribeModelPackage", "sagemaker:UpdateModelPackage"),
            (packages,),
        ),
        Statement("ListPackages", ("sagemaker:ListModelPackages",), (packages,)),
    ]
