"""Where a subnet or a security group is: what a service looks up that puts something into a network.

Every account has a default VPC in each region, which the emulator makes when it is first asked about EC2. Subnets of
other accounts count too: an organisation shares them (AWS RAM, which the emulator does not have), with their ids.
https://docs.aws.amazon.com/vpc/latest/userguide/vpc-sharing.html
"""

from __future__ import annotations

from localcloud.emulator.context import request_scope
from localcloud.emulator.seam import Seam

DEFAULTS = Seam("ministack.services.ec2", "_ensure_defaults_initialized", ())


def find_vpc(kind: str, name: str, account: str, region: str) -> str | None:
    """The VPC of a `subnet` or a `security group` by its id; None where the region has none of that id."""
    from ministack.services import ec2

    with request_scope(account, region):
        DEFAULTS.original()()
    table = ec2._subnets if kind == "subnet" else ec2._security_groups
    own = table.get_scoped(account, region, name)
    if own is not None:
        return str(own["VpcId"])
    shared = (record for (_, place, key), record in list(table.all_items()) if (place, key) == (region, name))
    return next((str(record["VpcId"]) for record in shared), None)
