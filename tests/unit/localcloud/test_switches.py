"""The switches of the local cloud: defaults, what can be set, and those that work once."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.local import app
from kickstand.errors import InputError
from localcloud import state
from localcloud.state import MODEL_ROLE, STOPPED_JOB, StateFolder, Switches


def test_every_switch_stands_at_its_first_value_until_it_is_set(tmp_path: Path) -> None:
    mine = Switches(StateFolder(tmp_path))
    assert {one.name: mine.value(one) for one in state.SWITCHES} == {
        "stopped-job": "fails",
        "model-role": "at-once",
        "machine-role": "at-once",
        "idle-metrics": "none",
        "one-instance-step": "refused",
        "rolled-back-update": "fails",
        "unreadable-alarms": "roll-back",
        "deletion-in-update": "fails",
        "retained-capture": "kept",
    }
    mine.set("stopped-job", "completes")
    assert Switches(StateFolder(tmp_path)).value(STOPPED_JOB) == "completes"
    (tmp_path / "switches.json").write_text('{"stopped-job": "unheard of"}')
    assert mine.value(STOPPED_JOB) == "fails"
    (tmp_path / "switches.json").write_text("[")
    assert mine.value(STOPPED_JOB) == "fails"


def test_what_happens_once_happens_once(tmp_path: Path) -> None:
    mine = Switches(StateFolder(tmp_path))
    mine.set("stopped-job", "completes")
    mine.set("model-role", "late")
    assert [mine.take(MODEL_ROLE), mine.take(MODEL_ROLE)] == [True, False]
    assert mine.value(STOPPED_JOB) == "completes"


def test_a_process_that_serves_nothing_has_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "_serving", None)
    assert (state.stands_at(STOPPED_JOB), state.taken(MODEL_ROLE)) == ("fails", False)
    state.serve(StateFolder(tmp_path))
    Switches(StateFolder(tmp_path)).set("model-role", "late")
    assert [state.taken(MODEL_ROLE), state.taken(MODEL_ROLE)] == [True, False]


def test_the_command_lists_sets_and_refuses_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KICKSTAND_LOCAL_STATE", str(tmp_path))
    listed = CliRunner().invoke(app, ["switch"]).output.splitlines()
    assert [line.split()[:2] for line in listed] == [
        ["stopped-job", "fails"],
        ["model-role", "at-once"],
        ["machine-role", "at-once"],
        ["idle-metrics", "none"],
        ["one-instance-step", "refused"],
        ["rolled-back-update", "fails"],
        ["unreadable-alarms", "roll-back"],
        ["deletion-in-update", "fails"],
        ["retained-capture", "kept"],
    ]
    said = CliRunner().invoke(app, ["switch", "stopped-job", "completes"]).output
    assert said.split()[:2] == ["stopped-job", "completes"]
    for words, message in (
        (["switch", "stopped"], "Expected SWITCH and VALUE"),
        (["switch", "stopped", "x"], "There is no switch stopped"),
        (["switch", "stopped-job", "x"], "The switch stopped-job cannot be set to x"),
    ):
        with pytest.raises(InputError, match=message):
            CliRunner().invoke(app, words, catch_exceptions=False)
