"""`kickstand traffic` against deployed endpoints: what it counts, finds and says."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from gate_world import GateWorld, train
from sagemaker_world import Client, wait_for
from typed import Terminal

from localcloud.cloud import LocalCloud
from training.traffic import runs

PAGE = Path(__file__).resolve().parents[2] / "docs" / "traffic.md"
COMMANDS = re.findall(r"^    kickstand (.*?)(?: *#.*)?$", PAGE.read_text("utf-8"), re.MULTILINE)
PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def world(cloud: LocalCloud, client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GateWorld]:
    """dev serves a model and has its release."""
    before = dict(os.environ)
    os.environ["KICKSTAND_LOCAL_STATE"] = str(cloud.folder.root)
    made, model = GateWorld(tmp_path_factory.mktemp("traffic"), cloud, client), train(30)
    made.make()
    made.serve("dev", model)
    made.release(model)
    yield made
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def terminal(world: GateWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    monkeypatch.chdir(world.folder)
    return Terminal(monkeypatch, capsys)


def test_traffic_is_counted_shown_and_drawn(world: GateWorld, terminal: Terminal) -> None:
    screen = terminal.type("--local", "traffic", "dev", "--rate", 60, "--for", "3s", "--json", "--picture", "a.png")
    assert screen.code == 0, screen
    found = json.loads(screen.out)
    assert {name: found[name] for name in ("endpoint", "planned", "sent", "answered", "failed", "errors")} == {
        "endpoint": world.of("dev").endpoint,
        "planned": 180,
        "sent": 180,
        "answered": 180,
        "failed": 0,
        "errors": {},
    }
    assert found["variants"] == {"all": 180}
    assert found["golden_answers"] == {"released": 18, "another": 0}
    assert found["rate"] == pytest.approx(60)
    assert 0 < found["latency_ms"]["p50"] <= found["latency_ms"]["p99"] <= found["latency_ms"]["max"]
    assert "1 x ml.m5.large, which are billed with and without requests: 3 s in us-east-1, at 0.115 USD" in screen.err
    assert Path("a.png").read_bytes().startswith(PNG)


def test_several_rows_in_a_request_and_a_table(terminal: Terminal) -> None:
    screen = terminal.type("--local", "traffic", "dev", "--rate", 20, "--for", "1s", "--rows-per-request", 50)
    assert screen.code == 0, screen
    lines = [" ".join(line.replace("│", " ").split()) for line in screen.out.splitlines()]
    assert "requests 20 of 20 planned" in lines
    assert "by the variant all 20" in lines
    assert "golden rows, as the release says 2" in lines


def test_the_limit_of_an_instance(world: GateWorld, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """No endpoint answers a thousand rows in a tenth of a millisecond, so the first rate does not hold."""
    words = ("--rate", 20, "--for", "1s", "--find-limit")
    screen = terminal.type("--local", "traffic", "dev", *words, 0.1, "--rows-per-request", 1000)
    assert screen.code == 1, screen
    assert f"error: endpoint {world.of('dev').endpoint}: At the first rate, 20 a second, p99 is " in screen.err
    monkeypatch.setattr(runs, "MOST_RATE", 40)
    screen = terminal.type("--local", "traffic", "dev", *words, 60_000, "--json")
    assert screen.code == 0, screen
    found = json.loads(screen.out)
    assert [(step["planned_rate"], step["verdict"], step["sent"]) for step in found["steps"]] == [
        (20, "holds", 20),
        (40, "holds", 40),
    ]
    names = ("instances", "limit_ms", "requests_a_second", "requests_a_minute_an_instance")
    assert [found[name] for name in names] == [1, 60_000, 40, 2400]
    screen = terminal.type("--local", "traffic", "dev", *words, 60_000)
    assert screen.out.splitlines()[-3:] == [
        "40.0 requests a second within 60000 ms (p99) on 1 instance: one bears 40.0 a second, 2,400 a minute.",
        "The search ended at its highest rate: the endpoint may bear more.",
        "As a target of [hosting.scaling], half of what one bears: invocations_per_minute = 1200",
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_pages_commands(
    command: str, world: GateWorld, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each for a second, at few requests."""
    monkeypatch.setattr(runs, "MOST_RATE", 100)
    command = re.sub(r"--for \S+", "", command)
    command = re.sub(r"--rate \d+", "--rate 20", re.sub(r"--find-limit \d+", "--find-limit 30000", command))
    screen = terminal.type("--local", *shlex.split(command), "--for", "1s")
    assert screen.code == 0, screen


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) == 5


def test_what_is_missing_or_out_of_range_is_said(
    world: GateWorld, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = terminal.type(
        "--local", "traffic", "dev", "--rate", 0, "--for", "2h", "--rows-per-request", 0, "--connections", 999
    )
    assert screen.code == 2, screen
    assert screen.err.splitlines() == [
        "4 problems:",
        "  - --rate: Expected 0.1 to 10,000 requests a second, found 0.",
        "  - --for: Expected 1 to 3,600 seconds, found 7200.",
        "  - --rows-per-request: Expected 1 to 10,000 rows, found 0.",
        "  - --connections: Expected 1 to 512 connections, found 999.",
    ]
    assert "--for: Expected a time, found 'soon'." in terminal.type("--local", "traffic", "dev", "--for", "soon").err
    screen = terminal.type("--local", "traffic", "staging")
    assert screen.code == 2, screen
    assert "staging.json" in screen.err
    text = world.toml.read_text()
    world.toml.write_text(text.replace('test = "test.csv"\n', ""))
    screen = terminal.type("--local", "traffic", "dev")
    world.toml.write_text(text)
    assert (screen.code, "There is no test channel." in screen.err) == (2, True), screen


def test_another_model_and_no_endpoint(world: GateWorld, terminal: Terminal) -> None:
    """The release stays, and the endpoint serves a model of two rounds; then it is deleted."""
    world.serve("dev", train(2))
    screen = terminal.type("--local", "traffic", "dev", "--rate", 40, "--for", "1s", "--json")
    assert screen.code == 0, screen
    assert json.loads(screen.out)["golden_answers"] == {"released": 0, "another": 4}
    sagemaker, name = world.clients("dev", "sagemaker"), world.of("dev").endpoint
    sagemaker.delete_endpoint(EndpointName=name)
    wait_for(lambda: sagemaker.list_endpoints(NameContains=name)["Endpoints"], lambda found: not found, 30)
    screen = terminal.type("--local", "traffic", "dev", "--rate", 40, "--for", "1s")
    assert screen.code == 1, screen
    assert f"endpoint {name}: There is no such endpoint." in screen.err
    assert "kickstand --local deploy dev" in screen.err
