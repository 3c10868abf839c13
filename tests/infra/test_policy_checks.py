"""The policy checks themselves: they find, they accept, they change no template, and they fail in words."""

from __future__ import annotations

import json
from pathlib import Path

import aws_cdk as cdk
import pytest
from synthesis import ROOT, VARIANTS, synthesised

from infra.checks.policy_checks import acknowledge, add_policy_checks
from infra.constructs.roles import ManagedPolicy
from infra.policies.statement import Statement
from infra.stacks.environment_stage import EnvironmentStage
from kickstand.config.load import load_project
from kickstand.errors import InputError, KickstandError
from review.policy import assembly as assemblies
from review.policy.assembly import (
    CheckedStack,
    checked_assembly,
    lint_findings,
    reported_acknowledgements,
    reported_findings,
)

TOML = """\
[project]
name = "bikes"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 5
[environments.dev]
account = "111122223333"
region = "us-east-1"
"""


def _app(folder: Path, **more: object) -> cdk.App:
    context = {**json.loads((ROOT / "cdk.json").read_text())["context"], "policy": "on", **more}
    return cdk.App(analytics_reporting=False, stack_traces=False, outdir=str(folder), context=context)


def _project(folder: Path) -> Path:
    (folder / "train.csv").write_text("1,2\n")
    (folder / "kickstand.toml").write_text(TOML)
    return folder / "kickstand.toml"


def test_acknowledgements_change_no_template(tmp_path: Path) -> None:
    settings, released = VARIANTS["prod"]
    stage = EnvironmentStage(_app(tmp_path), environment=settings, release=released)
    folder = Path(stage.synth().directory)
    assert stage.hosting is not None
    assert json.loads((folder / stage.training.template_file).read_text()) == synthesised("prod").training
    assert json.loads((folder / stage.hosting.template_file).read_text()) == synthesised("prod").hosting


def test_nothing_is_acknowledged_where_nothing_is_asked() -> None:
    stack = cdk.Stack(cdk.App())
    acknowledge(stack, {"AwsSolutions-S1": "For a reason."})
    assert [entry.type for entry in stack.node.metadata if "acknowledged" in entry.type] == []


def test_a_wildcard_with_a_reason_is_accepted_and_one_without_is_found(tmp_path: Path) -> None:
    app = _app(tmp_path, **{"@aws-cdk/core:failSynthOnValidationErrors": False})
    stage = cdk.Stage(app, "dev", env=cdk.Environment(account="111122223333", region="us-east-1"))
    statements = (
        Statement("Ours", ("s3:GetObject",), ("arn:aws:s3:::bikes/models/*",)),
        Statement("TooWide", ("s3:GetObject",), ("arn:aws:s3:::bikes/*",)),
        Statement("Lists", ("sagemaker:ListModels",), everywhere="Lists are not checked against a resource."),
    )
    ManagedPolicy(
        cdk.Stack(stage, "training"), "Policy", policy_name="bikes", description="Reads", statements=statements
    )
    add_policy_checks(app, load_project(_project(tmp_path)))
    app.synth()
    report = json.loads((tmp_path / "validation-report.json").read_text())
    found = reported_findings(report, {"dev/training": "bikes-dev-training"})
    assert [(one.rule, one.stack, one.resource) for one in found] == [
        ("AwsSolutions-IAM5[Resource::arn:aws:s3:::bikes/*]", "bikes-dev-training", "dev/training/Policy/Policy")
    ]
    assert [(one.rule, one.reason) for one in reported_acknowledgements(report)] == [
        ("AwsSolutions-IAM5[Resource::*]", "Lists: Lists are not checked against a resource."),
        (
            "AwsSolutions-IAM5[Resource::arn:aws:s3:::bikes/models/*]",
            "Objects below one prefix of one bucket, whose keys are digests and names of jobs.",
        ),
    ]


def test_cfn_lint_says_what_cloudformation_would_refuse() -> None:
    template = {"Resources": {"Log": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 91}}}}
    findings, rules = lint_findings([CheckedStack("dev/training", "bikes", json.dumps(template))], "us-east-1")
    (refused,) = [one for one in findings if one.level == "error"]
    assert (refused.rule, refused.stack, refused.resource) == ("E3030", "bikes", "Log")
    assert refused.message.startswith("Properties.RetentionInDays: 91 is not one of")
    assert rules > 200


def test_a_wrong_release_is_refused_as_a_synthesis_refuses_it(tmp_path: Path) -> None:
    project = load_project(_project(tmp_path))
    (tmp_path / "releases").mkdir()
    (tmp_path / "releases" / "dev.json").write_text("{}\n")
    with pytest.raises(InputError, match=r"dev\.json"):
        checked_assembly(project, project.environments["dev"], tmp_path / "releases")


def test_a_check_that_cannot_be_run_is_no_clean_bill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = load_project(_project(tmp_path))
    broken = {"pluginName": "AwsSolutions", "conclusion": "failure", "violations": [], "metadata": {"error": "no tree"}}
    (tmp_path / "validation-report.json").write_text(json.dumps({"pluginReports": [broken]}))

    class Made:
        def __enter__(self) -> Path:
            return tmp_path

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr(assemblies, "_synthesised", lambda *_: Made())
    with pytest.raises(KickstandError, match=r"The policy check AwsSolutions could not be run: no tree"):
        checked_assembly(project, project.environments["dev"], tmp_path)
