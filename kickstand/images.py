"""Where the built-in XGBoost image is, by region and version, and which regions can have the stacks; a table in git.

`xgboost_images.json` is made by `scripts/make_image_table.py` from the SageMaker SDK and from the schemas of
CloudFormation's registry, and compared with both by tests; the SDK is never imported here (that takes seconds).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from kickstand.errors import InputError, Problem
from kickstand.json_text import parse_json
from kickstand.names import partition

REPOSITORY = "sagemaker-xgboost"
_TABLE = Path(__file__).with_name("xgboost_images.json")


@dataclass(frozen=True, slots=True)
class ImageTable:
    """Registry accounts and domains by region, image tags by version; resource types that a region lacks.

    unlisted_regions: those whose resource types the registry's schemas do not list.
    """

    accounts: Mapping[str, str]
    domains: Mapping[str, str]
    missing_types: Mapping[str, tuple[str, ...]]
    unlisted_regions: tuple[str, ...]
    versions: Mapping[str, str]


@cache
def image_table() -> ImageTable:
    """The table, read once a process."""
    table = parse_json(_TABLE.read_text(encoding="utf-8"))
    missing = {region: tuple(types) for region, types in table.pop("missing_types").items()}
    return ImageTable(**table, missing_types=missing)


def regions() -> tuple[str, ...]:
    """Every region that has the image and all resource types of the stacks, sorted."""
    table = image_table()
    return tuple(sorted(table.accounts.keys() - table.missing_types.keys()))


def region_fault(region: str) -> tuple[str, str] | None:
    """Why no environment can be in a region, and which are near instead; None where one can.

    The text follows the setting's name: `names a region …`.
    """
    table = image_table()
    if region not in table.accounts:
        near = get_close_matches(region, regions(), n=3)
        fix = f"Did you mean {' or '.join(near)}?" if near else f"Known are {', '.join(regions())}."
        return f'names a region that SageMaker has no XGBoost image for: "{region}"', fix
    missing = table.missing_types.get(region)
    if missing is None:
        return None
    others = _near(region)
    fix = f"Choose {_either(others)}." if others else f"No region of the partition {partition(region)} has them."
    return (
        f'names a region where CloudFormation has no {_listed(missing)}, which the stacks need: "{region}"',
        f"{fix} (By the registry's schemas of cfn-lint; after an upgrade of it: make images.)",
    )


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
    known = _either(tuple(sorted(image_table().accounts)))
    return Problem(
        f"SageMaker has no built-in XGBoost image in region {region!r}.",
        fix=f"Use {known}; a newer sagemaker-core and scripts/make_image_table.py may know more.",
    )


def _near(region: str) -> tuple[str, ...]:
    """Regions with the stacks' types in the same area, else in the same partition and part of the world."""
    for parts in (-1, -2):
        area = region.split("-")[:parts]
        near = tuple(one for one in regions() if one.split("-")[:parts] == area)
        if near:
            return near
    return ()


def _either(choices: tuple[str, ...]) -> str:
    return _listed(choices, "or")


def _listed(items: tuple[str, ...], word: str = "and") -> str:
    return items[-1] if len(items) == 1 else f"{', '.join(items[:-1])} {word} {items[-1]}"
