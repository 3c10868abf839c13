"""Least privilege, as rules about every policy and every name of every variant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from synthesis import BOUNDARY, KEY, NEIGHBOURS, ROLE, VARIANTS, Synthesised, synthesised

from kickstand.names import Names

WILDCARDS = (
    # what an environment owns, below a name of its own
    r"arn:[^*]+[:/]{prefix}(-training|-hosting|-pipeline|-transform|-stop)?[-/:]\*",
    r"arn:[^*]+:log-group:/aws/[a-zA-Z/]+/{prefix}(-training|-transform|-stop)?:\*",
    r"arn:[^*]+:s3:::{bucket}/(data|models|training|golden|metrics|manifests|latest|locks|capture)/\*",
    r"arn:[^*]+:s3:::{bucket}/transform/(input|output)/\*",
    r"arn:[^*]+:s3:::{bucket}/data/\*/test/\*",
    r"arn:[^*]+:s3:::{source}/models/\*",
    # CloudFormation cuts a stack's name short in the name of a role
    r"arn:[^*]+:role/{role}\*",
    # shared by all training jobs, and all transform jobs, of an account
    r"arn:[^*]+:log-group:/aws/sagemaker/(TrainingJobs|TransformJobs):\*",
    # named by AWS, or another's job that is to be adopted
    r"arn:[^*]+:ec2:[^*]+:network-interface/\*",
    # of the account, or of another that shares its VPC with it
    r"arn:aws:ec2:us-east-1:\*:(subnet/subnet|security-group/sg)-\d",
    r"arn:[^*]+:sagemaker:[^*]+:(endpoint-config|model|training-job)/\*",
    r"arn:[^*]+:kms:[^*]+:key/\*",
    r"arn:[^*]+:application-autoscaling:[^*]+:scalable-target/\*",
)

NAMES = (
    "AlarmName",
    "BucketName",
    "EndpointName",
    "LogGroupName",
    "ManagedPolicyName",
    "ModelPackageGroupName",
    "Name",
    "PolicyName",
    "QueueName",
    "RoleName",
    "StateMachineName",
    "TopicName",
)


def statements(template: Synthesised) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every statement that allows something, with the type of its policy."""
    for resource in template.all_resources():
        for key in ("PolicyDocument", "AssumeRolePolicyDocument"):
            for statement in resource["Properties"].get(key, {}).get("Statement", ()):
                if statement["Effect"] == "Allow":
                    yield resource["Type"], statement


def policy(variant: str, name: str) -> dict[str, dict[str, Any]]:
    """The statements of one policy, by Sid."""
    (found,) = [
        resource["Properties"]["PolicyDocument"]["Statement"]
        for resource in synthesised(variant).all_resources()
        if name in (resource["Properties"].get("PolicyName"), resource["Properties"].get("ManagedPolicyName"))
    ]
    assert len({statement["Sid"] for statement in found}) == len(found)
    return {statement["Sid"]: statement for statement in found}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_action_is_a_wildcard(variant: str) -> None:
    found = [action for _, statement in statements(synthesised(variant)) for action in as_list(statement["Action"])]
    assert found
    assert [action for action in found if "*" in action] == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_only_sagemakers_shared_log_groups_are_made_by_a_role(variant: str) -> None:
    """A group of a stack that a role made again after its deletion would be in the way of the next deployment."""
    found = [statement for _, statement in statements(synthesised(variant)) if "logs:CreateLogGroup" in str(statement)]
    makes = {resource.partition(":log-group:")[2] for one in found for resource in as_list(one["Resource"])}
    assert makes <= {"/aws/sagemaker/TrainingJobs", "/aws/sagemaker/TransformJobs"}
    owned = {one["Properties"]["LogGroupName"] for one in synthesised(variant).resources("AWS::Logs::LogGroup")}
    assert not makes & owned


@pytest.mark.parametrize("variant", VARIANTS)
def test_resources_are_named(variant: str) -> None:
    names = Names(VARIANTS[variant][0])
    source = Names(NEIGHBOURS.get(variant, (None, ()))[0] or VARIANTS[variant][0])
    known = {"prefix": names.prefix, "bucket": names.bucket, "source": source.bucket, "role": f"{names.prefix}-"[:24]}
    allowed = [pattern.format(**known) for pattern in WILDCARDS]
    for _, statement in statements(synthesised(variant)):
        for resource in as_list(statement.get("Resource", [])):
            if isinstance(resource, dict):
                assert list(resource) in (["Fn::GetAtt"], ["Ref"])
            elif "*" in resource and resource != "*":  # which actions need that one: test_service_authorization.py
                assert any(re.fullmatch(pattern, resource) for pattern in allowed), resource


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_service_acts_for_this_account_alone(variant: str) -> None:
    account = VARIANTS[variant][0].account
    trusts = [
        statement for _, statement in statements(synthesised(variant)) if "Service" in statement.get("Principal", {})
    ]
    for trust in trusts:
        condition = trust["Condition"]
        if (
            trust["Action"] == "sqs:SendMessage"
        ):  # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
            assert f":{account}:" in condition["ArnEquals"]["aws:SourceArn"]
            continue
        assert trust["Action"] in ("sts:AssumeRole", "sns:Publish")
        assert condition["StringEquals"] == {"aws:SourceAccount": account}
        assert f":{account}:" in condition["ArnLike"]["aws:SourceArn"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_physical_name_begins_with_project_and_environment(variant: str) -> None:
    settings = VARIANTS[variant][0]
    prefix = f"{settings.project}-{settings.name}"
    named = physical_names(variant)
    assert f"{prefix}-training" in named
    assert [name for name in named if not re.fullmatch(rf"(/aws/[\w/]+/)?{prefix}(-.*)?", name)] == []


@pytest.mark.parametrize("variant", VARIANTS)
def test_models_and_configs_are_never_named(variant: str) -> None:
    for resource in synthesised(variant).all_resources():
        assert "ModelName" not in resource["Properties"]
        assert "EndpointConfigName" not in resource["Properties"] or resource["Type"] == "AWS::SageMaker::Endpoint"


def physical_names(variant: str) -> set[str]:
    found = {
        resource["Properties"][key]
        for resource in synthesised(variant).all_resources()
        for key in NAMES
        if isinstance(resource["Properties"].get(key), str)
    }
    artifacts = synthesised(variant).manifest["artifacts"].values()
    return found | {a["properties"]["stackName"] for a in artifacts if a["type"] == "aws:cloudformation:stack"}


def test_two_projects_share_no_name() -> None:
    assert physical_names("plain") & physical_names("second project") == set()


def test_a_managed_policy_is_not_too_long() -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 6,144 without white space
    for variant in ("everything", "brought along", "longest names"):
        for resource in synthesised(variant).resources("AWS::IAM::ManagedPolicy"):
            document = json.dumps(resource["Properties"]["PolicyDocument"], separators=(",", ":"))
            assert len(document) < 6000, resource["Properties"]["ManagedPolicyName"]


def test_no_name_is_too_long_for_a_role() -> None:
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 64 characters
    names = [r["Properties"].get("RoleName", "") for r in synthesised("longest names").resources("AWS::IAM::Role")]
    assert max(map(len, names)) == 62


BUCKET = "arn:aws:s3:::bikes-dev-111122223333-us-east-1"


def test_the_training_role_reads_data_and_writes_training() -> None:
    rules = policy("plain", "bikes-dev-training")
    s3 = {sid: rule for sid, rule in rules.items() if any(action.startswith("s3:") for action in rule["Action"])}
    assert [(r["Action"], r["Resource"]) for r in s3.values()] == [
        (["s3:GetObject"], [f"{BUCKET}/data/*"]),
        (["s3:ListBucket"], [BUCKET]),
        (["s3:AbortMultipartUpload", "s3:PutObject"], [f"{BUCKET}/training/*"]),
    ]
    assert s3["ListData"]["Condition"] == {"StringLike": {"s3:prefix": ["data/*"]}}
    assert rules["PullImage"]["Resource"] == ["arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"]
    assert rules["PutMetrics"]["Condition"] == {"StringEquals": {"cloudwatch:namespace": "/aws/sagemaker/TrainingJobs"}}
    assert "UseKey" not in rules
    assert "MakeInterfaces" not in rules


def test_the_hosting_role_reads_models_and_what_is_to_be_transformed_and_writes_what_is_captured() -> None:
    rules = policy("plain", "bikes-dev-hosting")
    s3 = [rule for rule in rules.values() if any(action.startswith("s3:") for action in rule["Action"])]
    assert [(rule["Action"], rule["Resource"]) for rule in s3] == [
        (["s3:GetObject"], [f"{BUCKET}/models/*"]),
        (["s3:GetObject"], [f"{BUCKET}/transform/input/*"]),
        (["s3:ListBucket"], [BUCKET]),
        (["s3:AbortMultipartUpload", "s3:PutObject"], [f"{BUCKET}/transform/output/*"]),
        (["s3:PutObject"], [f"{BUCKET}/capture/*"]),
    ]
    assert as_list(rules["ListTransformInput"]["Condition"]["StringLike"]["s3:prefix"]) == ["transform/input/*"]
    groups = "arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/"
    assert rules["WriteLog"]["Resource"] == [f"{groups}{name}:*" for name in ("Endpoints/bikes-dev", "TransformJobs")]
    assert rules["PutMetrics"]["Condition"] == {
        "StringEquals": {"cloudwatch:namespace": ["/aws/sagemaker/Endpoints", "/aws/sagemaker/TransformJobs"]}
    }


@pytest.mark.parametrize("role", ["training", "hosting"])
def test_a_vpc_and_a_key_bring_their_permissions(role: str) -> None:
    rules = policy("everything", f"bikes-dev-{role}")
    subnets = {"training": ["subnet-1", "subnet-2"], "hosting": ["subnet-3"]}[role]
    # The account of a subnet that another account shares is its owner's.
    arns = [f"arn:aws:ec2:us-east-1:*:subnet/{subnet}" for subnet in subnets]
    assert set(arns) < set(rules["MakeInterfaces"]["Resource"])
    assert "arn:aws:ec2:us-east-1:111122223333:network-interface/*" in rules["MakeInterfaces"]["Resource"]
    assert as_list(rules["UseInterfaces"]["Condition"]["ArnLike"]["ec2:Subnet"]) == arns
    assert "kms:Decrypt" in rules["UseKey"]["Action"]
    # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html asks for kms:Encrypt.
    assert {"kms:Encrypt", "kms:GenerateDataKey"} < set(rules["UseKey"]["Action"])
    assert rules["GrantVolumesTheKey"]["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}


def test_the_trigger_runs_jobs_of_its_environment_and_passes_one_role() -> None:
    rules = policy("plain", "bikes-dev-trigger")
    assert rules["RunJobs"]["Resource"] == ["arn:aws:sagemaker:us-east-1:111122223333:training-job/bikes-dev-*"]
    (passed,) = rules["PassTrainingRole"]["Resource"]
    assert passed["Fn::GetAtt"][1] == "Arn"
    role = synthesised("plain").training["Resources"][passed["Fn::GetAtt"][0]]
    assert role["Properties"]["Description"] == "Training jobs of bikes-dev"
    assert rules["PassTrainingRole"]["Condition"] == {
        "StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}
    }
    assert rules["AwaitJobs"]["Resource"] == [
        "arn:aws:events:us-east-1:111122223333:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    ]
    assert rules["ReadManifests"]["Resource"] == [f"{BUCKET}/manifests/*", f"{BUCKET}/latest/*"]


@pytest.mark.parametrize("name", ["bikes-dev-schedule", "bikes-dev-new-data"])
def test_what_starts_the_trigger_may_start_it_only(name: str) -> None:
    rules = policy("everything", name)
    assert {sid: rule["Action"] for sid, rule in rules.items()} == {
        "StartTraining": ["states:StartExecution"],
        # EventBridge itself sends what its rule could not start.
        **({"SendDeadLetters": ["sqs:SendMessage"]} if name == "bikes-dev-schedule" else {}),
    }
    assert all(rule["Resource"][0]["Fn::GetAtt"][1] == "Arn" for rule in rules.values())


def test_the_predictor_asks_one_endpoint() -> None:
    (rule,) = policy("plain", "bikes-dev-predictor-us-east-1").values()
    assert rule["Action"] == ["sagemaker:InvokeEndpoint"]
    assert rule["Resource"] == ["arn:aws:sagemaker:us-east-1:111122223333:endpoint/bikes-dev"]


def test_the_reviewer_changes_nothing() -> None:
    reading = re.compile(
        r"^([\w-]+:(Describe|Get|List|Filter)\w*|kms:Decrypt|cloudformation:DetectStack(Resource)?Drift)$"
    )
    rules = {job: policy("everything", f"bikes-dev-{job}-us-east-1") for job in ("reviewer", "drift")}
    for rule in (rule for one in rules.values() for rule in one.values()):
        assert [action for action in rule["Action"] if not reading.match(action)] == []


def test_what_the_doctor_asks_is_named_one_by_one() -> None:
    rules = policy("everything", "bikes-dev-reviewer-us-east-1")
    bootstrap = "arn:aws:ssm:us-east-1:111122223333:parameter/cdk-bootstrap/ourown/version"
    assert rules["ReadBootstrapVersion"]["Resource"] == [bootstrap]
    assert rules["ReadRegionState"]["Resource"] == ["arn:aws:account::111122223333:account"]
    assert rules["ReadKeys"]["Resource"] == [KEY]
    assert rules["ReadBoundary"]["Resource"] == [BOUNDARY]
    assert "ReadRoles" not in rules
    brought = policy("brought along", "bikes-dev-reviewer-us-east-1")
    assert brought["ReadRoles"]["Resource"] == [f"{ROLE}host", f"{ROLE}train", f"{ROLE}trigger"]
    assert brought["ReadBucketSettings"]["Resource"] == ["arn:aws:s3:::our-own-bucket"]


def test_the_fitter_neither_passes_roles_nor_approves_nor_touches_outputs() -> None:
    rules = policy("plain", "bikes-dev-fitter-us-east-1")
    actions = {action for rule in rules.values() for action in rule["Action"]}
    forbidden = {"iam:PassRole", "sagemaker:CreateTrainingJob", "sagemaker:UpdateModelPackage", "s3:DeleteObject"}
    assert actions & forbidden == set()
    writes = {
        sid: (rule["Resource"], rule.get("Condition"))
        for sid, rule in rules.items()
        if "s3:PutObject" in rule["Action"]
    }
    assert writes == {
        "Add": (
            [f"{BUCKET}/{prefix}/*" for prefix in ("data", "models", "golden", "metrics", "manifests")],
            {"Null": {"s3:if-none-match": "false"}},
        ),
        "SendParts": ([f"{BUCKET}/data/*"], {"Bool": {"s3:ObjectCreationOperation": "false"}}),
        "PointToLatest": ([f"{BUCKET}/latest/*"], None),
    }


def test_no_policy_of_the_stacks_lets_anybody_write_over_a_model() -> None:
    """A statement that allows writing where models lie does so only on the condition that there is nothing yet."""
    documents = [
        resource["Properties"]["PolicyDocument"]
        for template in (synthesised("plain").training, synthesised("plain").hosting)
        for resource in template["Resources"].values()
        if resource["Type"] in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
    ]
    rules = [rule for document in documents for rule in document["Statement"] if "s3:PutObject" in rule["Action"]]
    on_models = [rule for rule in rules if "/models/" in json.dumps(rule["Resource"])]
    assert [rule["Condition"] for rule in on_models] == [{"Null": {"s3:if-none-match": "false"}}]
    assert not [rule for rule in rules if json.dumps(rule["Resource"]).endswith((":::*", f'{BUCKET}/*"'))]


def test_govcloud_has_its_own_partition() -> None:
    text = json.dumps(synthesised("govcloud").training)
    assert "arn:aws:" not in text
    assert "414596584902.dkr.ecr.us-gov-west-1.amazonaws.com/sagemaker-xgboost:3.2-0" in text
