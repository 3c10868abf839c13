"""The Guard rules of our own: each is broken once, and found."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from synthesis import KEY, ROOT, synthesised

from infra.checks.guard_rules import RULES, rule_names

Found = dict[str, set[str]]
"""Rules, each with the logical ids of resources that break it."""
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


def _broken_rules(guard: Path, templates: Mapping[str, dict[str, Any]], folder: Path) -> dict[str, Found]:
    """The rules that Guard finds broken in each template, each rule with the logical ids that it names.

    All templates are looked at in one run: to read the rules takes Guard longer than a template.
    """
    for name, template in templates.items():
        (folder / f"{name}.json").write_text(json.dumps(template))
    files = [word for file in sorted(RULES.rglob("*.guard")) for word in ("--rules", str(file))]
    done = subprocess.run(
        [
            guard,
            "validate",
            *files,
            "--data",
            folder,
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
    found: dict[str, Found] = {}
    for part in json.loads(done.stdout):
        rules = found.setdefault(Path(part["name"]).stem, {})
        for rule in part["not_compliant"]:
            rules.setdefault(rule["Rule"]["name"], set()).update(_logical_ids(rule))
    assert found.keys() == templates.keys()
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
    templates = dict(zip("abcd", (*_templates(), *_templates(scaled=True)), strict=True))
    assert _broken_rules(guard, templates, tmp_path) == {name: {} for name in templates}


IDS = [f"{number}-{rule}" for number, (rule, _, _) in enumerate(BROKEN)]


class Spoilt(NamedTuple):
    """A template with a resource that breaks a rule, and the logical ids that Guard is to name."""

    template: dict[str, Any]
    named: set[str]


def _spoilt(rule: str, kind: str, spoil: Break) -> Spoilt:
    templates = _templates(scaled="_SCALED_" in rule)
    template = next(one for one in templates if any(r["Type"] == kind for r in one["Resources"].values()))
    name, resource = next((n, r) for n, r in template["Resources"].items() if r["Type"] == kind)
    spoil(resource["Properties"], resource)
    buckets = {n for n, r in template["Resources"].items() if r["Type"] == "AWS::S3::Bucket"}
    return Spoilt(template, {name} if resource["Type"] == kind else buckets)


@pytest.fixture(scope="module")
def broken(guard: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Found, set[str]]]:
    """What Guard finds in each spoilt template, and the logical ids that it is to name."""
    spoilt = {name: _spoilt(*one) for name, one in zip(IDS, BROKEN, strict=True)}
    templates = {name: one.template for name, one in spoilt.items()}
    found = _broken_rules(guard, templates, tmp_path_factory.mktemp("broken"))
    return {name: (found[name], one.named) for name, one in spoilt.items()}


@pytest.mark.parametrize("name", IDS)
def test_a_broken_rule_is_found_and_the_resource_named(broken: Mapping[str, tuple[Found, set[str]]], name: str) -> None:
    found, named = broken[name]
    assert found[name.partition("-")[2]] == named


def test_every_rule_is_broken_here_once() -> None:
    rules = {name for file in RULES.rglob("*.guard") for name in rule_names(file)}
    assert {rule for rule, _, _ in BROKEN} == rules


def test_every_rule_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "review-cost-and-policy.md").read_text()
    rules = {name.replace("_", "-") for file in RULES.rglob("*.guard") for name in rule_names(file)}
    assert [rule for rule in sorted(rules) if f"`{rule}`" not in page] == []
