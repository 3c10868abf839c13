"""HostingStack: what it makes, of which properties, and what a new release changes."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
import pytest
from aws_cdk.assertions import Match
from samples import DIGEST, IMAGE, environment, release
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
            "ProductionVariants": [
                {
                    "VariantName": "AllTraffic",
                    "InstanceType": "ml.m5.large",
                    "InitialInstanceCount": 1,
                    "InitialVariantWeight": 1,
                    "ModelName": Match.any_value(),
                }
            ],
        },
    )


def test_the_endpoint_has_a_stable_name_and_takes_all_of_a_new_configuration() -> None:
    synthesised("plain").template("hosting").has_resource_properties(
        "AWS::SageMaker::Endpoint",
        {
            "EndpointName": "bikes-dev",
            # Retained are DesiredInstanceCount, DesiredWeight and DataCaptureConfig: a new one would be ignored.
            "RetainAllVariantProperties": Match.absent(),
            "ExcludeRetainedVariantProperties": Match.absent(),
            "DeploymentConfig": Match.absent(),
        },
    )


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


def test_a_new_release_changes_the_artifact_and_nothing_else() -> None:
    old, new = synthesised("plain"), synthesised("next release")
    assert old.training == new.training
    kinds = {name: resource["Type"] for name, resource in old.hosting["Resources"].items()}
    changed = [n for n, r in old.hosting["Resources"].items() if new.hosting["Resources"][n] != r]
    assert [kinds[name] for name in changed] == ["AWS::SageMaker::Model"]
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
    assert [resource["Tags"] for resource in (model, config, endpoint)] == [tags] * 3


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


def test_outputs() -> None:
    outputs = synthesised("plain").hosting["Outputs"]
    assert sorted(outputs) == [
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
