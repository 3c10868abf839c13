"""The images that the local cloud can stand in for: the built-in XGBoost, in the versions
that `training.image` knows.

The table of registry accounts is data of the project (`infra/xgboost_images.json`), read, not imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.platform.container_environment import ForeignVariablesError, require_own_variables
from localcloud.sagemaker.errors import unsupported, validation_error
from training.image.versions import OWN_IMAGE, XGBOOST

_URI = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.(?P<domain>[a-z0-9.-]+)/"
    r"(?P<repository>[^:@]+)(?:(?P<separator>[:@])(?P<tag>.+))?"
)


def check_environment(holder: Mapping[str, Any]) -> None:
    """Refuse variables in the member `Environment` that are not the image's own. Raises ServiceError, naming them."""
    try:
        require_own_variables(holder.get("Environment") or {})
    except ForeignVariablesError as error:
        raise validation_error(str(error)) from None


@dataclass(frozen=True, slots=True)
class Image:
    """An image URI taken apart; `tag` is empty where there is none."""

    account: str
    region: str
    domain: str
    repository: str
    tag: str
    uri: str

    def repository_arn(self, partition: str) -> str:
        """What IAM is asked about the image."""
        return f"arn:{partition}:ecr:{self.region}:{self.account}:repository/{self.repository}"


def parse_image(uri: str) -> Image | None:
    """The parts of an ECR image URI; None where it is none."""
    match = _URI.fullmatch(uri)
    if match is None:
        return None
    return Image(match["account"], match["region"], match["domain"], match["repository"], match["tag"] or "", uri)


class Images:
    """Which image URIs the local cloud runs.

    registries: prefixes `<account>.dkr.ecr.<region>.<domain>` by region. Empty: any registry account is accepted,
    and the region is still compared.
    """

    def __init__(self, registries: Mapping[str, str]) -> None:
        self._registries = registries

    @classmethod
    def read(cls, table: Path) -> Images:
        """The images of a table as `infra/xgboost_images.json` holds it; without the file, any registry account."""
        if not table.is_file():
            return cls({})
        content = json.loads(table.read_text(encoding="utf-8"))
        domains = content["domains"]
        return cls(
            {region: f"{account}.dkr.ecr.{region}.{domains[region]}" for region, account in content["accounts"].items()}
        )

    def check(self, uri: str, region: str) -> Image:
        """The image, if the local cloud can stand in for it; else a ValidationException that names why."""
        image = parse_image(uri)
        if image is None or image.repository != "sagemaker-xgboost":
            raise unsupported(f"The image {uri} (anything but the built-in sagemaker-xgboost)")
        expected = self._registries.get(region)
        if self._registries and expected is None:
            raise validation_error(f"There is no built-in XGBoost image in {region}.")
        registry = f"{image.account}.dkr.ecr.{image.region}.{image.domain}"
        if image.region != region or (expected is not None and registry != expected):
            place = f" Expected {expected}/sagemaker-xgboost:{image.tag or OWN_IMAGE}." if expected else ""
            raise validation_error(
                f"Cannot pull the image {uri}: the built-in XGBoost of {region} is in another registry.{place}"
            )
        if image.tag not in XGBOOST:
            raise unsupported(
                f"XGBoost version {image.tag or 'without a tag'} (the local cloud runs {', '.join(XGBOOST)})"
            )
        return image
