"""Training when new data has arrived."""

from __future__ import annotations

from aws_cdk import aws_events as events
from constructs import Construct

MANIFESTS = "manifests/"


class NewDataRule(Construct):
    """Starts the training trigger when an upload is whole.

    An upload writes its manifest last, and no manifest twice: so it is one event for one set of data, however many
    files it has.

    bucket_name: the artifact bucket, which must send its events to EventBridge.
    role_arn:    the role that EventBridge starts the state machine as.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        rule_name: str,
        bucket_name: str,
        state_machine_arn: str,
        role_arn: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self.resource = events.CfnRule(
            self,
            "Rule",
            name=rule_name,
            description="Trains when kickstand upload has published new data",
            event_pattern={
                "source": ["aws.s3"],
                "detail-type": ["Object Created"],
                "detail": {"bucket": {"name": [bucket_name]}, "object": {"key": [{"prefix": MANIFESTS}]}},
            },
            state="ENABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="Training",
                    arn=state_machine_arn,
                    role_arn=role_arn,
                    input_transformer=events.CfnRule.InputTransformerProperty(
                        input_paths_map={"key": "$.detail.object.key"}, input_template='{"Manifest": <key>}'
                    ),
                )
            ],
        )
