"""Tampering between accounts: the first command that meets it says so by name, and nothing is changed anywhere.

Buckets, model registries, stacks and release files of all three accounts are compared before and after. There are no
endpoints here; the gate golden-rows is overridden where a case goes on, and the gate policy is left out. Files of the
repository alone: tests/unit/deployment/test_tampered_files.py. A bucket that does not open its models, one byte of
the artifact,
two at once as one sees it: test_promote.py. What moved between review and deployment:
tests/e2e/test_reviewed_deployment.py.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from promotion_world import KEY, MODEL, OVERRIDE, Stage
from shared_templates import synthesise
from three_accounts import ACCOUNTS, make_three_accounts
from typed import Terminal

from cli.context import workspace_of
from cli.options import Root
from kickstand.config.load import load_project
from kickstand.errors import KickstandError
from kickstand.release.file import write_release
from kickstand.release.model import Channel, DataFile, GoldenRows, Release
from localcloud.cloud import LocalCloud
from promotion.gates import run as gates
from promotion.promote import PromotionWork
from promotion.release_role import release_session
from training.data.files import channel_sha256

TRAIN = b"1,2,3\n4,5,6\n"
DIGEST = channel_sha256([("train.csv", hashlib.sha256(TRAIN).hexdigest())])
DATA = f"data/{DIGEST}/train/train.csv"
NAN = b'{\n  "predictions": [\n    NaN\n  ],\n  "rows": [\n    "1,2"\n  ]\n}\n'


@pytest.fixture(scope="module")
def stage(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """dev has a release whose data lie in its bucket; staging has the same model."""
    folder = tmp_path_factory.mktemp("tampering") / "bikes and trains"
    folder.mkdir()
    made = make_three_accounts(folder, cloud)
    there = Stage(made.folder, made.cloud, made.session)
    there.put("dev", DATA, TRAIN)
    release_anew(there, "the first")
    return there


def release_anew(stage: Stage, commit: str, **changes: Any) -> Release:
    made = stage.release_in_dev(commit)
    file = DataFile(name="train.csv", sha256=hashlib.sha256(TRAIN).hexdigest(), size=len(TRAIN), rows=2)
    channel = Channel(
        name="train",
        s3_uri=f"s3://{made.bucket}/data/{DIGEST}/train/",
        content_type="text/csv",
        sha256=DIGEST,
        rows=2,
        columns=3,
        files=(file,),
    )
    return write_release(stage.file("dev"), made.model_copy(update={"channels": (channel,), **changes}))


@pytest.fixture
def terminal(stage: Stage, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Terminal]:
    before = dict(os.environ)
    monkeypatch.setenv("KICKSTAND_LOCAL_STATE", str(stage.cloud.folder.root))
    monkeypatch.setattr(gates, "GATES", tuple(gate for gate in gates.GATES if gate.name != "policy"))
    yield Terminal(monkeypatch, capsys)
    os.environ.clear()
    os.environ.update(before)


def everything(stage: Stage) -> dict[str, Any]:
    """All that a command might change: versions of objects, model packages, stacks with their change sets, files."""
    found: dict[str, Any] = {"files": files(stage)}
    for name in ACCOUNTS:
        names, cloudformation = stage.names(name), stage.client("cloudformation", name)
        listed = stage.client("s3", name).list_object_versions(Bucket=names.bucket)
        found[f"{name} objects"] = [
            (one["Key"], one["VersionId"], one.get("ETag"))
            for kind in ("Versions", "DeleteMarkers")
            for one in listed.get(kind, ())
            if one["Key"] != "locks/release" or (kind == "Versions" and one["IsLatest"])  # a lock that was given back
        ]
        found[f"{name} packages"] = [
            (one["ModelPackageArn"], one["ModelApprovalStatus"])
            for one in stage.client("sagemaker", name).list_model_packages(
                ModelPackageGroupName=names.model_package_group
            )["ModelPackageSummaryList"]
        ]
        for stack in cloudformation.describe_stacks()["Stacks"]:
            changes = cloudformation.list_change_sets(StackName=stack["StackName"])["Summaries"]
            found[f"{name} {stack['StackName']}"] = (stack["StackStatus"], stack.get("LastUpdatedTime"), len(changes))
    return found


def files(stage: Stage) -> dict[str, bytes]:
    """Every release file, and whatever was left beside one."""
    folder = stage.file("dev").parent
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}


@contextmanager
def object_of(stage: Stage, name: str, key: str, body: bytes) -> Iterator[None]:
    """Another object at a key, or one where there was none; the former version is the current one afterwards."""
    s3, bucket = stage.client("s3", name), stage.names(name).bucket
    version = s3.put_object(Bucket=bucket, Key=key, Body=body)["VersionId"]
    try:
        yield
    finally:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=version)


@contextmanager
def without(stage: Stage, name: str, key: str) -> Iterator[None]:
    s3, bucket = stage.client("s3", name), stage.names(name).bucket
    marker = s3.delete_object(Bucket=bucket, Key=key)["VersionId"]
    try:
        yield
    finally:
        s3.delete_object(Bucket=bucket, Key=key, VersionId=marker)


@contextmanager
def denied_at_the_target(stage: Stage) -> Iterator[None]:
    """Somebody's policy on staging's bucket refuses models, to the release role too."""
    s3, bucket = stage.client("s3", "staging"), stage.names("staging").bucket
    former = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    document = json.loads(former)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{bucket}/models/*"}
    document["Statement"].append(deny)
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=former)


@contextmanager
def rewritten_toml(stage: Stage, old: str, new: str) -> Iterator[Path]:
    """Another project file beside the right one."""
    text, file = stage.toml.read_text(), stage.toml.with_name("other.toml")
    assert old in text
    file.write_text(text.replace(old, new))
    yield file


@contextmanager
def released(stage: Stage, **changes: Any) -> Iterator[None]:
    former = stage.file("dev").read_bytes()
    release_anew(stage, "tampered", **changes)
    try:
        yield
    finally:
        stage.file("dev").write_bytes(former)


@contextmanager
def golden_nan(stage: Stage) -> Iterator[None]:
    """Confidential golden rows that hold NaN, by somebody who seals the release over them."""
    digest = hashlib.sha256(NAN).hexdigest()
    uri = f"s3://{stage.names('dev').bucket}/golden/{digest}.json"
    with (
        object_of(stage, "dev", f"golden/{digest}.json", NAN),
        released(stage, golden_rows=GoldenRows(sha256=digest, s3_uri=uri)),
    ):
        yield


@contextmanager
def package_of_another_model(stage: Stage) -> Iterator[None]:
    sagemaker, names = stage.client("sagemaker", "dev"), stage.names("dev")
    other = f"s3://{names.bucket}/models/{'e' * 64}/model.tar.gz"
    arn = sagemaker.create_model_package(
        ModelPackageGroupName=names.model_package_group,
        ModelApprovalStatus="PendingManualApproval",
        CustomerMetadataProperties={"artifact-sha256": "e" * 64},
        InferenceSpecification={
            "Containers": [{"Image": stage.released("dev").algorithm.image_uri, "ModelDataUrl": other}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )["ModelPackageArn"]
    with released(stage, model_package_arn=arn):
        yield


def flipped(body: bytes) -> bytes:
    return body[:50] + bytes([body[50] ^ 1]) + body[51:] if len(body) > 50 else bytes([body[0] ^ 1]) + body[1:]


@dataclass(frozen=True)
class Case:
    """What somebody does, the command that meets it first, its exit code, and what it says in one of its problems."""

    name: str
    tamper: Callable[[Stage], Any]
    words: tuple[str, ...]
    code: int
    says: str


PROMOTE = ("promote", "dev", "staging", *OVERRIDE)
CASES = (
    Case(
        "one byte of the artifact",
        lambda stage: object_of(stage, "dev", KEY, flipped(MODEL.archive)),
        ("verify", "dev"),
        1,
        f"s3://{{dev}}/{KEY}: The model artifact was changed: expected ",
    ),
    Case(
        "one byte of the data",
        lambda stage: object_of(stage, "dev", DATA, flipped(TRAIN)),
        ("verify", "dev", "--data"),
        1,
        f"s3://{{dev}}/{DATA}: The data were changed: expected 12 bytes of SHA-256 ",
    ),
    Case(
        "data that are gone",
        lambda stage: without(stage, "dev", DATA),
        ("verify", "dev", "--data"),
        1,
        f"s3://{{dev}}/{DATA}: A file that the model was trained on is gone.",
    ),
    Case(
        "a file beside the data",
        lambda stage: object_of(stage, "dev", f"data/{DIGEST}/train/more.csv", TRAIN),
        ("verify", "dev", "--data"),
        1,
        f"s3://{{dev}}/data/{DIGEST}/train/more.csv: This object is not of the release's data, and a job would read it",
    ),
    Case(
        "the target's bucket denied",
        denied_at_the_target,
        PROMOTE,
        1,
        f"s3://{{staging}}/{KEY}: Failed while copying to the place that the content names: CopyObject: AccessDenied: ",
    ),
    Case(
        "a target that was never deployed",
        lambda stage: rewritten_toml(stage, ACCOUNTS["staging"], "123456789012"),
        PROMOTE,
        1,
        "Failed while assuming the release role arn:aws:iam::123456789012:role/",
    ),
    Case(
        "a target in another region than was deployed",
        lambda stage: rewritten_toml(
            stage, f'{ACCOUNTS["staging"]}"\nregion = "us-east-1"', f'{ACCOUNTS["staging"]}"\nregion = "eu-west-1"'
        ),
        PROMOTE,
        1,
        f"Failed while assuming the release role arn:aws:iam::{ACCOUNTS['staging']}:role/",
    ),
    Case(
        "golden rows with NaN",
        golden_nan,
        ("promote", "dev", "staging"),
        1,
        "The gate golden-rows refused the model. Nothing was written.",
    ),
    Case(
        "a package of another model",
        package_of_another_model,
        ("approve", "dev", "--reason", "It looks right to me."),
        2,
        f"{{file}}: The package's model is s3://{{dev}}/models/{'e' * 64}/model.tar.gz; the release's is s3://{{dev}}/",
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_is_refused_by_name_and_changes_nothing(case: Case, stage: Stage, terminal: Terminal) -> None:
    with case.tamper(stage) as toml:
        before = everything(stage)
        screen = terminal.type("--local", "--config", toml or stage.toml, *case.words)
        after = everything(stage)
    assert screen.code == case.code, screen
    places = {name: stage.names(name).bucket for name in ("dev", "staging")}
    problems = [line.removeprefix("error: ").removeprefix("  - ") for line in screen.err.splitlines()]
    says = case.says.format(**places, file=stage.file("dev"))
    assert any(line.startswith(says) for line in problems), screen.err
    assert after == before


def test_untouched_data_are_proved_also_from_the_environment_that_took_the_model(
    stage: Stage, terminal: Terminal
) -> None:
    said = terminal.type("--local", "--config", stage.toml, "verify", "dev", "--data")
    bucket = stage.names("dev").bucket
    line = f"data train: 1 file, 2 rows, the bytes that the release names in s3://{bucket}/data/{DIGEST}/train/"
    assert line in " ".join(said.out.split())
    assert said.err.startswith(f"error: endpoint {stage.names('dev').endpoint}: There is no such endpoint: ")


def test_wrong_credentials_of_both_sides_are_told_at_once(
    stage: Stage, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stage.cloud.environment(ACCOUNTS["prod"], "us-east-1").items():
        monkeypatch.setenv(name, value)
    before = everything(stage)
    screen = terminal.type("--config", stage.toml, "promote", "dev", "staging")
    assert (screen.code, everything(stage)) == (2, before)
    told = [line for line in screen.err.splitlines() if line.startswith("  - ")]
    account = ACCOUNTS["prod"]
    assert [line.split(": ", 1)[1].split(" (arn:")[0] for line in told] == [
        f"{name} is in account {ACCOUNTS[name]}, but the credentials in use are of account {account}"
        for name in ("dev", "staging")
    ]


STEPS = (
    "promotion.promote.require_source",
    "promotion.gates.run.evaluate_gate",
    "promotion.release_role.release_session",
    "promotion.promote.pull",
    "promotion.promote.register",
    "promotion.promote.put_signature",
)


def test_interrupted_at_each_step_it_leaves_no_half_and_no_lock(
    stage: Stage, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_anew(stage, "interrupted")
    before = files(stage)
    for step in STEPS:
        with monkeypatch.context() as patch:
            patch.setattr(step, _interrupt)
            screen = terminal.type("--local", "--config", stage.toml, *PROMOTE)
        assert screen.code == 1, step
        assert screen.err.endswith("Interrupted. What was begun and not finished can be run again.\n"), step
        assert files(stage) == before, step
        assert "locks/release" not in stage.keys("staging"), step
    assert terminal.type("--local", "--config", stage.toml, *PROMOTE).code == 0


def _interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_of_two_at_once_one_is_refused_and_the_other_is_whole(
    stage: Stage, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both have asked their gates; the one that holds the lock registers only when the other has been refused."""
    release_anew(stage, "two at once")
    project, root = load_project(stage.toml), Root(stage.toml, local=True)
    refused = threading.Event()
    from training.model.artifact import register

    def later(*words: Any, **named: Any) -> str:
        assert refused.wait(30)
        return register(*words, **named)

    monkeypatch.setattr("promotion.promote.register", later)
    works = [
        PromotionWork(
            source=workspace_of(root, project, "dev"),
            target=workspace_of(root, project, "staging"),
            by=f"arn:aws:iam::{ACCOUNTS['staging']}:user/{who}",
            clock=lambda: datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
            report=lambda what, text: None,
        )
        for who in ("ana", "bo")
    ]
    ended: list[Release | KickstandError] = []

    def carry_out(work: PromotionWork) -> None:
        try:
            release, candidate = work.candidate()
            role = release_session(work.target, work.by)
            ended.append(work.carry_out(release, candidate, (), (), role))
        except KickstandError as error:
            ended.append(error)
            refused.set()

    threads = [threading.Thread(target=carry_out, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    (error,) = (one for one in ended if isinstance(one, KickstandError))
    (written,) = (one for one in ended if isinstance(one, Release))
    assert written.promoted_from is not None
    winner = written.promoted_from.by
    assert str(error).startswith(
        f"s3://{stage.names('staging').bucket}/locks/release: {winner} holds the promotion lock since "
        f"2026-11-24T09:00:00Z: promote dev staging, model {MODEL.sha256[:12]}. Nothing was written."
    )
    assert stage.released("staging") == written
    assert "locks/release" not in stage.keys("staging")


def test_the_review_of_an_environment_that_was_never_deployed(
    stage: Stage, terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is no mistake: the review says so, and what would be made."""
    from review.reports import PolicyReport

    report = PolicyReport(findings=(), acknowledged=(), rules_run={}, headlines=())
    monkeypatch.setattr("review.policy.report.policy_report", lambda *_: report)
    account, assembly = "999988887777", tmp_path / "assembly"
    # The assembly of dev, for an account in which nothing is.
    synthesise(stage.toml, tmp_path / "cdk.out")
    _moved(tmp_path / "cdk.out", assembly, ACCOUNTS["dev"], account)
    stage.file("dev").rename(tmp_path / "dev.json")
    try:
        with rewritten_toml(stage, ACCOUNTS["dev"], account) as toml:
            words = ("review", "dev", "--assembly", assembly, "-o", tmp_path / "out")
            screen = terminal.type("--local", "--config", toml, *words)
    finally:
        (tmp_path / "dev.json").rename(stage.file("dev"))
    assert (screen.code, screen.err) == (0, "")
    assert "This is the first deployment: no stack of the environment is deployed yet." in screen.out.splitlines()


def _moved(source: Path, to: Path, account: str, other: str) -> None:
    """An assembly with every mention of an account changed."""
    for file in source.rglob("*"):
        place = to / file.relative_to(source)
        if file.is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes().replace(account.encode(), other.encode()))
