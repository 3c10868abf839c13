"""The Guard rules of our own: each is broken once, and found."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from synthesis import KEY, ROOT, synthesised

from infra.checks.guard_rules import RULES, rule_names

Break = Callable[[dict[str, Any], dict[str, Any]], object]
"""What spoils a resource, given its properties and itself."""

# How a resource is spoilt.


def _drop(name: str) -> Break:
    return lambda properties, _: properties.pop(name)


def _set(name: str, value: object) -> Break:
    return lambda properties, _: properties.update({name: value})


def _around(name: str, value: object) -> Break:
    return lambda _, resource: resource.update({name: value})


def _allow(document: str, **statement: object) -> Break:
    return lambda properties, _: properties[document]["Statement"].append({"Effect": "Allow", **statement})


def _capture(**members: object) -> Break:
    return lambda properties, _: properties["DataCaptureConfig"].update(members)


BROKEN: tuple[tuple[str, str, Break], ...] = (
    ("KICKSTAND_MODEL_NETWORK_ISOLATION", "AWS::SageMaker::Model", _set("EnableNetworkIsolation", False)),
    ("KICKSTAND_MODEL_NETWORK_ISOLATION", "AWS::SageMaker::Model", _drop("EnableNetworkIsolation")),
    ("KICKSTAND_MODEL_UNNAMED", "AWS::SageMaker::Model", _set("ModelName", "bikes")),
    (
        "KICKSTAND_MODEL_BY_DIGEST",
        "AWS::SageMaker::Model",
        lambda properties, _: properties["PrimaryContainer"].update(ModelDataUrl="s3://b/models/new/model.tar.gz"),
    ),
    ("KICKSTAND_ENDPOINT_CONFIG_UNNAMED", "AWS::SageMaker::EndpointConfig", _set("EndpointConfigName", "bikes")),
    (
        "KICKSTAND_ENDPOINT_VARIANT_NAME",
        "AWS::SageMaker::EndpointConfig",
        lambda properties, _: properties["ProductionVariants"][0].update(VariantName="v2"),
    ),
    ("KICKSTAND_ENDPOINT_NAMED", "AWS::SageMaker::Endpoint", _drop("EndpointName")),
    ("KICKSTAND_ENDPOINT_NOT_KEPT", "AWS::SageMaker::Endpoint", _around("DeletionPolicy", "Retain")),
    ("KICKSTAND_ENDPOINT_NOT_KEPT", "AWS::SageMaker::Endpoint", _around("UpdateReplacePolicy", "Retain")),
    (
        "KICKSTAND_TRAINING_NETWORK_ISOLATION",
        "AWS::StepFunctions::StateMachine",
        _set("DefinitionString", {"Fn::Join": ["", ['{"EnableNetworkIsolation":false}']]}),
    ),
    ("KICKSTAND_TRAINING_NETWORK_ISOLATION", "AWS::StepFunctions::StateMachine", _set("DefinitionString", "{}")),
    ("KICKSTAND_TRAINING_LOGGED", "AWS::StepFunctions::StateMachine", _drop("LoggingConfiguration")),
    ("KICKSTAND_BUCKET_VERSIONED", "AWS::S3::Bucket", _drop("VersioningConfiguration")),
    ("KICKSTAND_BUCKET_ENCRYPTED", "AWS::S3::Bucket", _drop("BucketEncryption")),
    ("KICKSTAND_BUCKET_PUBLIC_ACCESS_BLOCKED", "AWS::S3::Bucket", _drop("PublicAccessBlockConfiguration")),
    (
        "KICKSTAND_BUCKET_PUBLIC_ACCESS_BLOCKED",
        "AWS::S3::Bucket",
        lambda properties, _: properties["PublicAccessBlockConfiguration"].update(BlockPublicPolicy=False),
    ),
    (
        "KICKSTAND_BUCKET_EVIDENCE_KEPT",
        "AWS::S3::Bucket",
        lambda properties, _: properties["LifecycleConfiguration"]["Rules"].append({"ExpirationInDays": 30}),
    ),
    (
        "KICKSTAND_BUCKET_EVIDENCE_KEPT",
        "AWS::S3::Bucket",
        lambda properties, _: properties["LifecycleConfiguration"]["Rules"].append(
            {"NoncurrentVersionExpiration": {"NoncurrentDays": 30}, "Prefix": "models/"}
        ),
    ),
    (
        "KICKSTAND_BUCKET_EVIDENCE_KEPT",
        "AWS::S3::Bucket",
        lambda properties, _: properties["LifecycleConfiguration"]["Rules"].append(
            {"ExpirationInDays": 30, "Prefix": "models/capture/"}
        ),
    ),
    (
        "KICKSTAND_BUCKET_TLS_ONLY",
        "AWS::S3::BucketPolicy",
        lambda properties, _: properties["PolicyDocument"]["Statement"][0].update(Condition={}),
    ),
    ("KICKSTAND_BUCKET_TLS_ONLY", "AWS::S3::BucketPolicy", _around("Type", "AWS::SNS::Topic")),
    (
        "KICKSTAND_BUCKET_NO_PUBLIC_PRINCIPAL",
        "AWS::S3::BucketPolicy",
        _allow("PolicyDocument", Principal="*", Action="s3:GetObject", Resource="x"),
    ),
    (
        "KICKSTAND_BUCKET_NO_PUBLIC_PRINCIPAL",
        "AWS::S3::BucketPolicy",
        _allow("PolicyDocument", Principal={"AWS": ["*"]}, Action="s3:GetObject", Resource="x"),
    ),
    ("KICKSTAND_BUCKET_KEPT_IN_PROD", "AWS::S3::Bucket", _around("DeletionPolicy", "Delete")),
    ("KICKSTAND_REGISTER_KEPT_IN_PROD", "AWS::SageMaker::ModelPackageGroup", _around("DeletionPolicy", "Delete")),
    ("KICKSTAND_LOG_RETENTION", "AWS::Logs::LogGroup", _drop("RetentionInDays")),
    (
        "KICKSTAND_ROLE_NO_FULL_ACCESS",
        "AWS::IAM::Role",
        _set("ManagedPolicyArns", ["arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"]),
    ),
    (
        "KICKSTAND_ROLE_TRUST_LIMITED",
        "AWS::IAM::Role",
        lambda properties, _: properties["AssumeRolePolicyDocument"]["Statement"][0].pop("Condition"),
    ),
    (
        "KICKSTAND_ROLE_TRUST_LIMITED",
        "AWS::IAM::Role",
        _allow("AssumeRolePolicyDocument", Principal={"AWS": "*"}, Action="sts:AssumeRole"),
    ),
    (
        "KICKSTAND_POLICY_NO_WILDCARD_ACTION",
        "AWS::IAM::Policy",
        _allow("PolicyDocument", Action=["s3:Get*"], Resource="x"),
    ),
    (
        "KICKSTAND_POLICY_NO_WILDCARD_ACTION",
        "AWS::IAM::Policy",
        _allow("PolicyDocument", NotAction=["s3:PutObject"], Resource="x"),
    ),
    (
        "KICKSTAND_ENDPOINT_GUARDRAIL",
        "AWS::SageMaker::Endpoint",
        lambda properties, _: properties["DeploymentConfig"].pop("AutoRollbackConfiguration"),
    ),
    (
        "KICKSTAND_ENDPOINT_GUARDRAIL",
        "AWS::SageMaker::Endpoint",
        lambda properties, _: properties["DeploymentConfig"]["AutoRollbackConfiguration"].update(Alarms=[]),
    ),
    (
        "KICKSTAND_ENDPOINT_TWO_INSTANCES_IN_PROD",
        "AWS::SageMaker::EndpointConfig",
        lambda properties, _: properties["ProductionVariants"][0].update(InitialInstanceCount=1),
    ),
    ("KICKSTAND_SCALED_COUNT_RETAINED", "AWS::SageMaker::Endpoint", _drop("RetainAllVariantProperties")),
    ("KICKSTAND_FIXED_COUNT_NOT_RETAINED", "AWS::SageMaker::Endpoint", _set("RetainAllVariantProperties", True)),
    (
        "KICKSTAND_SCALED_TO_TWO_INSTANCES_IN_PROD",
        "AWS::ApplicationAutoScaling::ScalableTarget",
        _set("MinCapacity", 1),
    ),
    ("KICKSTAND_ALARM_ACTIONS_IN_PROD", "AWS::CloudWatch::Alarm", _drop("AlarmActions")),
    ("KICKSTAND_ALARM_ACTIONS_IN_PROD", "AWS::CloudWatch::Alarm", _set("AlarmActions", [])),
    ("KICKSTAND_TOPIC_ENCRYPTED", "AWS::SNS::Topic", _drop("KmsMasterKeyId")),
    ("KICKSTAND_CAPTURE_BY_DIGEST", "AWS::SageMaker::EndpointConfig", _capture(DestinationS3Uri="s3://b/capture")),
    (
        "KICKSTAND_CAPTURE_BY_DIGEST",
        "AWS::SageMaker::EndpointConfig",
        _capture(DestinationS3Uri=f"s3://b/models/{'ab' * 32}"),
    ),
    ("KICKSTAND_CAPTURE_READABLE", "AWS::SageMaker::EndpointConfig", _capture(CaptureContentTypeHeader={})),
    (
        "KICKSTAND_CAPTURE_READABLE",
        "AWS::SageMaker::EndpointConfig",
        _capture(CaptureContentTypeHeader={"CsvContentTypes": ["text/plain"]}),
    ),
    (
        "KICKSTAND_KEY_CAPTURE",
        "AWS::SageMaker::EndpointConfig",
        lambda properties, _: properties["DataCaptureConfig"].pop("KmsKeyId"),
    ),
    ("KICKSTAND_KEY_BUCKET", "AWS::S3::Bucket", _set("BucketEncryption", {})),
    ("KICKSTAND_KEY_ENDPOINT", "AWS::SageMaker::EndpointConfig", _drop("KmsKeyId")),
    ("KICKSTAND_KEY_TRAINING", "AWS::StepFunctions::StateMachine", _set("DefinitionString", "{}")),
    (
        "KICKSTAND_KEY_TRANSFORM",
        "AWS::StepFunctions::StateMachine",
        lambda properties, _: properties.update(StateMachineName="p-transform", DefinitionString="{}"),
    ),
    ("KICKSTAND_KEY_LOGS", "AWS::Logs::LogGroup", _drop("KmsKeyId")),
)


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """CloudFormation Guard itself, as the plugin brings it."""
    spec = find_spec("cdklabs.cdk_validator_cfnguard")
    assert spec is not None and spec.origin is not None
    (archive,) = (Path(spec.origin).parent / "_jsii").glob("*.tgz")
    folder = tmp_path_factory.mktemp("guard")
    system = next(one for one in ("ubuntu", "macos") if (one == "macos") == (sys.platform == "darwin"))
    machine = {"x86_64": "x86_64", "arm64": "aarch64", "aarch64": "aarch64"}[platform.machine()]
    program = folder / "cfn-guard"
    with tarfile.open(archive) as files:
        packed = files.extractfile(f"package/bin/{system}/{machine}/cfn-guard")
        assert packed is not None
        program.write_bytes(packed.read())
    program.chmod(0o700)
    yield program


def _broken_rules(guard: Path, template: dict[str, Any], folder: Path) -> dict[str, set[str]]:
    """The rules that Guard finds broken, each with the logical ids that it names."""
    data = folder / "template.json"
    data.write_text(json.dumps(template))
    files = [word for file in sorted(RULES.rglob("*.guard")) for word in ("--rules", str(file))]
    done = subprocess.run(
        [
            guard,
            "validate",
            *files,
            "--data",
            data,
            "--output-format",
            "json",
            "--show-summary",
            "none",
            "--structured",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    found: dict[str, set[str]] = {}
    for part in json.loads(done.stdout):
        for rule in part["not_compliant"]:
            found.setdefault(rule["Rule"]["name"], set()).update(_logical_ids(rule))
    return found


def _logical_ids(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["path"].split("/")[2]} if str(part.get("path", "")).startswith("/Resources/") else set()
        return own.union(*(_logical_ids(one) for one in part.values()))
    return set().union(*(_logical_ids(one) for one in part)) if isinstance(part, list) else set()


def _templates(*, scaled: bool = False) -> tuple[dict[str, Any], dict[str, Any]]:
    """The stacks of prod, as if they had a key. scaled: whether the endpoint scales."""
    made = synthesised("scaled prod" if scaled else "prod")
    training, hosting = (json.loads(json.dumps(one)) for one in (made.training, made.hosting))
    for template in (training, hosting):
        for resource in template["Resources"].values():
            properties = resource.get("Properties", {})
            if resource["Type"] == "AWS::S3::Bucket":
                rule = properties["BucketEncryption"]["ServerSideEncryptionConfiguration"][0]
                rule["ServerSideEncryptionByDefault"] = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY}
            elif resource["Type"] in ("AWS::SageMaker::EndpointConfig", "AWS::Logs::LogGroup"):
                properties["KmsKeyId"] = KEY
                properties.get("DataCaptureConfig", {})["KmsKeyId"] = KEY
            elif resource["Type"] == "AWS::StepFunctions::StateMachine":
                text = json.dumps(properties["DefinitionString"])
                for output in ("OutputDataConfig", "TransformOutput"):
                    text = text.replace(f'\\"{output}\\":{{', f'\\"{output}\\":{{\\"KmsKeyId\\":\\"{KEY}\\",')
                properties["DefinitionString"] = json.loads(text)
    return training, hosting


def test_guard_finds_nothing_in_the_stacks_with_a_key(guard: Path, tmp_path: Path) -> None:
    for template in (*_templates(), *_templates(scaled=True)):
        assert _broken_rules(guard, template, tmp_path) == {}


@pytest.mark.parametrize(("rule", "kind", "spoil"), BROKEN, ids=[f"{n}-{one[0]}" for n, one in enumerate(BROKEN)])
def test_a_broken_rule_is_found_and_the_resource_named(
    guard: Path, tmp_path: Path, rule: str, kind: str, spoil: Break
) -> None:
    templates = _templates(scaled="_SCALED_" in rule)
    template = next(one for one in templates if any(r["Type"] == kind for r in one["Resources"].values()))
    name, resource = next((n, r) for n, r in template["Resources"].items() if r["Type"] == kind)
    spoil(resource["Properties"], resource)
    found = _broken_rules(guard, template, tmp_path)
    buckets = {n for n, r in template["Resources"].items() if r["Type"] == "AWS::S3::Bucket"}
    assert found[rule] == ({name} if resource["Type"] == kind else buckets)


def test_every_rule_is_broken_here_once() -> None:
    rules = {name for file in RULES.rglob("*.guard") for name in rule_names(file)}
    assert {rule for rule, _, _ in BROKEN} == rules


def test_every_rule_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "review-cost-and-policy.md").read_text()
    rules = {name.replace("_", "-") for file in RULES.rglob("*.guard") for name in rule_names(file)}
    assert [rule for rule in sorted(rules) if f"`{rule}`" not in page] == []
