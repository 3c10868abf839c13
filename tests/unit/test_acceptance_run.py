"""An acceptance run before it makes anything: its question, its lock, its commands and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from acceptance import __main__ as program
from acceptance import run as running
from acceptance.commands import CommandError, Commands, end
from acceptance.run import alone, interruptible
from kickstand.errors import KickstandError

REPOSITORY = Path(__file__).resolve().parents[2]
TOML = """\
[project]
name = "bikes"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 9
[environments.dev]
account = "111122223333"
region = "us-east-1"
"""


def accept(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "kickstand.toml").write_text(TOML)
    command = [sys.executable, "-m", "acceptance", "--config", str(folder / "kickstand.toml")]
    return subprocess.run(
        [*command, "--folder", str(folder / "runs"), *words],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_it_is_refused_without_yes_where_there_is_no_terminal_and_says_the_price_first(tmp_path: Path) -> None:
    done = accept(tmp_path, "dev")
    assert done.returncode == 2
    assert "This costs about $" in done.stdout
    assert "there is no terminal to ask on" in done.stderr
    assert "--yes" in done.stderr
    assert not (tmp_path / "runs").exists()


def test_an_unknown_environment_is_named_with_those_that_there_are(tmp_path: Path) -> None:
    done = accept(tmp_path, "prod", "--yes")
    assert done.returncode == 2
    assert "There is no environment 'prod'; the project has dev." in done.stderr


class Terminal:
    """A terminal on which one answer is typed."""

    def __init__(self, answer: str) -> None:
        self.answer = answer

    def isatty(self) -> bool:
        return True

    def readline(self) -> str:
        return f"{self.answer}\n"


@pytest.mark.parametrize(("answer", "goes_on"), [("y", True), ("Yes", True), ("", False), ("n", False)])
def test_on_a_terminal_only_a_yes_goes_on(monkeypatch: pytest.MonkeyPatch, answer: str, goes_on: bool) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr("builtins.input", lambda question: answer)
    options = program.read_options(["dev"])
    if goes_on:
        program.confirm(options)
    else:
        with pytest.raises(KickstandError, match="Nothing was made"):
            program.confirm(options)


def commands(folder: Path, *, remaining: float = 60.0, lock: int | None = None) -> Commands:
    folder.mkdir(exist_ok=True)
    return Commands(folder, folder / "logs", lambda line: None, lambda: remaining, lock)


def python(text: str) -> tuple[list[str], str]:
    return [sys.executable, "-c", text], "python"


def test_a_commands_words_come_back_and_lie_in_a_log(tmp_path: Path) -> None:
    run = commands(tmp_path)
    assert run.run([python("print('first')"), python("print('second')")], minutes=1) == [
        "$ python\nfirst\n",
        "$ python\nsecond\n",
    ]
    assert (tmp_path / "logs" / "02.txt").read_text() == "$ python\nsecond\n"


def test_a_command_that_fails_ends_on_its_last_lines(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as failed:
        commands(tmp_path).run([python("import sys; print('error: no'); sys.exit(3)")], minutes=1)
    assert "`python` ended with exit code 3:\n$ python\nerror: no" in str(failed.value)


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = "import time; time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{child}']).wait()"
    began = time.monotonic()
    with pytest.raises(CommandError, match="did not end within"):
        commands(tmp_path, remaining=1.0).run([python(parent)], minutes=10)
    assert time.monotonic() - began < 40
    assert not running_in(tmp_path)


def running_in(folder: Path) -> list[str]:
    """The processes that work in a folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == folder.resolve():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found


def test_no_command_is_started_when_the_time_of_the_run_is_over(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="The time of the run was over"):
        commands(tmp_path, remaining=0.0).run([python("print(1)")], minutes=1)
    assert not (tmp_path / "logs").exists()


def test_ending_a_command_that_has_ended_does_nothing() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"], start_new_session=True)
    child.wait()
    end(child)
    assert child.returncode == 0


def test_a_second_run_waits_for_a_command_of_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command inherits the lock: it is held although the run that started it is gone."""
    monkeypatch.setattr(running, "WAIT_SECONDS", 0.5)
    with alone(tmp_path, print) as lock:
        child = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE, pass_fds=(lock.fileno(),)
        )
    said: list[str] = []
    try:
        with pytest.raises(KickstandError, match="is at work on this machine"), alone(tmp_path, said.append):
            pass
    finally:
        child.communicate(b"")
    assert said == ["Waiting for another run, or a command that one has started …"]
    with alone(tmp_path, said.append):
        assert len(said) == 1


def test_being_terminated_is_being_interrupted() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), interruptible():
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGTERM)).start()
        time.sleep(30)
    assert signal.getsignal(signal.SIGTERM) is before
