"""Which instances take a key for their volume."""

from __future__ import annotations

import pytest

from infra.instance_type import takes_volume_key


@pytest.mark.parametrize(
    ("instance_type", "takes"),
    [
        ("ml.m5.xlarge", True),
        ("ml.c5.large", True),
        ("ml.c6i.2xlarge", True),
        ("ml.t3.medium", True),
        ("ml.p3.2xlarge", True),
        ("ml.m5d.xlarge", False),
        ("ml.c6id.large", False),
        ("ml.m5dn.large", False),
        ("ml.g4dn.xlarge", False),
        ("ml.p3dn.24xlarge", False),
        ("ml.p4d.24xlarge", False),
        ("ml.g5.xlarge", False),
        ("ml.trn1.2xlarge", False),
    ],
)
def test_local_disks_have_their_own_encryption(instance_type: str, takes: bool) -> None:
    assert takes_volume_key(instance_type) is takes
