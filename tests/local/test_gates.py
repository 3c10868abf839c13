"""`kickstand gate` between two accounts of the local cloud, with real models behind real endpoints."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gate_world import GateWorld, Model, train
from sagemaker_world import Client
from typed import Screen, Terminal

from kickstand.config.promotion import Gates
from localcloud.cloud import LocalCloud
from promotion.gates.run import GATES
from review.reports import PolicyReport

MEASURED = ("metrics", "not-worse", "slices", "golden-rows", "latency", "age", "artifact-scan", "approval")
"""All but the one that synthesises, which one test asks."""


PAGE = (Path(__file__).resolve().parents[2] / "docs" / "gates.md").read_text(encoding="utf-8")
BLOCKS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


@pytest.fixture(scope="module")
def models() -> tuple[Model, Model]:
    """A good one, and one of two rounds."""
    return train(30), train(2)


@pytest.fixture(scope="module")
def world(
    cloud: LocalCloud, client: Client, tmp_path_factory: pytest.TempPathFactory, models: tuple[Model, Model]
) -> Iterator[GateWorld]:
    """dev serves the good model and has its release; staging serves nothing."""
    before = dict(os.environ)
    os.environ["KICKSTAND_LOCAL_STATE"] = str(cloud.folder.root)
    made = GateWorld(tmp_path_factory.mktemp("gates"), cloud, client)
    made.make()
    made.serve("dev", models[0])
    made.release(models[0])
    yield made
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def terminal(world: GateWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(world.folder)
    return Terminal(monkeypatch, capsys)


def asked(terminal: Terminal, *gates: str) -> tuple[int, dict[str, dict[str, Any]]]:
    only = [word for gate in gates for word in ("--only", gate)]
    screen = terminal.type("--local", "gate", "staging", "--json", *only)
    assert screen.out, screen
    return screen.code, {outcome["gate"]: outcome for outcome in json.loads(screen.out)["outcomes"]}


def passed(outcomes: dict[str, dict[str, Any]]) -> dict[str, bool]:
    return {name: outcome["passed"] for name, outcome in outcomes.items()}


def test_a_first_promotion_waits_for_its_approval_alone(world: GateWorld, terminal: Terminal) -> None:
    code, outcomes = asked(terminal, *MEASURED)
    assert code == 1
    assert passed(outcomes) == {name: name != "approval" for name in MEASURED}, outcomes
    names = world.of("staging")
    assert outcomes["not-worse"]["figure"] == f"{names.endpoint} serves nothing yet"
    assert outcomes["golden-rows"]["figure"] == f"2 of 2 reproduced by {world.name}-dev"
    assert outcomes["approval"]["figure"] == "PendingManualApproval"


def test_what_a_gate_says_to_see_oneself_runs_as_it_is_written(terminal: Terminal) -> None:
    _, outcomes = asked(terminal, "metrics", "golden-rows", "latency", "age", "artifact-scan")
    for outcome in outcomes.values():
        words = outcome["see"].split(" | ")[-1].split()
        if words[-1] == "-":  # rows come through a pipe
            row = outcome["see"].split()[1]
            Path("row.csv").write_text(f"{row}\n")
            words[-1] = "row.csv"
        screen = terminal.type(*words[1:])
        assert screen.code == 0, (outcome["see"], screen)


def test_an_approval_is_seen(world: GateWorld, terminal: Terminal) -> None:
    package = json.loads((world.cloud.releases_folder(world.name) / "dev.json").read_bytes())["model_package_arn"]
    approver = "arn:aws:iam::111122223333:user/ana"
    world.clients("dev", "sagemaker").update_model_package(
        ModelPackageArn=package, ModelApprovalStatus="Approved", ApprovalDescription=f"{approver}: Looked at it."
    )
    code, outcomes = asked(terminal, "approval")
    assert (code, outcomes["approval"]["passed"]) == (0, True), outcomes
    # What the package says of itself anybody may write; who wrote it, AWS knows.
    assert outcomes["approval"]["figure"] == "Approved by arn:aws:iam::111122223333:root: Looked at it."


def test_a_worse_model_is_not_let_in_and_a_better_one_is(
    world: GateWorld, terminal: Terminal, models: tuple[Model, Model]
) -> None:
    good, bad = models
    world.serve("staging", bad)
    code, outcomes = asked(terminal, "not-worse", "slices")
    assert (code, passed(outcomes)) == (0, {"not-worse": True, "slices": True}), outcomes
    assert ": -" in outcomes["not-worse"]["figure"]
    world.serve("staging", good)
    _, outcomes = asked(terminal, "not-worse")
    assert outcomes["not-worse"]["figure"] == f"{world.name}-staging serves the same model already"
    world.serve("dev", bad)
    world.release(bad)
    code, outcomes = asked(terminal, "not-worse", "slices")
    assert (code, passed(outcomes)) == (1, {"not-worse": False, "slices": False}), outcomes
    assert len([line for line in outcomes["slices"]["details"] if line.startswith("x ")]) == 4
    # The release of a model that dev does not serve yet.
    world.release(good)
    _, outcomes = asked(terminal, "golden-rows", "latency", "age")
    assert set(passed(outcomes).values()) == {False}
    assert outcomes["age"]["figure"].startswith("The endpoint serves another model than the release's: s3://")
    world.serve("dev", good)


def test_test_rows_are_taken_from_s3_where_they_are_not_here(
    world: GateWorld, terminal: Terminal, models: tuple[Model, Model]
) -> None:
    world.serve("staging", models[1])
    here = world.folder / "test.csv"
    content = here.read_text()
    here.write_text("1,2,3\n")
    try:
        code, outcomes = asked(terminal, "not-worse")
    finally:
        here.write_text(content)
    assert code == 0
    assert f"rows of s3://{world.of('dev').bucket}/data/" in outcomes["not-worse"]["details"][0]


def test_one_flipped_byte_in_the_bucket_is_refused(
    world: GateWorld, terminal: Terminal, models: tuple[Model, Model]
) -> None:
    s3, key = world.clients("dev", "s3"), f"models/{models[0].sha256}/model.tar.gz"
    flipped = bytearray(models[0].archive)
    flipped[100] ^= 1
    s3.put_object(Bucket=world.of("dev").bucket, Key=key, Body=bytes(flipped))
    try:
        code, outcomes = asked(terminal, "artifact-scan")
    finally:
        s3.put_object(Bucket=world.of("dev").bucket, Key=key, Body=models[0].archive)
    assert code == 1
    assert "The model artifact was changed: expected" in outcomes["artifact-scan"]["figure"]


def on_screen(terminal: Terminal, *words: str) -> Screen:
    return terminal.type("--local", "gate", *words)


def test_dev_is_asked_about_its_own_release_on_a_screen_of_its_own(world: GateWorld, terminal: Terminal) -> None:
    """The whole command, with the policy of the stacks."""
    screen = on_screen(terminal, "dev")
    lines = screen.out.splitlines()
    assert lines[0].endswith("of dev's release, against its own gates:")
    heads = [line[:21].split() for line in lines if line.startswith(("pass", "FAIL"))]
    assert [name for _, name in heads] == ["golden-rows", "policy", "artifact-scan"]
    assert heads[0][0] == heads[2][0] == "pass", screen.out
    assert screen.code == (0 if heads[1][0] == "pass" else 1)
    assert max(len(line) for line in lines if "s3://" not in line and "arn:" not in line) <= 100


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("prod",), "There is no environment 'prod'"),
        (("staging", "--from", "test"), "There is no environment 'test'"),
        (("dev", "--from", "staging"), "staging has no release yet."),
        (("staging", "--only", "golden"), "There is no gate golden; they are metrics,"),
    ],
)
def test_bad_input_ends_with_2(terminal: Terminal, words: tuple[str, ...], told: str) -> None:
    screen = on_screen(terminal, *words)
    assert screen.code == 2
    assert told in screen.err


def test_every_gate_and_every_setting_is_on_the_page() -> None:
    told = set(re.findall(r"^\| `([a-z-]+)` \|", PAGE, re.MULTILINE))
    assert told == {gate.name for gate in GATES} == set(re.findall(r"^## `([a-z-]+)`$", PAGE, re.MULTILINE))
    assert [name for name in Gates.model_fields if f"`{name}" not in PAGE] == []


@pytest.mark.parametrize("line", BLOCKS)
def test_a_command_of_the_page_runs(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, line: str) -> None:
    """Without the synthesis of the policy gate, which takes seconds and has been asked above."""
    clean = PolicyReport(findings=(), acknowledged=(), rules_run={"guard": 1}, headlines=())
    monkeypatch.setattr("review.policy.report.policy_report", lambda project, environment, releases: clean)
    screen = terminal.type("--local", *shlex.split(line)[1:])
    assert screen.code in ((0, 1) if " gate " in line else (0,)), screen
    assert screen.err == ""
