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

from cli import main
from kickstand.aws.errors import aws_error
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
        (InputError(Problem("Bad.", "a.csv:1", "Fix it.")), 2, "error: a.csv:1: Bad.\n       Fix it.\n"),
        (KeyboardInterrupt(), 1, f"\n{main.INTERRUPTED}\n"),
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


def test_a_fault_of_the_program_keeps_its_traceback_with_nothing_that_a_terminal_obeys(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(path: Path) -> None:
        raise KeyError("a fault \x1b[2J")

    monkeypatch.setattr("kickstand.config.load.load_project", failing)
    monkeypatch.setattr(sys, "argv", ["kickstand", "fit", "dev"])
    assert main.run() == 1
    err = capsys.readouterr().err
    assert err.startswith("Traceback (most recent call last):\n")
    assert err.endswith("KeyError: 'a fault \\x1b[2J'\n")


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (PermissionError(13, "Permission denied", "/r/a"), "Check the permissions of the file and of its folders"),
        (OSError(30, "Read-only file system", "/r/a"), "Choose a place that can be written."),
        (OSError(36, "File name too long", "/r/a"), "Choose a shorter name."),
        (IsADirectoryError(21, "Is a directory", "/r/a"), "Name a file, not a folder."),
        (OSError(24, "Too many open files"), "ulimit -n"),
        (OSError(40, "Too many levels of symbolic links", "/r/a"), "name the file itself"),
        (OSError(122, "Disk quota exceeded", "/r/a"), "Make room"),
        (MemoryError(), "There is not enough memory for this command."),
        (RecursionError("maximum recursion depth exceeded"), "nested too deeply"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "use a UTF-8 locale"),
        (UnicodeEncodeError("latin-1", "\u2026", 0, 1, "ordinal not in range"), "use a UTF-8 locale"),
    ],
)
def test_whatever_the_machine_refuses_is_one_message(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, failure: BaseException, told: str
) -> None:
    def failing(path: Path) -> None:
        raise failure

    monkeypatch.setattr("kickstand.config.load.load_project", failing)
    screen = terminal.type("fit", "dev")
    assert (screen.code, screen.out, screen.err.count("error: ")) == (1, "", 1)
    assert told in screen.err
    assert len(screen.err.splitlines()) <= 2


def test_a_full_folder_for_temporary_files_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Usage:
        free = 4096

    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("shutil.disk_usage", lambda place: Usage if place == tmp_path else os)
    monkeypatch.setattr(os, "free", 1 << 30, raising=False)
    (problem,) = aws_error(OSError(28, "No space left on device"), "x").problems
    assert problem.fix == f"Make room in {tmp_path}, then run the same command."


def test_a_locale_without_unicode_prints_escapes(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cli", "--config", "grün\u2026\udcff.toml", "fit", "dev"],
        env={**os.environ, "PYTHONUTF8": "0", "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: gr\xfcn\\u2026\\udcff.toml: There is no such project file.")


def test_a_question_without_a_terminal_is_answered_no(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("KICKSTAND_LOCAL_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    screen = terminal.type("local", "reset")
    assert (screen.code, screen.err.strip()) == (1, main.DECLINED)


@pytest.mark.parametrize("buffering", ["", "1"])
@pytest.mark.parametrize("words", ["--help", "--version"])
def test_a_full_disk_behind_standard_output_is_told(words: str, buffering: str) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", f"exec {sys.executable} -m cli {words} >/dev/full"],
        env={**os.environ, "PYTHONUNBUFFERED": buffering},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr.count("No space left on device")) == (1, 1)
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_a_running_command_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "server.log").write_text("begun\n")
    command = subprocess.Popen(
        [sys.executable, "-m", "cli", "local", "logs", "--follow"],
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
    assert (command.returncode, err) == (1, f"\n{main.INTERRUPTED}\n")
