"""What an instance type says about its disks."""

from __future__ import annotations

import re

_WITH_LOCAL_DISKS = frozenset(
    {"g5", "g6", "g6e", "gr6", "p5", "p5e", "p5en", "p6", "trn1", "trn1n", "trn2", "i3", "i3en", "i4i"}
)


def takes_volume_key(instance_type: str) -> bool:
    """Whether an instance's volume may be encrypted with a KMS key of ours.

    Nitro instances with local disks encrypt these in hardware, and SageMaker refuses a key for them.
    A `d` behind the generation (`ml.m5d.xlarge`, `ml.g4dn.xlarge`) stands for local disks
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ResourceConfig.html, VolumeKmsKeyId).
    """
    family = instance_type.split(".")[1]
    attributes = re.sub(r"^[a-z]+\d+", "", family)
    return "d" not in attributes and family not in _WITH_LOCAL_DISKS
