"""Mistakes at the command line: exit code 2 for what the user gave, 1 for what failed, one message, no traceback."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from project_files import SMALLEST, write
from typed import Terminal

from kickstand import cli
from kickstand.errors import InputError, KickstandError, Problem


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("upolad",), "No such command 'upolad'. Did you mean 'upload'?"),
        (("fit",), "Missing argument 'ENV'."),
        (("fit", "dev", "--fast"), "No such option: --fast"),
        (("predict", "dev", "rows.csv", "--parallel", "0"), "Invalid value for '--parallel'"),
        (("local", "start", "--port", "70000"), "Invalid value for '--port'"),
    ],
)
def test_wrong_words_show_the_usage(terminal: Terminal, words: tuple[str, ...], told: str) -> None:
    screen = terminal.type(*words)
    assert screen.code == 2
    assert told in screen.err
    assert screen.err.startswith("Usage: kickstand")
    assert len(screen.err.splitlines()) < 6


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("predict", "rows.csv"), "Expected `ENV INPUT.csv`, or `--endpoint NAME INPUT.csv`, found `rows.csv`."),
        (("predict", "dev", "-", "--accept", "xml"), "--accept: Expected csv or json, found 'xml'."),
        (("predict", "dev", "no.csv", "-o", "."), "2 problems:"),
        (("predict", "dev", "-", "--accept", "json", "--original-units"), "--original-units works on the csv form."),
        (("fit", "dev", "--follow", "a", "--stop", "b"), "--follow and --stop were given together."),
        (("--config", "no.toml", "fit", "dev"), "no.toml: There is no such project file."),
        (("--config", "no.toml", "local", "start"), "no.toml: There is no such project file."),
    ],
)
def test_wrong_arguments_are_told_before_anything_is_asked(
    terminal: Terminal, words: tuple[str, ...], told: str
) -> None:
    screen = terminal.type(*words)
    assert (screen.code, screen.out) == (2, "")
    assert told in screen.err


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("staging", "Name one of them, or give the project a table [environments.staging]."),
        ("dve", "Did you mean dev?"),
        ("laboratory", "Name one of them."),
    ],
)
def test_an_unknown_environment_says_which_there_are(terminal: Terminal, tmp_path: Path, name: str, fix: str) -> None:
    config = write(tmp_path, SMALLEST)
    screen = terminal.type("--config", config, "fit", name)
    assert screen.code == 2
    assert screen.err == f"error: {config}: There is no environment '{name}'; the project has dev.\n       {fix}\n"


def test_answers_never_take_the_place_of_the_rows(terminal: Terminal, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("1,2\n")
    screen = terminal.type("predict", "dev", rows, "-o", f"{tmp_path}/../{tmp_path.name}/rows.csv")
    assert screen.code == 2
    assert "The answers would take the place of the rows." in screen.err
    assert rows.read_text() == "1,2\n"


@pytest.mark.parametrize(
    ("failure", "code", "told"),
    [
        (KickstandError("It broke."), 1, "error: It broke.\n"),
        (InputError(Problem("Bad.", "a.csv:1", "Mend it.")), 2, "error: a.csv:1: Bad.\n       Mend it.\n"),
        (KeyboardInterrupt(), 1, f"\n{cli.INTERRUPTED}\n"),
        (
            OSError(28, "No space left on device", "/x"),
            1,
            "error: Failed while running this command: /x: No space left on device.\n"
            "       Make room on the disk, then run the same command.\n",
        ),
    ],
)
def test_whatever_fails_is_one_message_and_an_exit_code(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, failure: BaseException, code: int, told: str
) -> None:
    def failing(path: Path) -> None:
        raise failure

    monkeypatch.setattr("kickstand.config.load.load_project", failing)
    screen = terminal.type("fit", "dev")
    assert (screen.code, screen.out, screen.err) == (code, "", told)


def test_a_fault_of_the_program_keeps_its_traceback(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(path: Path) -> None:
        raise KeyError("a fault")

    monkeypatch.setattr("kickstand.config.load.load_project", failing)
    with pytest.raises(KeyError, match="a fault"):
        terminal.type("fit", "dev")


def test_a_question_without_a_terminal_is_answered_no(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KICKSTAND_LOCAL_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    screen = terminal.type("local", "reset")
    assert (screen.code, screen.err.strip()) == (1, cli.DECLINED)


@pytest.mark.parametrize("buffering", ["", "1"])
@pytest.mark.parametrize("words", ["--help", "--version"])
def test_a_full_disk_behind_standard_output_is_told(words: str, buffering: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m kickstand {words} >/dev/full"],
        env={**os.environ, "PYTHONUNBUFFERED": buffering},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.count("No space left on device")) == (1, 1)
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_a_running_command_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "server.log").write_text("begun\n")
    command = subprocess.Popen(
        [sys.executable, "-m", "kickstand", "local", "logs", "--follow"],
        env={**os.environ, "KICKSTAND_LOCAL_STATE": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    assert command.stdout is not None
    assert command.stdout.readline() == "begun\n"
    time.sleep(0.1)
    os.killpg(command.pid, signal.SIGINT)
    _, err = command.communicate(timeout=20)
    assert (command.returncode, err) == (1, f"\n{cli.INTERRUPTED}\n")
