"""What every training job of an environment has in common."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from kickstand.instance_types import takes_volume_key


def training_job(
    *,
    image_uri: str,
    role_arn: str,
    output_uri: str,
    instance_type: str,
    instance_count: int,
    volume_size_gb: int,
    max_runtime_seconds: int,
    spot: bool,
    max_wait_seconds: int | None,
    kms_key_arn: str | None,
    encrypt_inter_container_traffic: bool,
    subnets: Sequence[str],
    security_group_ids: Sequence[str],
    known_faults: Mapping[str, str],
) -> dict[str, Any]:
    """The part of CreateTrainingJob's request that a stack rules.

    No metric definitions: SageMaker has those of its built-in algorithms, and the request is for algorithms of
    one's own (https://docs.aws.amazon.com/sagemaker/latest/dg/define-train-metrics.html).

    Always isolated from the network: the platform brings data and takes the model away, the hosts of one job still
    reach each other, and the algorithm has nothing to ask of anyone else.

    encrypt_inter_container_traffic: between the instances of one job; only where it is chosen does the request say so.
    known_faults: of AWS's image, accepted with a reason; AWS's image does not look, the local cloud's program does.
    """
    resources: dict[str, Any] = {
        "InstanceType": instance_type,
        "InstanceCount": instance_count,
        "VolumeSizeInGB": volume_size_gb,
    }
    output = {"S3OutputPath": output_uri}
    stopping = {"MaxRuntimeInSeconds": max_runtime_seconds}
    if kms_key_arn is not None:
        output["KmsKeyId"] = kms_key_arn
        if takes_volume_key(instance_type):
            resources["VolumeKmsKeyId"] = kms_key_arn
    if max_wait_seconds is not None:
        stopping["MaxWaitTimeInSeconds"] = max_wait_seconds
    request: dict[str, Any] = {
        "AlgorithmSpecification": {"TrainingImage": image_uri, "TrainingInputMode": "File"},
        "RoleArn": role_arn,
        "OutputDataConfig": output,
        "ResourceConfig": resources,
        "StoppingCondition": stopping,
        "EnableNetworkIsolation": True,
        "EnableManagedSpotTraining": spot,
    }
    if encrypt_inter_container_traffic:
        request["EnableInterContainerTrafficEncryption"] = True
    if subnets:
        request["VpcConfig"] = {"Subnets": list(subnets), "SecurityGroupIds": list(security_group_ids)}
    if known_faults:
        request["Environment"] = {"KICKSTAND_KNOWN_FAULTS": json.dumps(dict(known_faults), sort_keys=True)}
    return request
