"""The policy report of real stacks: nothing is found in them as they are, and what is accepted is told."""

from __future__ import annotations

import tarfile
import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from samples import release

from kickstand.config.load import load_project
from kickstand.release.file import release_path, write_release
from kickstand.release.model import Release
from review.policy.report import NAG_RULES, policy_report
from review.reports import Acknowledged, PolicyReport

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
[environments.prod]
account = "777788889999"
region = "us-east-1"
promotes_from = "dev"
[environments.prod.hosting]
instance_count = 2
[environments.prod.alerts]
emails = ["team@example.com"]
"""
KEYED = """\
[environments.prod.policy]
require_kms_key = true
[environments.prod.policy_exceptions]
"KICKSTAND-KEY-TRAINING" = "Training writes nothing that is confidential."
"AwsSolutions-S1" = "Accepted by the construct already."
"""

ACCOUNT = "777788889999"


def _release() -> Release:
    """A release of prod, as a promotion writes it."""
    text = release(environment="prod").model_dump_json()
    return Release.model_validate_json(text.replace("bikes-dev", "bikes-prod").replace("111122223333", ACCOUNT))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], PolicyReport]:
    def make(more: str) -> PolicyReport:
        folder = tmp_path_factory.mktemp("policy")
        (folder / "train.csv").write_text("1,2\n")
        (folder / "kickstand.toml").write_text(TOML + more)
        project = load_project(folder / "kickstand.toml")
        (folder / "releases").mkdir()
        write_release(release_path(folder / "releases", "prod"), _release())
        return policy_report(project, project.environments["prod"], folder / "releases")

    return make


def test_the_stacks_and_the_pipelines_have_no_finding_and_each_accepted_one_has_its_reason(
    report: Callable[[str], PolicyReport], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    found = report('[pipeline]\nrepository = "rides/bikes"\n')
    assert found.findings == ()
    assert [line.sentence for line in found.headlines] == [
        f"No policy findings; {len(found.acknowledged)} findings accepted with reasons."
    ]
    reasons = {(one.rule, one.where): one.reason for one in found.acknowledged}
    assert reasons[("AwsSolutions-S1", "prod/training/ArtifactBucket/Bucket")].startswith("Who reads which object")
    assert "prod-pipeline/roles/PrepareRole/Policy" in {one.where for one in found.acknowledged}
    assert all(len(one.reason) > 20 and one.resources for one in found.acknowledged)
    assert found.rules_run["guard"] == 30
    assert list(tmp_path.iterdir()) == []  # nothing is left behind


def test_a_demanded_key_an_exception_and_one_that_accepts_nothing(report: Callable[[str], PolicyReport]) -> None:
    found = report(KEYED)
    (project_file,) = {one.resource.partition(":")[0] for one in found.findings if one.level == "warning"}
    assert {(one.rule, one.level, one.stack, one.resource) for one in found.findings} == {
        ("KICKSTAND-KEY-BUCKET", "error", "bikes-prod-training", "prod/training/ArtifactBucket/Bucket"),
        ("KICKSTAND-KEY-LOGS", "error", "bikes-prod-training", "prod/training/TriggerLog/Group"),
        ("KICKSTAND-KEY-ENDPOINT", "error", "bikes-prod-hosting", "prod/hosting/EndpointConfig/EndpointConfig"),
        ("KICKSTAND-KEY-CAPTURE", "error", "bikes-prod-hosting", "prod/hosting/EndpointConfig/EndpointConfig"),
        ("KICKSTAND-KEY-LOGS", "error", "bikes-prod-hosting", "prod/hosting/EndpointLog/Group"),
        ("KICKSTAND-KEY-LOGS", "error", "bikes-prod-hosting", "prod/hosting/Transform/Log/Group"),
        ("KICKSTAND-KEY-TRANSFORM", "error", "bikes-prod-hosting", "prod/hosting/Transform/Trigger/StateMachine"),
        ("AwsSolutions-S1", "warning", "", f"{project_file}:23"),
    }
    assert [one for one in found.acknowledged if "kickstand.toml" in one.where] == [
        Acknowledged(
            rule="KICKSTAND-KEY-TRAINING",
            reason="Training writes nothing that is confidential.",
            where=f"{project_file}:22",
            resources=("prod/training/TrainingTrigger/StateMachine",),
        )
    ]
    assert found.rules_run["guard"] == 36
    fixes = {one.rule: one.fix for one in found.findings}
    assert fixes["KICKSTAND-KEY-BUCKET"] == "Name the key in kickstand.toml: [storage] kms_key_arn."


def test_the_pack_asks_as_many_rules_as_the_report_says() -> None:
    spec = find_spec("cdk_nag")
    assert spec is not None and spec.origin is not None
    (archive,) = (Path(spec.origin).parent / "_jsii").glob("*.tgz")
    with tarfile.open(archive) as files:
        member = files.extractfile("package/lib/packs/aws-solutions.js")
        assert member is not None
        assert member.read().decode().count("this.applyRule(") == NAG_RULES
