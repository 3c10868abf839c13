"""HostingStack: what it makes, of which properties, and what a new release changes."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match
from samples import BUCKET, DIGEST, IMAGE, environment, release
from synthesis import KEY, ROLE, synthesised

from infra.stacks.environment_stage import EnvironmentStage
from kickstand.errors import InputError


def one(variant: str, kind: str) -> dict[str, Any]:
    (found,) = synthesised(variant).resources(kind)
    return found


def test_there_is_no_hosting_before_a_release() -> None:
    assert synthesised("unreleased").hosting == {}


def test_the_model_is_isolated_unnamed_and_made_after_its_roles_policy() -> None:
    template = synthesised("plain").template("hosting")
    (policy,) = template.find_resources("AWS::IAM::Policy", {"Properties": {"PolicyName": "bikes-dev-hosting"}})
    template.has_resource(
        "AWS::SageMaker::Model",
        {
            "Properties": {
                "EnableNetworkIsolation": True,
                "ModelName": Match.absent(),
                "VpcConfig": Match.absent(),
                "PrimaryContainer": {
                    "Image": IMAGE,
                    "ModelDataUrl": f"s3://bikes-dev-111122223333-us-east-1/models/{DIGEST}/model.tar.gz",
                    "Environment": Match.absent(),
                },
            },
            "DependsOn": [policy],
        },
    )


def test_the_config_has_one_variant_under_a_stable_name() -> None:
    synthesised("plain").template("hosting").has_resource_properties(
        "AWS::SageMaker::EndpointConfig",
        {
            "EndpointConfigName": Match.absent(),
            "KmsKeyId": Match.absent(),
            # On unless it is set: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_MetricsConfig.html
            "MetricsConfig": {"EnableDetailedObservability": False},
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": 1,
                    "ContainerStartupHealthCheckTimeoutInSeconds": 180,
                    "RoutingConfig": Match.absent(),
                    "ModelName": Match.any_value(),
                }
            ],
        },
    )


def test_the_endpoint_has_a_stable_name_and_retains_nothing() -> None:
    synthesised("plain").template("hosting").has_resource_properties(
        "AWS::SageMaker::Endpoint",
        {
            "EndpointName": "bikes-dev",
            # Retained are DesiredInstanceCount, DesiredWeight and DataCaptureConfig: a new one would be ignored.
            "RetainAllVariantProperties": Match.absent(),
            "ExcludeRetainedVariantProperties": Match.absent(),
        },
    )


def test_a_scaled_endpoint_retains_its_instances_and_neither_weight_nor_capture() -> None:
    endpoint = one("everything", "AWS::SageMaker::Endpoint")["Properties"]
    assert endpoint["RetainAllVariantProperties"] is True
    assert endpoint["ExcludeRetainedVariantProperties"] == [
        {"VariantPropertyType": "DesiredWeight"},
        {"VariantPropertyType": "DataCaptureConfig"},
    ]


def test_the_scalable_target_is_made_after_the_endpoint_and_the_policy_after_the_target() -> None:
    template = synthesised("everything").hosting["Resources"]
    (target,) = [n for n, r in template.items() if r["Type"] == "AWS::ApplicationAutoScaling::ScalableTarget"]
    properties = template[target]["Properties"]
    ((endpoint, attribute),) = [
        part["Fn::GetAtt"] for part in properties.pop("ResourceId")["Fn::Join"][1] if "Fn" in str(part)
    ]
    assert (template[endpoint]["Type"], attribute) == ("AWS::SageMaker::Endpoint", "EndpointName")
    assert properties == {
        "ServiceNamespace": "sagemaker",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
        "MinCapacity": 2,
        "MaxCapacity": 8,
        "ScheduledActions": [
            {
                "ScheduledActionName": "bikes-dev-1",
                "Schedule": "cron(0 7 ? * MON-FRI *)",
                "Timezone": "Europe/Berlin",
                "ScalableTargetAction": {"MinCapacity": 4, "MaxCapacity": 8},
            },
            {
                "ScheduledActionName": "bikes-dev-2",
                "Schedule": "rate(1 day)",
                "ScalableTargetAction": {"MinCapacity": 2, "MaxCapacity": 8},
            },
        ],
        "Tags": [{"Key": "cost", "Value": "42"}, {"Key": "team", "Value": "rides"}],
    }
    assert one("everything", "AWS::ApplicationAutoScaling::ScalingPolicy")["Properties"] == {
        "PolicyName": "bikes-dev-invocations",
        "PolicyType": "TargetTrackingScaling",
        "ScalingTargetId": {"Ref": target},
        "TargetTrackingScalingPolicyConfiguration": {
            "TargetValue": 3000,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
            "ScaleOutCooldown": 60,
            "ScaleInCooldown": 600,
            "DisableScaleIn": True,
        },
    }


def test_without_a_count_a_scaled_endpoint_starts_with_its_minimum() -> None:
    (variant,) = one("scaled prod", "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["InitialInstanceCount"] == 2
    tracking = one("scaled prod", "AWS::ApplicationAutoScaling::ScalingPolicy")["Properties"]
    assert tracking["TargetTrackingScalingPolicyConfiguration"] == {
        "TargetValue": 4,
        "PredefinedMetricSpecification": {
            "PredefinedMetricType": "SageMakerVariantConcurrentRequestsPerModelHighResolution"
        },
        "ScaleOutCooldown": 300,
        "ScaleInCooldown": 300,
        "DisableScaleIn": False,
    }


def test_the_three_steps_refer_to_each_other() -> None:
    template = synthesised("plain").hosting["Resources"]
    config = one("plain", "AWS::SageMaker::EndpointConfig")
    endpoint = one("plain", "AWS::SageMaker::Endpoint")
    model, attribute = config["Properties"]["ProductionVariants"][0]["ModelName"]["Fn::GetAtt"]
    assert (template[model]["Type"], attribute) == ("AWS::SageMaker::Model", "ModelName")
    referred, attribute = endpoint["Properties"]["EndpointConfigName"]["Fn::GetAtt"]
    assert (template[referred]["Type"], attribute) == ("AWS::SageMaker::EndpointConfig", "EndpointConfigName")


def test_the_endpoints_log_expires_and_is_there_first() -> None:
    template = synthesised("everything").hosting["Resources"]
    group = one_of(template, "/aws/sagemaker/Endpoints/bikes-dev")
    assert template[group]["Properties"]["RetentionInDays"] == 30
    assert template[group]["Properties"]["KmsKeyId"] == KEY
    assert one("everything", "AWS::SageMaker::Endpoint")["DependsOn"] == [group]


def one_of(template: dict[str, Any], log_group: str) -> str:
    (name,) = [n for n, r in template.items() if r["Properties"].get("LogGroupName") == log_group]
    return name


def test_a_new_release_changes_artifact_and_capture_and_nothing_else() -> None:
    old, new = synthesised("plain"), synthesised("next release")
    assert old.training == new.training
    kinds = {name: resource["Type"] for name, resource in old.hosting["Resources"].items()}
    changed = [n for n, r in old.hosting["Resources"].items() if new.hosting["Resources"][n] != r]
    assert {kinds[name] for name in changed} == {"AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig"}
    # The configuration is replaced anyway; of its own it has another place for captured requests.
    before, after = (
        one(variant, "AWS::SageMaker::EndpointConfig")["Properties"] for variant in ("plain", "next release")
    )
    assert after == {
        **before,
        "DataCaptureConfig": {
            **before["DataCaptureConfig"],
            "DestinationS3Uri": f"s3://{BUCKET}/capture/{'cd' * 32}",
        },
    }
    assert {k: v for k, v in old.hosting.items() if k != "Resources"} == {
        k: v for k, v in new.hosting.items() if k != "Resources"
    }


def test_vpc_key_and_tags_are_honoured() -> None:
    tags = [{"Key": "cost", "Value": "42"}, {"Key": "team", "Value": "rides"}]
    model = one("everything", "AWS::SageMaker::Model")["Properties"]
    config = one("everything", "AWS::SageMaker::EndpointConfig")["Properties"]
    endpoint = one("everything", "AWS::SageMaker::Endpoint")["Properties"]
    assert model["VpcConfig"] == {"Subnets": ["subnet-3"], "SecurityGroupIds": ["sg-2"]}
    assert config["KmsKeyId"] == KEY
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.c5.large"
    assert config["ProductionVariants"][0]["InitialInstanceCount"] == 3
    known = [tags[0], {"Key": "kickstand:endpoint", "Value": "bikes-dev"}, *tags[1:]]
    assert [resource["Tags"] for resource in (model, config, endpoint)] == [known, known, tags]


def test_a_role_of_the_organisation_is_used() -> None:
    assert one("brought along", "AWS::SageMaker::Model")["Properties"]["ExecutionRoleArn"] == f"{ROLE}host"


def test_the_model_runs_on_the_image_it_was_trained_with() -> None:
    trained = release().algorithm.model_copy(update={"version": "1.7-1", "image_uri": IMAGE.replace("3.2-0", "1.7-1")})
    stage = EnvironmentStage(cdk.App(), environment=environment(), release=release(algorithm=trained))
    (template,) = [s.template for s in stage.synth().stacks if s.stack_name == "bikes-dev-hosting"]
    (model,) = [r for r in template["Resources"].values() if r["Type"] == "AWS::SageMaker::Model"]
    assert model["Properties"]["PrimaryContainer"]["Image"].endswith("sagemaker-xgboost:1.7-1")


def test_an_image_that_is_not_the_versions_is_refused() -> None:
    forged = release().algorithm.model_copy(update={"image_uri": IMAGE.replace("683313688378", "999999999999")})
    with pytest.raises(InputError, match=r"999999999999\.dkr\.ecr"):
        EnvironmentStage(cdk.App(), environment=environment(), release=release(algorithm=forged))


@pytest.mark.contract("F4")
@pytest.mark.parametrize(("accepted", "errors"), [({}, 1), ({"libsvm-serving": "Every caller sends CSV."}, 0)])
def test_a_libsvm_model_is_an_error_of_the_hosting_stack_unless_accepted(accepted: dict[str, str], errors: int) -> None:
    trained = release().channels[0].model_copy(update={"content_type": "text/libsvm"})
    stage = EnvironmentStage(
        cdk.App(), environment=environment(known_faults=accepted), release=release(channels=(trained,))
    )
    found = {
        stack.node.id: [entry.data for entry in stack.node.metadata if entry.type == "aws:cdk:error"]
        for stack in stage.node.children
    }
    assert (len(found["hosting"]), found["training"]) == (errors, [])
    assert all("libsvm requests are read wrongly by image 3.2-0" in text for text in found["hosting"])


def test_what_is_replaced_stays_until_the_endpoint_is_proven_and_goes_with_the_stack() -> None:
    policies = {
        kind: (found.get("UpdateReplacePolicy"), found.get("DeletionPolicy"))
        for kind in ("AWS::SageMaker::Model", "AWS::SageMaker::EndpointConfig", "AWS::SageMaker::Endpoint")
        for found in [one("everything", kind)]
    }
    assert policies == {
        "AWS::SageMaker::Model": ("Retain", "Delete"),
        "AWS::SageMaker::EndpointConfig": ("Retain", "Delete"),
        "AWS::SageMaker::Endpoint": (None, None),
    }


def test_outputs() -> None:
    outputs = synthesised("plain").hosting["Outputs"]
    assert sorted(outputs) == [
        "CapturedPolicyArn",
        "EndpointName",
        "EndpointUrl",
        "PredictorPolicyArn",
        "TransformStateMachineArn",
        "TransformerPolicyArn",
    ]
    assert outputs["EndpointUrl"]["Value"]["Fn::Join"][1] == [
        "https://runtime.sagemaker.us-east-1.",
        {"Ref": "AWS::URLSuffix"},
        "/endpoints/bikes-dev/invocations",
    ]


def test_hosting_is_deployed_after_training() -> None:
    artifacts = synthesised("plain").manifest["artifacts"]
    stacks = {
        a["properties"]["stackName"]: (name, a["dependencies"])
        for name, a in artifacts.items()
        if a["type"] == "aws:cloudformation:stack"
    }
    assert stacks["bikes-dev-training"][0] in stacks["bikes-dev-hosting"][1]


def deployment(variant: str) -> dict[str, Any]:
    """The update policy of a variant's endpoint, and how many alarms roll an update back."""
    config = dict(one(variant, "AWS::SageMaker::Endpoint")["Properties"]["DeploymentConfig"])
    alarms = config.pop("AutoRollbackConfiguration")["Alarms"]
    return {**config, "alarms": len(alarms)}


def test_one_instance_takes_all_traffic_at_once_and_dev_does_not_wait() -> None:
    assert deployment("plain") == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0},
            "TerminationWaitInSeconds": 0,
            "MaximumExecutionTimeoutInSeconds": 1800,
        },
        "alarms": 6,
    }


def test_two_instances_of_prod_are_a_canary_and_five_minutes_twice() -> None:
    assert deployment("prod") == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "CANARY",
                "CanarySize": {"Type": "INSTANCE_COUNT", "Value": 1},
                "WaitIntervalInSeconds": 300,
            },
            "TerminationWaitInSeconds": 300,
            "MaximumExecutionTimeoutInSeconds": 2400,
        },
        "alarms": 6,
    }
    (variant,) = one("prod", "AWS::SageMaker::EndpointConfig")["Properties"]["ProductionVariants"]
    assert variant["RoutingConfig"] == {"RoutingStrategy": "LEAST_OUTSTANDING_REQUESTS"}


def test_what_the_project_file_writes_is_what_the_endpoint_has() -> None:
    assert deployment("everything") == {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": {
                "Type": "LINEAR",
                "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": 34},
                "WaitIntervalInSeconds": 120,
            },
            "TerminationWaitInSeconds": 60,
            "MaximumExecutionTimeoutInSeconds": 2100,
        },
        "alarms": 6,
    }


def alarms(variant: str) -> dict[str, dict[str, Any]]:
    made = [one["Properties"] for one in synthesised(variant).resources("AWS::CloudWatch::Alarm")]
    return {properties["AlarmName"]: properties for properties in made}


def test_the_endpoint_waits_for_its_rollback_alarms_and_the_role_reads_those_alone() -> None:
    template = synthesised("plain").hosting["Resources"]
    endpoint = one("plain", "AWS::SageMaker::Endpoint")["Properties"]
    named = [item["AlarmName"]["Ref"] for item in endpoint["DeploymentConfig"]["AutoRollbackConfiguration"]["Alarms"]]
    names = [template[logical]["Properties"]["AlarmName"] for logical in named]
    assert names == [
        f"bikes-dev-{fleet}-{what}" for fleet in ("new", "all") for what in ("5xx-rate", "model-errors", "p99-latency")
    ]
    (role,) = [
        statement
        for policy in synthesised("plain").resources("AWS::IAM::Policy")
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]
        if "cloudwatch:DescribeAlarms" in statement["Action"]
    ]
    assert role["Resource"] == [f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}" for name in names]


def test_the_alarms_of_new_instances_look_at_the_new_configuration_alone() -> None:
    new, every = alarms("plain")["bikes-dev-new-5xx-rate"], alarms("plain")["bikes-dev-all-5xx-rate"]
    (config,) = [
        name
        for name, resource in synthesised("plain").hosting["Resources"].items()
        if resource["Type"] == "AWS::SageMaker::EndpointConfig"
    ]
    variant = [{"Name": "EndpointName", "Value": "bikes-dev"}, {"Name": "VariantName", "Value": "AllTraffic"}]
    own = {"Name": "EndpointConfigName", "Value": {"Fn::GetAtt": [config, "EndpointConfigName"]}}
    assert every["Dimensions"] == variant
    assert new["Dimensions"] == [*variant, own]
    assert {key: every[key] for key in every if key not in ("AlarmName", "AlarmDescription", "Dimensions")} == {
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "Threshold": 0.01,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
    }


def test_latencies_are_in_microseconds_and_processors_count_a_hundred_each() -> None:
    plain, every = alarms("plain"), alarms("everything")
    assert plain["bikes-dev-new-p99-latency"]["Threshold"] == 1_000_000
    assert plain["bikes-dev-new-p99-latency"]["ExtendedStatistic"] == "p99"
    assert every["bikes-dev-all-p99-latency"]["Threshold"] == 250_000
    late = every["bikes-dev-all-p99-latency"]
    assert (late["Period"], late["EvaluationPeriods"], late["DatapointsToAlarm"]) == (120, 5, 3)
    assert plain["bikes-dev-cpu"]["Threshold"] == 180  # two processors
    assert plain["bikes-dev-overhead"]["Threshold"] == 500_000


@pytest.mark.parametrize(
    ("variant", "topic"),
    [
        ("plain", None),
        ("prod", "arn:aws:sns:us-east-1:111122223333:bikes-prod-alerts"),
        ("brought along", "arn:aws:sns:us-east-1:111122223333:on-call"),
    ],
)
def test_every_alarm_tells_the_topic_of_its_environment(variant: str, topic: str | None) -> None:
    made = alarms(variant).values()
    assert len(made) >= 13
    assert {json.dumps(alarm.get(key)) for alarm in made for key in ("AlarmActions", "OKActions")} == {
        json.dumps([topic] if topic else None)
    }


def test_prod_is_protected_from_its_deletion() -> None:
    for variant, protected in (("plain", False), ("prod", True)):
        artifacts = synthesised(variant).manifest["artifacts"].values()
        found = {a["properties"].get("terminationProtection") for a in artifacts if "stackName" in a["properties"]}
        assert found == {protected}
