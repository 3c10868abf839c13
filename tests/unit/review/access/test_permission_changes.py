"""Who may do what after a deployment that could not before, and the other way round."""

from __future__ import annotations

from typing import Any

import pytest
from review_templates import ACCOUNT, MODELS, Edit, both, edited, pair, review, template
from samples import environment

from review.infrastructure import infrastructure

ROLE = "role Role (The endpoint)"


def said(edit: Edit, live: Edit | None = None) -> list[tuple[bool, str]]:
    """(widened, sentence) of each change of a permission."""
    found = infrastructure([pair(edited(live) if live else template(), edited(edit))], environment())
    return [(one.widened, one.sentence) for one in found.permissions]


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": MODELS, **more}


def reads(*statements: dict[str, Any]) -> Edit:
    """The role's policy has these statements."""
    return lambda r: r["Policy"]["Properties"]["PolicyDocument"].update(Statement=list(statements))


def trusts(**principal: Any) -> Edit:
    added = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return lambda r: r["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"].append(added)


def bucket_allows(**statement: Any) -> Edit:
    added = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": MODELS, **statement}
    return lambda r: r["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"].append(added)


@pytest.mark.parametrize(
    "same",
    [
        reads(allow(Sid="Other", Resource=[MODELS], Action=["S3:getobject"])),
        reads(allow(), allow(Resource="arn:aws:s3:::bikes-models/models/a/*")),
        reads(allow(Resource={"Fn::Join": ["", [{"Fn::GetAtt": ["Bucket", "Arn"]}, "/models/*"]]})),
        reads(allow(Resource={"Fn::Sub": "${Bucket.Arn}/models/*"})),
    ],
)
def test_a_rewriting_is_no_change_of_permissions(same: Edit) -> None:
    assert said(same) == []


def test_moved_into_the_role_itself_is_no_change() -> None:
    def inline(r: dict[str, Any]) -> None:
        policy = r.pop("Policy")["Properties"]
        r["Role"]["Properties"]["Policies"] = [{"PolicyName": "p", "PolicyDocument": policy["PolicyDocument"]}]

    assert said(inline) == []


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        (
            reads(allow(Action=["s3:GetObject", "s3:DeleteObject"])),
            (True, f"The {ROLE} may now delete objects (s3:DeleteObject) on {MODELS}."),
        ),
        (reads(allow(Action="s3:Get*")), (True, f"The {ROLE} may now use s3:Get* on {MODELS}.")),
        (reads(allow(Action="*")), (True, f"The {ROLE} may now do anything at all (*) on {MODELS}.")),
        (
            reads(allow(Resource="*")),
            (True, f"The {ROLE} may now read objects (s3:GetObject) on every resource."),
        ),
        (
            reads({"Effect": "Allow", "NotAction": "iam:*", "Resource": MODELS}),
            (True, f"The {ROLE} may now do everything but iam:* (!iam:*) on {MODELS}."),
        ),
        (reads(allow(Resource=[])), (False, f"The {ROLE} may no longer read objects (s3:GetObject) on {MODELS}.")),
        (
            reads(allow(Resource="arn:aws:s3:::bikes-models/models/a")),
            (
                False,
                f"The {ROLE} may no longer read objects (s3:GetObject) on {MODELS}, but still on "
                "arn:aws:s3:::bikes-models/models/a.",
            ),
        ),
        (
            reads(allow(Condition={"Bool": {"aws:SecureTransport": "true"}})),
            (
                False,
                f"The {ROLE} may now read objects (s3:GetObject) on {MODELS} only if aws:SecureTransport is true.",
            ),
        ),
        (
            trusts(AWS="222233334444"),
            (True, f"Callers in account 222233334444 may now act as the {ROLE} (sts:AssumeRole)."),
        ),
        (
            trusts(Federated="arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"),
            (
                True,
                f"Identities of token.actions.githubusercontent.com may now act as the {ROLE} (sts:AssumeRole).",
            ),
        ),
        (
            lambda r: r["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0].pop("Condition"),
            (
                True,
                f"SageMaker may now act as the {ROLE} (sts:AssumeRole); before, only if aws:SourceAccount is "
                f"{ACCOUNT}.",
            ),
        ),
        (
            bucket_allows(Principal={"AWS": "arn:aws:iam::222233334444:role/puller"}),
            (True, f"The role puller of account 222233334444 may now read objects (s3:GetObject) on {MODELS}."),
        ),
        (
            bucket_allows(Principal="*", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
            (
                True,
                f"Anyone who meets the condition may now read objects (s3:GetObject) on {MODELS} only if "
                "aws:PrincipalOrgID is o-1.",
            ),
        ),
        (
            lambda r: r["BucketPolicy"]["Properties"]["PolicyDocument"].update(Statement=[]),
            (
                True,
                "No longer refused to everyone, if aws:SecureTransport is false: to do anything in S3 (s3:*) on "
                "arn:aws:s3:::bikes-models/*.",
            ),
        ),
        (
            lambda r: r["Role"]["Properties"].update(ManagedPolicyArns=["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
            (
                True,
                "The managed policy arn:aws:iam::aws:policy/ReadOnlyAccess is now attached to the role Role: it may do "
                "all that this allows.",
            ),
        ),
        (
            lambda r: r["Model"]["Properties"].update(EnableNetworkIsolation=False),
            (True, "The model Model may now reach the network: its network isolation is off."),
        ),
        (
            lambda r: r["Model"]["Properties"].update(VpcConfig={"Subnets": ["s-1"], "SecurityGroupIds": ["sg-1"]}),
            (False, "The model Model moves into a VPC: subnets s-1 and security groups sg-1."),
        ),
        (
            lambda r: r["Bucket"]["Properties"]["PublicAccessBlockConfiguration"].update(BlockPublicPolicy=False),
            (
                True,
                "The bucket bikes-models may now be made public: BlockPublicPolicy of its public access block is off.",
            ),
        ),
        (lambda r: r.pop("Policy"), (False, f"Gone: all that the {ROLE} was allowed by this stack.")),
    ],
)
def test_one_sentence_for_one_change(edit: Edit, expected: tuple[bool, str]) -> None:
    assert said(edit) == [expected]


def test_an_account_takes_in_its_roles() -> None:
    role, account = {"AWS": "arn:aws:iam::222233334444:role/a"}, {"AWS": "arn:aws:iam::222233334444:root"}
    assert said(bucket_allows(Principal=role), bucket_allows(Principal=account))[0][0] is False
    assert [widened for widened, _ in said(bucket_allows(Principal=account), bucket_allows(Principal=role))] == [True]


def test_a_stricter_refusal_is_no_widening_and_a_laxer_one_is() -> None:
    def refuses(*actions: str) -> Edit:
        return reads(allow(), {"Effect": "Deny", "Action": list(actions), "Resource": "*"})

    assert said(refuses("s3:*"), refuses("s3:PutObject")) == [
        (False, f"Now refused to the {ROLE}: to do anything in S3 (s3:*) on every resource.")
    ]
    assert said(refuses("s3:PutObject"), refuses("s3:*")) == [
        (True, f"No longer refused to the {ROLE}: to do anything in S3 (s3:*) on every resource."),
    ]


def test_a_first_deployment_is_told_by_the_role_and_only_what_is_grave_is_red() -> None:
    planned = edited(both(trusts(AWS="222233334444"), reads(allow(), allow(Action="iam:*"))))
    found = infrastructure([pair(None, planned)], environment())
    assert [(one.widened, one.sentence) for one in found.permissions] == [
        (True, f"The {ROLE} may now do anything in IAM (iam:*) on {MODELS}."),
        (True, f"Callers in account 222233334444 may now act as the {ROLE} (sts:AssumeRole)."),
        (False, f"New: the {ROLE} may read objects on {MODELS}."),
        (False, f"New: the {ROLE}, which SageMaker may act as."),
    ]


def test_each_change_names_the_resource_that_says_it() -> None:
    def second(r: dict[str, Any]) -> None:
        document = {"Statement": [allow(Action="s3:PutObject")]}
        r["Writing"] = {
            "Type": "AWS::IAM::Policy",
            "Properties": {"PolicyName": "w", "Roles": [{"Ref": "Role"}], "PolicyDocument": document},
        }

    assert [(one.logical_id, one.sentence) for one in review(second).permissions] == [
        ("Writing", f"The {ROLE} may now write objects (s3:PutObject) on {MODELS}.")
    ]


def test_a_security_group_open_to_the_internet_is_red_at_once() -> None:
    rule = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}

    def group(r: dict[str, Any]) -> None:
        r["Group"] = {"Type": "AWS::EC2::SecurityGroup", "Properties": {"SecurityGroupIngress": [rule]}}

    found = review(group)
    sentence = "The security group Group now lets everyone on the internet in on port 443."
    assert [(one.widened, one.sentence) for one in found.permissions] == [(True, sentence)]
    assert next((one.level, one.sentence) for one in found.headlines) == ("danger", sentence)


def test_the_targets_of_rules_and_the_calls_of_state_machines() -> None:
    def starts(rule: str, machine: str) -> Edit:
        def edit(r: dict[str, Any]) -> None:
            targets = [{"Id": "t", "Arn": rule}]
            r["Rule"] = {"Type": "AWS::Events::Rule", "Properties": {"Name": "new-data", "Targets": targets}}
            states = f'{{"Resource": "arn:aws:states:::{machine}"}}'
            r["Machine"] = {"Type": "AWS::StepFunctions::StateMachine", "Properties": {"DefinitionString": states}}

        return edit

    assert said(starts("arn:b", "lambda:invoke"), starts("arn:a", "sagemaker:createTrainingJob.sync")) == [
        (True, "The event rule new-data now also starts arn:b."),
        (False, "The state machine Machine now also calls lambda:invoke, as far as its role may."),
        (False, "The state machine Machine no longer calls sagemaker:createTrainingJob.sync."),
        (False, "The event rule new-data no longer starts arn:a."),
    ]


def test_encryption_between_the_instances_of_jobs_is_said() -> None:
    def trains(encrypted: str) -> Any:
        # As the CDK writes a definition that refers to other resources: parts, joined.
        parts = ['{"RoleArn": "', {"Fn::GetAtt": ["Role", "Arn"]}, f'"{encrypted}}}']

        def edit(r: dict[str, Any]) -> None:
            properties = {"DefinitionString": {"Fn::Join": ["", parts]}}
            r["Machine"] = {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}

        return edit

    on, off = ', "EnableInterContainerTrafficEncryption":true', ""
    now = "The state machine Machine's jobs now encrypt what their instances send to each other."
    no_longer = "The state machine Machine's jobs no longer encrypt what their instances send to each other."
    assert said(trains(on), trains(off)) == [(False, now)]
    assert said(trains(off), trains(on)) == [(True, no_longer)]
    assert said(trains(on), trains(on)) == []
