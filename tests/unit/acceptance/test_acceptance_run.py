"""An acceptance run before it makes anything: its question, its lock, its commands and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from acceptance import __main__ as program
from acceptance import run as running
from acceptance.commands import CommandError, Commands, end
from acceptance.leftovers import Leftover
from acceptance.project import Plan
from acceptance.run import EndedEarly, alone, interruptible
from acceptance.step import Assumption, Observed, Step, Verdict, World
from benchmarks.measure import working_in
from kickstand.config.load import load_project
from kickstand.errors import KickstandError

REPOSITORY = Path(__file__).resolve().parents[3]
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
    assert "there is no terminal for a yes or no" in done.stderr
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
    (problem,) = failed.value.problems
    assert (problem.message, problem.details) == ("`python` ended with exit code 3.", ("$ python", "error: no"))


def test_a_command_that_does_not_end_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    child = "import time; time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', '{child}']).wait()"
    with pytest.raises(CommandError, match="did not end within"):
        commands(tmp_path, remaining=1.0).run([python(parent)], minutes=10)
    assert working_in(tmp_path) == {}


def test_a_command_may_end_its_work_also_where_the_run_ignores_sigint(tmp_path: Path) -> None:
    """As a run does that a script starts with `&`."""
    program = "import time\ntry: time.sleep(600)\nexcept KeyboardInterrupt: print('tidied up')"
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with pytest.raises(CommandError, match="did not end within"):
            commands(tmp_path, remaining=1.0).run([python(program)], minutes=10)
    finally:
        signal.signal(signal.SIGINT, before)
    assert (tmp_path / "logs" / "01.txt").read_text() == "$ python\ntidied up\n"


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


def plan_of(folder: Path) -> Plan:
    (folder / "kickstand.toml").write_text(TOML)
    dev = load_project(folder / "kickstand.toml").environments["dev"]
    return Plan(dev, dev, "20261128T202600Z")


class Clearing:
    """In the place of everything that reaches AWS: what was removed, and what is left."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, left: list[Leftover], set_up: Exception | None = None) -> None:
        self.times = 0

        def cleared(world: World, say: object) -> tuple[list[Leftover], list[str]]:
            self.times += 1
            return left, []

        def prepare(world: World, *, bootstrap: bool) -> None:
            if set_up is not None:
                raise set_up

        monkeypatch.setattr(running, "_cleared", cleared)
        monkeypatch.setattr(running, "_set_up", prepare)
        monkeypatch.setattr(running, "_used", lambda world: ())


def step(key: str, work: Callable[[World], Observed]) -> Step:
    return Step(key, key, "?", (Assumption("a.py", "A holds."),), work, "Change it.")


def interrupt(world: World) -> Observed:
    raise KeyboardInterrupt


def fine(world: World) -> Observed:
    return Observed(("seen",))


STEPS = (step("first", fine), step("second", interrupt), step("third", fine))


def test_an_interrupted_run_is_removed_and_says_what_was_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clearing, said = Clearing(monkeypatch, []), list[str]()
    with pytest.raises(EndedEarly) as early:
        running.run(tmp_path, plan_of(tmp_path), STEPS, said.append, lock=0, bootstrap=False)
    assert isinstance(early.value.__cause__, KeyboardInterrupt)
    assert clearing.times == 1
    assert [one.verdict for one in early.value.ended.outcomes] == [Verdict.PROVEN, Verdict.NOT_RUN, Verdict.NOT_RUN]
    assert said[-1].startswith("Interrupted: what was made is removed now.")
    assert not (tmp_path / "project").exists()


def test_where_something_is_left_the_project_stays_for_the_next_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    one = Leftover("stack", "ks-accept-42cf-dev-key", "account …3333, us-east-1", "aws cloudformation delete-stack")
    Clearing(monkeypatch, [one])
    with pytest.raises(EndedEarly) as early:
        running.run(tmp_path, plan_of(tmp_path), STEPS, lambda line: None, lock=0, bootstrap=False)
    assert (tmp_path / "project" / "kickstand.toml").exists()
    program.say_left(early.value.ended, program.read_options(["dev"]))
    assert capsys.readouterr().out.splitlines() == [
        "Left behind; the next run removes it first, and so does: python -m acceptance dev --remove",
        "  stack ks-accept-42cf-dev-key (account …3333, us-east-1)",
        "    aws cloudformation delete-stack",
    ]


def test_a_run_that_cannot_begin_is_removed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = KickstandError("The CDK bootstrap stack is missing.")
    clearing = Clearing(monkeypatch, [], refusal)
    with pytest.raises(EndedEarly) as early:
        running.run(tmp_path, plan_of(tmp_path), STEPS, lambda line: None, lock=0, bootstrap=False)
    assert early.value.__cause__ is refusal
    assert clearing.times == 1
    assert {one.verdict for one in early.value.ended.outcomes} == {Verdict.NOT_RUN}
