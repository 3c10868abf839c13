"""Instance types: every one of the service's enumerations is accepted, or refused by name before a synthesis."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.metadata import files
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from project_files import SMALLEST, problems

from kickstand.aws.instance_types import (
    LOCAL_DISK_FAMILIES,
    USES,
    Use,
    instance_type_fault,
    is_arm,
    takes_volume_key,
    usable_types,
)
from kickstand.config.rules import RULES

ENUMERATIONS = {
    "training": "TrainingInstanceType",
    "hosting": "ProductionVariantInstanceType",
    "transform": "TransformInstanceType",
}


@cache
def enumerated(use: str) -> frozenset[str]:
    """As botocore's model of SageMaker has them."""
    model = botocore.session.get_session().get_service_model("sagemaker")
    return frozenset(model.shape_for(ENUMERATIONS[use]).metadata["enum"])


def every_type() -> list[str]:
    return sorted({one for use in USES for one in enumerated(use)})


def can_run_the_image(instance_type: str) -> bool:
    """By the names that AWS gives: a `g` behind the generation is Graviton, GB is Grace; inf, trn and dl are no CPUs.

    https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html
    """
    family = instance_type.split(".")[1]
    arm = re.fullmatch(r"[a-z]+\d+g[dn]*", family) or "-gb" in family
    return not arm and not family.startswith(("inf", "trn", "dl"))


@pytest.mark.parametrize("use", USES)
def test_every_type_of_the_enumerations_is_accepted_or_refused_by_name(use: Use) -> None:
    rule = RULES[f"{use}.instance_type"]
    accepted = {one for one in every_type() if rule(one) is None}
    assert accepted == {one for one in enumerated(use) if can_run_the_image(one)}
    assert accepted == set(usable_types(use))
    for one in every_type():
        if (fault := rule(one)) is not None:
            assert f'"{one}"' in fault[0]
            suggested = re.findall(r"ml\.[\w-]+\.\w+", fault[1])
            assert suggested and all(rule(other) is None for other in suggested), one


def test_how_many_there_are() -> None:
    """So that a new botocore is noticed: what it adds is classified, then counted here."""
    assert {use: (len(enumerated(use)), len(usable_types(use))) for use in USES} == {
        "training": (225, 220),
        "hosting": (277, 169),
        "transform": (116, 110),
    }


@pytest.mark.parametrize(
    ("use", "value", "message", "fix"),
    [
        (
            *("training", "ml.m5.larg", 'must be an instance type that SageMaker trains on, not "ml.m5.larg"'),
            "Did you mean ml.m5.large or ml.m5.xlarge or ml.m5.4xlarge?",
        ),
        (
            "transform",
            "m5.xlarge",
            'must be an instance type that SageMaker runs a batch transform on, not "m5.xlarge"',
            "Did you mean ml.m5.xlarge or ml.m5.4xlarge or ml.m5.2xlarge?",
        ),
        (
            *("hosting", "a laptop", 'must be an instance type that SageMaker hosts an endpoint on, not "a laptop"'),
            "For example ml.m5.large.",
        ),
        (
            *("hosting", "ml.t3.medium", 'is "ml.t3.medium", which SageMaker has for training alone'),
            "For example ml.m5.large.",
        ),
        (
            *("training", "ml.t2.medium", 'is "ml.t2.medium", which SageMaker has for hosting alone'),
            "For example ml.m5.large.",
        ),
        (
            *("transform", "ml.r5.xlarge", 'is "ml.r5.xlarge", which SageMaker has for training and hosting alone'),
            "For example ml.r6i.xlarge.",
        ),
        (
            "hosting",
            "ml.c7g.large",
            'is "ml.c7g.large", which has an ARM processor: the image is built for x86-64, and its container cannot '
            "start there",
            "For example ml.c5.large.",
        ),
        (
            "transform",
            "ml.inf2.xlarge",
            'is "ml.inf2.xlarge", which is paid for accelerators that XGBoost cannot use',
            "For example ml.m5.xlarge.",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_is_said_with_what_to_use_instead(use: Use, value: str, message: str, fix: str) -> None:
    assert instance_type_fault(use, value) == (message, fix)


def test_all_three_are_refused_at_once_with_their_lines(tmp_path: Path) -> None:
    text = (
        SMALLEST + '[training]\ninstance_type = "ml.trn1.2xlarge"\n'
        '[hosting]\ninstance_type = "ml.m8g.large"\n[transform]\ninstance_type = "ml.m5.larg"\n'
    )
    found = problems(tmp_path, text)
    assert [one.partition(",")[0] for one in found] == [
        '9: instance_type is "ml.trn1.2xlarge"',
        '11: instance_type is "ml.m8g.large"',
        "13: instance_type must be an instance type that SageMaker runs a batch transform on",
    ]


def test_the_sdk_has_an_arm_image_for_versions_that_are_not_supported_alone() -> None:
    (path,) = [f for f in files("sagemaker-core") or () if f.as_posix().endswith("image_uri_config/xgboost.json")]
    table: dict[str, Any] = json.loads(Path(str(path.locate())).read_text())
    assert list(table["inference_graviton"]["versions"]) == ["1.3-1", "1.5-1"]


def families() -> set[str]:
    return {one.split(".")[1] for one in every_type()}


VOLUME_ONLY_FAMILIES = frozenset(
    {"c4", "c5", "c5n", "c6g", "c6gn", "c6i", "c6in", "c7g", "c7i", "c7i-flex", "c8g", "c8i", "c8i-flex", "inf1"}
    | {"inf2", "m4", "m5", "m6g", "m6i", "m7i", "m7i-flex", "m8g", "m8i", "m8i-flex", "p2", "p3", "r5", "r6g", "r6i"}
    | {"r7i", "r8g", "r8i", "r8i-flex", "t2", "t3"}
)
"""Families whose only disks are EBS volumes."""


def test_every_family_is_classified_by_its_disks() -> None:
    assert families() == LOCAL_DISK_FAMILIES | VOLUME_ONLY_FAMILIES
    assert not LOCAL_DISK_FAMILIES & VOLUME_ONLY_FAMILIES


def test_a_d_behind_the_generation_stands_for_local_disks() -> None:
    """By AWS's naming: instance store volumes. GPU families (p4d and up, g4dn and up) have them by their pages."""
    named = {one for one in families() if "d" in re.sub(r"^[a-z]+\d+", "", one.partition("-")[0])}
    assert named <= LOCAL_DISK_FAMILIES
    graphics = {one for one in families() if re.match(r"g\d|p[456]", one)}
    assert graphics <= LOCAL_DISK_FAMILIES
    assert LOCAL_DISK_FAMILIES - named - graphics == {"dl1", "trn1", "trn1n", "trn2"}


@pytest.mark.parametrize(
    ("instance_type", "takes"),
    [
        ("ml.m5.xlarge", True),
        ("ml.c7i-flex.large", True),
        ("ml.t3.medium", True),
        ("ml.p3.2xlarge", True),
        ("ml.m5d.xlarge", False),
        ("ml.g4dn.xlarge", False),
        ("ml.p3dn.24xlarge", False),
        ("ml.p4d.24xlarge", False),
        ("ml.g5.xlarge", False),
        ("ml.g7.2xlarge", False),
        ("ml.g7e.2xlarge", False),
        ("ml.p6-b200.48xlarge", False),
        ("ml.p6-b300.48xlarge", False),
        ("ml.dl1.24xlarge", False),
    ],
)
def test_local_disks_have_their_own_encryption(instance_type: str, takes: bool) -> None:
    assert takes_volume_key(instance_type) is takes


def test_graviton_and_grace_are_arm_and_graphics_are_not() -> None:
    assert {one for one in families() if is_arm(f"ml.{one}.large")} == {
        *("c6g", "c6gd", "c6gn", "c7g", "c8g", "m6g", "m6gd", "m8g", "r6g", "r6gd", "r7gd", "r8g", "p6e-gb200"),
    }
