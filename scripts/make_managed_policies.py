"""Write localcloud/ministack/iam/managed_policies.json: AWS's managed policies that a SageMaker user attaches.

    make managed-policies

The documents are AWS's own, as moto 5.2.5 collects them (`moto/iam/aws_managed_policies.py`, Apache License 2.0, from
`aws iam list-policies --scope AWS` and `get-policy-version`). Those that ministack brings are not repeated.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parents[1] / "localcloud" / "ministack" / "iam" / "managed_policies.json"
SOURCE = (
    "moto 5.2.5, moto/iam/aws_managed_policies.py (Apache License 2.0), collected with "
    "`aws iam list-policies --scope AWS` and `get-policy-version`"
)
NAMES = (
    "AWSKeyManagementServicePowerUser",
    "AWSStepFunctionsFullAccess",
    "AWSStepFunctionsReadOnlyAccess",
    "AmazonAthenaFullAccess",
    "AmazonEC2ContainerRegistryFullAccess",
    "AmazonEC2ContainerRegistryPowerUser",
    "AmazonEC2ContainerRegistryPullOnly",
    "AmazonEC2ContainerRegistryReadOnly",
    "AmazonEventBridgeFullAccess",
    "AmazonEventBridgeReadOnlyAccess",
    "AmazonSSMFullAccess",
    "AmazonSSMReadOnlyAccess",
    "AmazonSageMakerFeatureStoreAccess",
    "AmazonSageMakerFullAccess",
    "AmazonSageMakerModelGovernanceUseAccess",
    "AmazonSageMakerModelRegistryFullAccess",
    "AmazonSageMakerPipelinesIntegrations",
    "AmazonSageMakerReadOnly",
    "AmazonVPCReadOnlyAccess",
    "CloudWatchFullAccess",
    "CloudWatchFullAccessV2",
    "CloudWatchLogsReadOnlyAccess",
    "CloudWatchReadOnlyAccess",
)


def table(collected: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The file's content. collected: moto's, by name."""
    policies = {}
    for name in NAMES:
        policy = collected[name]
        policies[f"arn:aws:iam::aws:policy{policy['Path']}{name}"] = {
            "version": policy["DefaultVersionId"],
            "updated": policy["UpdateDate"],
            "document": policy["Document"],
        }
    return {"source": SOURCE, "policies": policies}


def text(content: dict[str, Any]) -> str:
    """The file, one statement a line, so that a change of one reads as one."""
    policies = []
    for arn, policy in content["policies"].items():
        head = {name: value for name, value in policy.items() if name != "document"}
        statements = ",\n    ".join(json.dumps(one, sort_keys=True) for one in policy["document"]["Statement"])
        policies.append(f'  "{arn}": {{{json.dumps(head)[1:-1]}, "statements": [\n    {statements}\n  ]}}')
    listed = ",\n".join(policies)
    return f'{{\n "source": {json.dumps(content["source"])},\n "policies": {{\n{listed}\n }}\n}}\n'


def main() -> None:
    """Write the file."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    TARGET.write_text(text(table(json.loads(aws_managed_policies_data))), encoding="utf-8")


if __name__ == "__main__":
    main()
