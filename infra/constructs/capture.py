"""Data capture of an endpoint: what of its requests SageMaker stores where, and the policy of those who read it.

https://docs.aws.amazon.com/sagemaker/latest/dg/model-monitor-data-capture-endpoint.html
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_sagemaker as sagemaker
from constructs import Construct

from infra.constructs.roles import ManagedPolicy
from infra.policies.capture import captured_statements
from kickstand.names import Names

CSV_TYPES = ("text/csv",)
JSON_TYPES = ("application/json", "application/jsonlines")
"""What the image takes or answers as text: stored as it is. Everything else SageMaker stores in base64."""


def data_capture(names: Names, artifact_sha256: str) -> sagemaker.CfnEndpointConfig.DataCaptureConfigProperty | None:
    """`DataCaptureConfig` of the configuration that serves a model; None where nothing is captured.

    artifact_sha256: of the model. It is the last part of the prefix: neither SageMaker's keys nor its records say
                     which model answered, and an update has two that answer at the same time.
    """
    environment = names.environment
    if not environment.captures:
        return None
    capture = environment.hosting.capture
    modes = [mode for mode, wanted in (("Input", capture.request), ("Output", capture.response)) if wanted]
    return sagemaker.CfnEndpointConfig.DataCaptureConfigProperty(
        enable_capture=True,
        initial_sampling_percentage=capture.percent,
        destination_s3_uri=names.capture_uri(artifact_sha256),
        kms_key_id=names.capture_key_arn,
        capture_options=[sagemaker.CfnEndpointConfig.CaptureOptionProperty(capture_mode=mode) for mode in modes],
        capture_content_type_header=sagemaker.CfnEndpointConfig.CaptureContentTypeHeaderProperty(
            csv_content_types=list(CSV_TYPES), json_content_types=list(JSON_TYPES)
        ),
    )


class CaptureReaders(Construct):
    """The managed policy of those who read captured requests, with its ARN as an output of the stack."""

    def __init__(self, scope: cdk.Stack, construct_id: str, *, names: Names) -> None:
        super().__init__(scope, construct_id)
        policy = ManagedPolicy(
            self,
            "Policy",
            policy_name=names.managed_policy("captured"),
            description="Read the requests that Kickstand has captured at an endpoint",
            statements=captured_statements(names),
        )
        cdk.CfnOutput(scope, "CapturedPolicyArn", value=policy.arn)
