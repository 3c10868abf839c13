"""Promotion between two accounts whose customer keys know their own account alone: said before, and refused."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from promotion_world import KEY, OVERRIDE, Stage
from three_accounts import ACCOUNTS, make_three_accounts
from typed import Screen, Terminal

from deployment.keys.access import key_access
from deployment.keys.needs import key_needs
from kickstand.aws.session import open_session
from kickstand.config.load import load_project
from localcloud.cloud import LocalCloud
from promotion.gates import run as gates
from review.make import key_headlines


@pytest.fixture(scope="module")
def stage(cloud: LocalCloud, client: Any, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    keys = {}
    for name in ("dev", "staging"):
        kms = client("kms", account=ACCOUNTS[name])
        keys[name] = kms.create_key(Policy=own_account(name))["KeyMetadata"]["Arn"]
    made = make_three_accounts(tmp_path_factory.mktemp("keys"), cloud, keys)
    return Stage(made.folder, made.cloud, made.session)


def own_account(name: str, *statements: Any) -> str:
    principal = {"AWS": f"arn:aws:iam::{ACCOUNTS[name]}:root"}
    owner = {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [owner, *statements]})


@pytest.fixture
def terminal(stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    before = dict(os.environ)
    monkeypatch.setenv("KICKSTAND_LOCAL_STATE", str(stage.cloud.folder.root))
    monkeypatch.setattr(gates, "GATES", tuple(gate for gate in gates.GATES if gate.name != "policy"))
    yield Terminal(monkeypatch, capsys)
    os.environ.clear()
    os.environ.update(before)


def typed(terminal: Terminal, stage: Stage, *words: str) -> Screen:
    return terminal.type("--local", "--config", stage.toml, *words)


def of_keys(terminal: Terminal, stage: Stage, environment: str) -> dict[str, tuple[str, str, str]]:
    findings = json.loads(typed(terminal, stage, "doctor", environment, "--json").out)["findings"]
    return {
        one["name"]: (one["status"], one["found"], one["fix"]) for one in findings if one["name"].startswith("key for")
    }


def key_of(stage: Stage, name: str) -> str:
    return str(load_project(stage.toml).environments[name].storage.kms_key_arn)  # type: ignore[index]


def lacking(stage: Stage) -> tuple[str, str]:
    """What is said of dev's key before it lets staging's release role, and the statement that its policy needs."""
    role = stage.names("staging").release_role_arn
    statement = {
        "Sid": "DecryptModelsStaging",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"ArnEquals": {"aws:PrincipalArn": role}},
    }
    found = (
        f"The policy of the key {key_of(stage, 'dev')} does not let the release role of staging ({role}) read dev's "
        "models: kms:Decrypt is missing; no statement allows it."
    )
    return found, json.dumps(statement, indent=2)


def test_promotion_is_refused_as_doctor_said_and_goes_on_with_the_statement(terminal: Terminal, stage: Stage) -> None:
    stage.release_in_dev("keyed")
    found, statement = lacking(stage)
    fix = f"The key's owner adds to its policy:\n{statement}"
    # Given keys that know their own account alone; when asked from either side, doctor names role, key and statement.
    for name in ("dev", "staging"):
        said = of_keys(terminal, stage, name)
        assert said.pop("key for the release role of staging to read dev's models") == ("problem", found, fix)
        assert said.pop("key for the release role of prod to read staging's models", ("problem",))[0] == "problem"
        assert {one[0] for one in said.values()} == {"ok"}
    assert len(said) == 5
    before = stage.keys("staging")
    refused = typed(terminal, stage, "promote", "dev", "staging", *OVERRIDE)
    assert refused.code == 1
    session = f"arn:aws:sts::444455556666:assumed-role/{stage.names('staging').release_role}/kickstand-root"
    assert (
        f"CopyObject: AccessDenied: User: {session} is not authorized to perform: kms:Decrypt on resource: "
        f"{key_of(stage, 'dev')} because no resource-based policy allows the kms:Decrypt action." in refused.err
    )
    assert "Nothing was promoted." in refused.err
    assert "Traceback" not in refused.err
    assert stage.keys("staging") == before  # the lock is given back, and nothing is half-written
    assert not stage.file("staging").exists()
    shown = refused.err[refused.err.index("{\n") :]
    added = json.loads("\n".join(line.removeprefix("       ") for line in shown.splitlines()))
    assert added == json.loads(statement)

    # When the owner adds that statement, doctor has nothing more to say, and the promotion is done.
    policy = own_account("dev", added)
    stage.client("kms", "dev").put_key_policy(KeyId=key_of(stage, "dev"), PolicyName="default", Policy=policy)
    assert {one[0] for one in of_keys(terminal, stage, "dev").values()} == {"ok"}
    done = typed(terminal, stage, "promote", "dev", "staging", *OVERRIDE)
    assert (done.code, done.err) == (0, "")
    head = stage.client("s3", "staging").head_object(Bucket=stage.names("staging").bucket, Key=KEY)
    assert head["SSEKMSKeyId"] == key_of(stage, "staging")


def test_the_targets_own_key_is_told_apart(terminal: Terminal, stage: Stage) -> None:
    stage.release_in_dev("own key")
    role, key = stage.names("staging").release_role_arn, key_of(stage, "staging")
    deny: dict[str, Any] = {
        "Sid": "NoRelease",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "kms:GenerateDataKey*",
        "Resource": "*",
    }
    deny["Condition"] = {"ArnEquals": {"aws:PrincipalArn": role}}
    kms = stage.client("kms", "staging")
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=own_account("staging", deny))
    said = [one for one in of_keys(terminal, stage, "staging").values() if "NoRelease" in one[1]]
    assert said == [
        (
            "problem",
            f"The policy of the key {key} does not let the release role of staging ({role}) write promoted models: "
            "kms:GenerateDataKey is missing; its statement NoRelease denies it.",
            "The key's owner takes the role out of that statement.",
        )
    ]
    before = stage.keys("staging")
    refused = typed(terminal, stage, "promote", "dev", "staging", *OVERRIDE)
    assert refused.code == 1
    assert f"kms:GenerateDataKey on resource: {key} with an explicit deny in a resource-based policy" in refused.err
    assert stage.keys("staging") == before
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=own_account("staging"))


def test_what_a_review_says_of_them(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    project = load_project(stage.toml)
    staging = project.environments["staging"]
    for name, value in stage.cloud.environment(ACCOUNTS["staging"], "us-east-1").items():
        monkeypatch.setenv(name, value)
    session = open_session(staging)
    # Only staging's credentials are there, as in a pipeline: dev's key is unknown, by name.
    headlines = key_headlines(
        key_access(
            key_needs(staging, project.environments), lambda one: session if one is staging else open_session(one)
        ),
        "staging",
    )
    prod = stage.names("prod").release_role_arn
    assert [(one.level, one.sentence) for one in headlines] == [
        (
            "note",
            f"Whether the key {key_of(stage, 'dev')} lets the release role of staging "
            f"({stage.names('staging').release_role_arn}) read dev's models (kms:Decrypt) is unknown: there are no "
            "credentials of dev's account 111122223333 here.",
        ),
        (
            "warning",
            f"The policy of the key {key_of(stage, 'staging')} does not let the release role of prod ({prod}) read "
            "staging's models: kms:Decrypt is missing; no statement allows it. The statement to add: kickstand doctor "
            "staging.",
        ),
    ]
