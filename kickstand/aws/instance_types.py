"""SageMaker's instance types: which there are for training, hosting and batch transform, and what the image needs.

`instance_types.json` holds the service's own enumerations (TrainingInstanceType, ProductionVariantInstanceType,
TransformInstanceType). It is made from botocore's service model by `scripts/make_image_table.py` and compared with it
by a test; botocore is never imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from kickstand.json_text import parse_json

Use = Literal["training", "hosting", "transform"]
USES: tuple[Use, ...] = get_args(Use)

_TABLE = Path(__file__).with_name("instance_types.json")
_DOES = {"training": "trains on", "hosting": "hosts an endpoint on", "transform": "runs a batch transform on"}

ARM_FAMILIES = frozenset(
    {"c6g", "c6gd", "c6gn", "c7g", "c8g", "m6g", "m6gd", "m8g", "r6g", "r6gd", "r7gd", "r8g"}
    | {"p6e-gb200"}  # NVIDIA Grace
)
"""Families with an ARM processor: https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-types.html

The SageMaker SDK lists an ARM build of the image (`inference_graviton` of image_uri_config/xgboost.json) for the
versions 1.3-1 and 1.5-1 alone, which Kickstand does not support.
"""

ACCELERATOR_FAMILIES = frozenset({"inf1", "inf2", "trn1", "trn1n", "trn2", "dl1"})
"""Families that are paid for chips which XGBoost cannot use: AWS Inferentia and Trainium, Intel Gaudi."""

LOCAL_DISK_FAMILIES = frozenset(
    {"c5d", "c6gd", "dl1", "g4dn", "g5", "g6", "g6e", "g7", "g7e", "m5d", "m6gd", "p3dn", "p4d", "p4de", "p5", "p5e"}
    | {"p5en", "p6-b200", "p6-b300", "p6e-gb200", "r5d", "r6gd", "r7gd", "trn1", "trn1n", "trn2"}
)
"""Families with NVMe instance store volumes: https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-types.html
(`InstanceStorageSupported` of EC2's DescribeInstanceTypes)."""


@cache
def instance_types(use: Use) -> frozenset[str]:
    """Every instance type that the service's enumeration has for a use."""
    return _table()[use]


@cache
def usable_types(use: Use) -> tuple[str, ...]:
    """Those of them that can run the XGBoost image to some purpose, sorted."""
    return tuple(sorted(one for one in instance_types(use) if not _unfit(one)))


def instance_type_fault(use: Use, value: str) -> tuple[str, str] | None:
    """What follows the setting's name in a message, and how to correct it; None for a type that can be used."""
    if value in instance_types(use):
        reason = _unfit(value)
        return (f'is "{value}", {reason}', f"For example {_similar(use, value)}.") if reason else None
    others = [other for other in USES if value in instance_types(other)]
    if others:
        message = f'is "{value}", which SageMaker has for {" and ".join(others)} alone'
        return message, f"For example {_similar(use, value)}."
    typed = value if value.startswith("ml.") else f"ml.{value}"
    near = get_close_matches(typed.lower(), usable_types(use), n=3)
    fix = f"Did you mean {' or '.join(near)}?" if near else f"For example {_similar(use, value)}."
    return f'must be an instance type that SageMaker {_DOES[use]}, not "{value}"', fix


def is_arm(instance_type: str) -> bool:
    """Whether programs built for x86-64, as the image's are, cannot be executed on it."""
    return family(instance_type) in ARM_FAMILIES


def takes_volume_key(instance_type: str) -> bool:
    """Whether an instance's volume may be encrypted with a KMS key of ours.

    Nitro instances with local disks encrypt these in hardware, and SageMaker refuses a key for them
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html, VolumeKmsKeyId).
    """
    return family(instance_type) not in LOCAL_DISK_FAMILIES


def family(instance_type: str) -> str:
    """`m7i-flex` of `ml.m7i-flex.large`; empty for text that is no instance type."""
    parts = instance_type.split(".")
    return parts[1] if len(parts) == 3 else ""


_PROCESSORS = {"medium": 2, "large": 2, "xlarge": 4}
_OTHER_PROCESSORS = {"ml.c4.8xlarge": 36}


def processors(instance_type: str) -> int:
    """The virtual processors of a type that the image can run on: four for each x of `Nxlarge`.

    https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-types.html
    """
    size = instance_type.rpartition(".")[2]
    times = size.removesuffix("xlarge")
    return _OTHER_PROCESSORS.get(instance_type) or _PROCESSORS.get(size) or 4 * int(times)


def _unfit(value: str) -> str:
    """Why an instance type of the enumerations is of no use; empty: it is."""
    if is_arm(value):
        return "which has an ARM processor: the image is built for x86-64, and its container cannot start there"
    if family(value) in ACCELERATOR_FAMILIES:
        return "which is paid for accelerators that XGBoost cannot use"
    return ""


def _similar(use: Use, value: str) -> str:
    """A usable type of the same size and kind, else the plainest one."""
    kind, size = family(value)[:1], value.rpartition(".")[2]
    for name in (f"ml.{kind}5.{size}", f"ml.{kind}6i.{size}", f"ml.m5.{size}"):
        if name in usable_types(use):
            return name
    return "ml.m5.large"


@cache
def _table() -> Mapping[str, frozenset[str]]:
    return {use: frozenset(types) for use, types in parse_json(_TABLE.read_text(encoding="utf-8")).items()}
