"""Ask SageMaker what transform jobs an environment has had, and what they ran on."""

from __future__ import annotations

from typing import Any

from kickstand.aws_errors import explained
from promotion.cost.spent import Transformed

MOST = 200
"""Jobs that are looked at: SageMaker is asked about each, and answers a few a second."""


def transformed_jobs(sagemaker: Any, prefix: str) -> tuple[list[Transformed], int]:
    """The newest jobs whose instances have begun, and how many older jobs were not looked at.

    prefix: how the environment's jobs are named, `bikes-prod`. KickstandError: AWS does not tell.
    """
    found: list[Transformed] = []
    with explained("asking about transform jobs"):
        pages = sagemaker.get_paginator("list_transform_jobs").paginate(
            NameContains=f"{prefix}-", SortBy="CreationTime", SortOrder="Descending"
        )
        names = [one["TransformJobName"] for page in pages for one in page["TransformJobSummaries"]]
        names = [name for name in names if name.startswith(f"{prefix}-")]
        for name in names[:MOST]:
            job = sagemaker.describe_transform_job(TransformJobName=name)
            if "TransformStartTime" in job:
                resources = job["TransformResources"]
                found.append(
                    Transformed(
                        name,
                        resources["InstanceType"],
                        int(resources["InstanceCount"]),
                        job["TransformStartTime"],
                        job.get("TransformEndTime"),
                    )
                )
    return found, max(0, len(names) - MOST)
