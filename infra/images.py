"""Where the built-in XGBoost image is, by region and version, from a table in git.

`xgboost_images.json` is made from the SageMaker SDK by `scripts/make_image_table.py` and held equal to the
SDK's answers by a test; the SDK is never imported here (that takes seconds).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from kickstand.errors import InputError, Problem
from kickstand.names import partition

REPOSITORY = "sagemaker-xgboost"
_TABLE = Path(__file__).with_name("xgboost_images.json")


class ImageTable(BaseModel):
    """Registry accounts and domains by region, image tags by version."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    accounts: Mapping[str, str]
    domains: Mapping[str, str]
    versions: Mapping[str, str]


@cache
def image_table() -> ImageTable:
    """The table, read once a process."""
    return ImageTable.model_validate(json.loads(_TABLE.read_text(encoding="utf-8")))


def regions() -> tuple[str, ...]:
    """Every region that has the image, sorted."""
    return tuple(sorted(image_table().accounts))


def versions() -> tuple[str, ...]:
    """Every image version, oldest first."""
    return tuple(sorted(image_table().versions, key=lambda v: [int(part) for part in v.replace("-", ".").split(".")]))


def repository_arn(region: str) -> str:
    """The ARN of the image's repository, in AWS's own account; InputError for a region without one."""
    account = image_table().accounts.get(region)
    if account is None:
        raise InputError(_unknown_region(region))
    return f"arn:{partition(region)}:ecr:{region}:{account}:repository/{REPOSITORY}"


def image_uri(region: str, version: str) -> str:
    """`ACCOUNT.dkr.ecr.REGION.DOMAIN/sagemaker-xgboost:TAG`.

    Raises InputError, with both problems at once, for a region or a version that AWS has no image for.
    """
    table = image_table()
    problems = []
    if region not in table.accounts:
        problems.append(_unknown_region(region))
    if version not in table.versions:
        problems.append(
            Problem(
                f"SageMaker has no built-in XGBoost image of version {version!r}.", fix=f"Use {_either(versions())}."
            )
        )
    if problems:
        raise InputError(*problems)
    return f"{table.accounts[region]}.dkr.ecr.{region}.{table.domains[region]}/{REPOSITORY}:{table.versions[version]}"


def _unknown_region(region: str) -> Problem:
    return Problem(
        f"SageMaker has no built-in XGBoost image in region {region!r}.",
        fix=f"Use {_either(regions())}; a newer sagemaker-core and scripts/make_image_table.py may know more.",
    )


def _either(choices: tuple[str, ...]) -> str:
    return f"{', '.join(choices[:-1])} or {choices[-1]}"
