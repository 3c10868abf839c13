"""`kickstand promote` between accounts: roles, bucket policies, locks and buckets as the stacks make them.

dev and staging have no endpoints here, so the gate golden-rows fails, and is overridden where a test goes on. The
gate policy, which synthesises stacks for some seconds, is asked by tests of its own.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from promotion_world import KEY, MODEL, OVERRIDE, Stage
from samples import IMAGE
from shared_templates import REPOSITORY
from three_accounts import ACCOUNTS, make_three_accounts
from typed import Screen, Terminal

from kickstand.release.file import canonical, write_release
from kickstand.release.model import Release
from localcloud.cloud import LocalCloud
from promotion.gates import run as gates
from promotion.lock import Owner


@pytest.fixture(scope="module")
def stage(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    made = make_three_accounts(tmp_path_factory.mktemp("promote"), cloud)
    return Stage(made.folder, made.cloud, made.session)


@pytest.fixture
def terminal(stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    """`--local` enters one account after the other by the process's variables; they are put back at the end."""
    before = dict(os.environ)
    monkeypatch.setenv("KICKSTAND_LOCAL_STATE", str(stage.cloud.folder.root))
    monkeypatch.setattr(gates, "GATES", tuple(gate for gate in gates.GATES if gate.name != "policy"))
    yield Terminal(monkeypatch, capsys)
    os.environ.clear()
    os.environ.update(before)


def promote(terminal: Terminal, stage: Stage, *words: str) -> Screen:
    return terminal.type("--local", "--config", stage.toml, "promote", *words)


def test_one_model_in_three_accounts_and_every_refusal_on_the_way(terminal: Terminal, stage: Stage) -> None:
    source = stage.release_in_dev("one")
    before = stage.keys("staging")

    wrong = promote(terminal, stage, "dev", "prod")
    assert wrong.code == 2
    assert "prod takes its models from staging, not from dev. The order here: dev -> staging -> prod." in wrong.err

    gone = promote(terminal, stage, "dev", "staging")
    assert gone.code == 1
    assert "FAIL  golden-rows" in gone.out
    assert "The gate golden-rows refused the model. Nothing was written." in gone.err

    dry = promote(terminal, stage, "dev", "staging", "--dry-run", *OVERRIDE)
    assert dry.code == 0, dry
    assert f"  copy {source.artifact.s3_uri} to s3://{stage.names('staging').bucket}/{KEY}" in dry.out
    assert stage.keys("staging") == before
    assert not stage.file("staging").exists()

    done = promote(terminal, stage, "dev", "staging", *OVERRIDE)
    assert (done.code, done.err) == (0, "")
    assert "OVERRIDDEN golden-rows: There is no endpoint in this test. (arn:aws:iam::444455556666:root)" in done.out
    staged = stage.released("staging")
    assert staged.promoted_from is not None
    assert (staged.promoted_from.release_sha256, staged.channels) == (source.sha256, source.channels)
    package = stage.client("sagemaker", "staging").describe_model_package(ModelPackageName=staged.model_package_arn)
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["InferenceSpecification"]["Containers"][0]["Image"] == IMAGE
    assert stage.keys("staging") - before == {KEY, _metrics(package)}

    again = promote(terminal, stage, "dev", "staging", *OVERRIDE)
    assert again.code == 2
    assert "staging has it already" in again.err

    assert promote(terminal, stage, "staging", "prod", *OVERRIDE).code == 0
    last = stage.released("prod")
    assert last.earlier_promotions == (staged.promoted_from,)
    assert {stage.released(name).artifact.sha256 for name in ACCOUNTS} == {MODEL.sha256}
    assert {stage.body(name) for name in ACCOUNTS} == {MODEL.archive}


def _metrics(package: dict[str, Any]) -> str:
    return str(package["ModelMetrics"]["ModelQuality"]["Statistics"]["S3Uri"]).split("/", 3)[3]


def test_two_at_once_and_one_that_was_killed(terminal: Terminal, stage: Stage) -> None:
    stage.release_in_dev("two")
    by = f"arn:aws:iam::{ACCOUNTS['staging']}:root"
    dead = replace(Owner.here(by=by, at="2026-11-24T09:00:00Z", doing="promote dev staging"), process=2**22 + 1)
    other = replace(dead, by="arn:aws:iam::444455556666:user/bo")
    stage.put("staging", "locks/release", json.dumps(other.fields()).encode())
    held = promote(terminal, stage, "dev", "staging", *OVERRIDE)
    assert held.code == 1
    assert (
        "user/bo holds the promotion lock since 2026-11-24T09:00:00Z: promote dev staging. Nothing was written."
        in held.err
    )
    assert "locks/release" in stage.keys("staging")
    stage.put("staging", "locks/release", json.dumps(dead.fields()).encode())
    assert promote(terminal, stage, "dev", "staging", *OVERRIDE).code == 0
    assert "locks/release" not in stage.keys("staging")


def test_one_flipped_byte_is_refused_by_name(terminal: Terminal, stage: Stage) -> None:
    stage.release_in_dev("three")
    flipped = bytearray(MODEL.archive)
    flipped[100] ^= 1
    stage.put("dev", KEY, bytes(flipped))
    artifact = promote(terminal, stage, "dev", "staging", *OVERRIDE)
    assert artifact.code == 1
    assert "The model artifact was changed: expected SHA-256 " + MODEL.sha256 in artifact.err
    stage.put("dev", KEY, MODEL.archive)
    text = stage.file("dev").read_text()
    stage.file("dev").write_text(text.replace("0.29", "0.28"))
    changed = promote(terminal, stage, "dev", "staging", *OVERRIDE)
    assert changed.code == 2
    assert "The release was changed after it was written" in changed.err
    fields = json.loads(text)
    stage.file("dev").write_text(canonical({**fields, "schema_version": 9}))
    assert "A newer Kickstand wrote it: update Kickstand." in promote(terminal, stage, "dev", "staging").err


def test_a_source_that_does_not_open_its_models(terminal: Terminal, stage: Stage) -> None:
    stage.release_in_dev("four")
    s3, bucket = stage.client("s3", "dev"), stage.names("dev").bucket
    policy = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    former = stage.file("staging").read_bytes() if stage.file("staging").exists() else b""
    staged = stage.client("s3", "staging")
    staged.delete_object(Bucket=stage.names("staging").bucket, Key=KEY)
    try:
        denied = promote(terminal, stage, "dev", "staging", *OVERRIDE)
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert denied.code == 1
    assert f"s3://{stage.names('staging').bucket}/{KEY}: Failed while copying" in denied.err
    assert f"its bucket policy lets {stage.names('staging').release_role_arn} read models." in denied.err
    assert (stage.file("staging").read_bytes() if former else b"") == former
    assert "locks/release" not in stage.keys("staging")
    assert promote(terminal, stage, "dev", "staging", *OVERRIDE).code == 0


PAGE = (REPOSITORY / "docs" / "promotion.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=Ana", "-c", "user.email=ana@example.com")
    done = subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(folder: Path, subject: str) -> str:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", subject)
    return git(folder, "rev-parse", "HEAD")


def test_the_commands_of_the_page(
    terminal: Terminal, stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without an endpoint in dev the gates refuse, until the page overrides that; the deployment is recorded only."""
    dry, plain, overridden, back = COMMANDS
    stage.release_in_dev("page")
    for line in (dry, plain):
        assert promote(terminal, stage, *shlex.split(line)[2:]).code == 1
    done = promote(terminal, stage, *shlex.split(overridden)[2:], "--yes")
    assert done.code == 0, done

    for name in ("kickstand.toml", "train.csv"):
        shutil.copy(stage.folder / name, tmp_path)
    file, served = tmp_path / "releases" / "staging.json", stage.released("staging")
    git(tmp_path, "init", "-q", "-b", "main")
    write_release(file, served)
    first, text = commit(tmp_path, "staging: the first"), file.read_text()
    write_release(file, served.model_copy(update={"source_commit": "the next"}))
    commit(tmp_path, "staging: the second")

    deployed: list[Release] = []
    monkeypatch.setattr("deployment.deploy.deploy_environment", lambda cdk, given, *_, **__: deployed.append(given))
    for name, value in stage.cloud.environment(ACCOUNTS["staging"], "us-east-1").items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    screen = terminal.type(*shlex.split(back)[1:], "--yes")
    assert (screen.code, screen.err) == (0, "")
    assert f"git commit -m 'staging: back to the release of {first[:12]}: errors on rainy days'" in screen.out
    assert "pass  artifact-scan" in screen.out
    assert "reproduced by the artifact itself" in screen.out
    assert deployed == [served]
    assert file.read_text() == text

    commit(tmp_path, "staging: back")
    with (tmp_path / "kickstand.toml").open("a") as toml:
        toml.write("[environments.staging.review]\nrequire_review = true\n")
    reviewed = terminal.type("rollback", "staging", "--to", "HEAD~1", "--yes")
    assert reviewed.code == 0, reviewed
    assert "Nothing was deployed: staging is deployed by reviewed change sets alone." in reviewed.out
    assert len(deployed) == 1
    assert "the next" in file.read_text()

    key = {"Bucket": stage.names("staging").bucket, "Key": KEY}
    git(tmp_path, "checkout", "-q", "--", "releases")
    stage.client("s3", "staging").delete_object(**key)
    gone = terminal.type("rollback", "staging", "--to", "HEAD~1", "--yes")
    assert gone.code == 1
    assert "The model artifact of the release is not there" in gone.err
    assert file.read_text() == text
