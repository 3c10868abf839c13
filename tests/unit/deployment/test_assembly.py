"""A cloud assembly: its digest, its stacks, and whether it is the environment's."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from samples import ACCOUNT, environment, release

from deployment.assembly import assembled_stacks, assembly_digest, require_assembly
from kickstand.errors import InputError

ROLE = f"cdk-hnb659fds-deploy-role-{ACCOUNT}-us-east-1"
TRAINING = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket"}}}


def stack(name: str, **properties: Any) -> dict[str, Any]:
    return {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{ACCOUNT}/us-east-1",
        "displayName": f"dev/{name.rpartition('-')[2]}",
        "properties": {
            "stackName": name,
            "templateFile": f"{name}.template.json",
            "assumeRoleArn": f"arn:${{AWS::Partition}}:iam::{ACCOUNT}:role/{ROLE}",
            **properties,
        },
    }


def make(folder: Path, templates: dict[str, dict[str, Any]], place: str = f"aws://{ACCOUNT}/us-east-1") -> Path:
    """An assembly with one stage, as `cdk synth` lays it out."""
    stage = folder / "assembly-dev"
    stage.mkdir(parents=True)
    nested = {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-dev"}}
    (folder / "manifest.json").write_text(json.dumps({"artifacts": {"assembly-dev": nested}}))
    artifacts = {name: {**stack(name), "environment": place} for name in templates}
    (stage / "manifest.json").write_text(json.dumps({"artifacts": artifacts}))
    for name, template in templates.items():
        (stage / f"{name}.template.json").write_text(json.dumps(template))
    for one in (folder, stage):
        (one / "cdk.out").write_text('{"version":"55.0.0"}')
    return folder


def hosting(uri: str) -> dict[str, Any]:
    return {"Resources": {"Model": {"Type": "AWS::SageMaker::Model", "Properties": {"ModelDataUrl": uri}}}}


def test_the_digest_is_that_of_the_sorted_listing(tmp_path: Path) -> None:
    folder = make(tmp_path / "out", {"bikes-dev-training": TRAINING})
    command = r"find . -type f -printf '%P\n' | LC_ALL=C sort | xargs sha256sum | sha256sum"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=folder, capture_output=True, text=True, check=True)
    assert assembly_digest(folder) == done.stdout.split()[0]
    assert assembly_digest(make(tmp_path / "other", {"bikes-dev-training": TRAINING})) == assembly_digest(folder)


@pytest.mark.parametrize("change", ["a byte", "a name", "one more", "one less"])
def test_every_change_of_a_file_changes_it(tmp_path: Path, change: str) -> None:
    folder = make(tmp_path / "out", {"bikes-dev-training": TRAINING})
    before = assembly_digest(folder)
    template = folder / "assembly-dev" / "bikes-dev-training.template.json"
    if change == "a byte":
        template.write_bytes(template.read_bytes().replace(b"Bucket", b"bucket", 1))
    elif change == "a name":
        template.rename(template.with_name("other.json"))
    elif change == "one more":
        (folder / "notes.txt").write_text("")
    else:
        template.unlink()
    assert assembly_digest(folder) != before


def test_what_the_cdk_command_line_leaves_behind_does_not_count(tmp_path: Path) -> None:
    folder = make(tmp_path / "out", {"bikes-dev-training": TRAINING})
    before = assembly_digest(folder)
    (folder / "performance-counters.json").write_text('{"phase:Synthesis": 14529}')
    (folder / "assembly-dev" / ".cache").mkdir()
    (folder / "assembly-dev" / ".cache" / "0123.zip").write_bytes(b"packed")
    (folder / "synth.lock").write_text("1")
    (folder / "read.4711.2.lock").write_text("1")
    assert assembly_digest(folder) == before


def test_its_stacks_are_found_in_its_stages(tmp_path: Path) -> None:
    (found,) = assembled_stacks(make(tmp_path / "out", {"bikes-dev-training": TRAINING})).values()
    assert (found.name, found.display_name, found.template) == ("bikes-dev-training", "dev/training", TRAINING)
    assert found.deploy_role_arn == f"arn:aws:iam::{ACCOUNT}:role/{ROLE}"


def test_a_folder_that_is_no_assembly_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(InputError) as caught:
        assembly_digest(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: This is no cloud assembly: a folder that `cdk synth` wrote has a manifest.json and a file "
        "cdk.out. Make it: cdk synth --output DIR."
    )


def test_the_assembly_of_this_release_and_environment_is_taken(tmp_path: Path) -> None:
    made = release()
    templates = {"bikes-dev-training": TRAINING, "bikes-dev-hosting": hosting(made.artifact.s3_uri)}
    found = require_assembly(make(tmp_path / "out", templates), environment(), made)
    assert list(found) == ["bikes-dev-training", "bikes-dev-hosting"]


@pytest.mark.parametrize(
    ("templates", "released", "expected"),
    [
        (
            {"cars-dev-training": TRAINING},
            False,
            "The cloud assembly has no stack bikes-dev-training; it has cars-dev-training.",
        ),
        (
            {"bikes-dev-training": TRAINING},
            True,
            "The assembly has no hosting stack, but there is a release (releases/dev.json).",
        ),
        (
            {"bikes-dev-training": TRAINING, "bikes-dev-hosting": hosting("s3://b/models/1")},
            False,
            "The assembly hosts a model, but there is no release (releases/dev.json).",
        ),
        (
            {"bikes-dev-training": TRAINING, "bikes-dev-hosting": hosting("s3://b/models/1")},
            True,
            f"The assembly hosts another model than {release().artifact.s3_uri}, which releases/dev.json names.",
        ),
    ],
)
def test_an_assembly_of_something_else_is_refused(
    tmp_path: Path, templates: dict[str, Any], released: bool, expected: str
) -> None:
    folder = make(tmp_path / "out", templates)
    with pytest.raises(InputError) as caught:
        require_assembly(folder, environment(), release() if released else None)
    assert [problem.message for problem in caught.value.problems] == [expected]


def test_an_assembly_for_another_account_is_refused(tmp_path: Path) -> None:
    folder = make(tmp_path / "out", {"bikes-dev-training": TRAINING}, place="aws://444455556666/us-east-1")
    with pytest.raises(InputError) as caught:
        require_assembly(folder, environment(), None)
    (problem,) = caught.value.problems
    assert problem.message == (
        f"The assembly deploys bikes-dev-training to aws://444455556666/us-east-1; dev is aws://{ACCOUNT}/us-east-1."
    )
