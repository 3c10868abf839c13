"""Commands of the run: each in the project's folder, with a time limit, its words kept in a log."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kickstand.errors import KickstandError, Problem
from kickstand.programs import sigint_not_ignored

_LAST_WORDS_SECONDS = 30.0
"""How long an interrupted command may take to end by itself."""
_SHOWN_LINES = 12


class CommandError(KickstandError):
    """A command ended otherwise than expected, or not within its limit."""


@dataclass
class Commands:
    """Runs commands one after another, or several at once.

    folder: of the project, where they run. logs: where each one's words go. say: prints a line.
    remaining: seconds until the whole run must end.
    lock: a file descriptor that every command inherits: its lock is held as long as one of them lives.
    """

    folder: Path
    logs: Path
    say: Callable[[str], None]
    remaining: Callable[[], float]
    lock: int | None = None
    count: int = field(default=0, init=False)

    def kickstand(self, *words: str, minutes: float = 30) -> str:
        """A command of Kickstand on the project; its words. Raises CommandError where it does not end with 0."""
        (said,) = self.together(words, minutes=minutes)
        return said

    def together(self, *lines: Sequence[str], minutes: float = 30) -> list[str]:
        """Several commands of Kickstand at once, each waited for; their words in order."""
        head = [sys.executable, "-m", "cli", "--config", str(self.folder / "kickstand.toml")]
        return self.run([([*head, *words], f"kickstand {' '.join(words)}") for words in lines], minutes=minutes)

    def git(self, *words: str) -> None:
        """A git command in the project's repository."""
        who = ("-c", "user.name=acceptance", "-c", "user.email=acceptance@example.com", "-c", "commit.gpgsign=false")
        self.run([(["git", *who, *words], f"git {' '.join(words)}")], minutes=1)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def run(self, commands: Sequence[tuple[Sequence[str], str]], *, minutes: float) -> list[str]:
        """Programs at once, each with how it is shown; what each printed."""
        limit = min(minutes * 60, self.remaining())
        if limit <= 0:
            raise CommandError(Problem("The time of the run was over before the command was started.", commands[0][1]))
        begun = [self._start(command, shown) for command, shown in commands]
        problems: list[Problem] = []
        try:
            for child, log, shown in begun:
                try:
                    code = child.wait(limit)
                except subprocess.TimeoutExpired:
                    end(child)
                    problems.append(Problem(f"`{shown}` did not end within {limit / 60:.0f} minutes.", str(log)))
                    continue
                if code != 0:
                    last = log.read_text("utf-8", "replace").strip().splitlines()[-_SHOWN_LINES:]
                    message = f"`{shown}` ended with exit code {code}."
                    problems.append(Problem(message, str(log), details=tuple(last)))
        except BaseException:
            for child, _, _ in begun:
                end(child)
            raise
        if problems:
            raise CommandError(*problems)
        return [log.read_text("utf-8", "replace") for _, log, _ in begun]

    def _start(self, command: Sequence[str], shown: str) -> tuple[subprocess.Popen[bytes], Path, str]:
        self.count += 1
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{self.count:02d}.txt"
        self.say(f"$ {shown}")
        with log.open("wb") as stream:
            stream.write(f"$ {shown}\n".encode())
            stream.flush()
            with sigint_not_ignored():
                child = subprocess.Popen(
                    command,
                    cwd=self.folder,
                    env=_variables(self.folder),
                    stdin=subprocess.DEVNULL,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a Ctrl-C is handed on by `end`, to the command and all that it started
                    pass_fds=() if self.lock is None else (self.lock,),
                )
        return child, log, shown


def end(child: subprocess.Popen[bytes]) -> None:
    """Interrupt a command and what it has started; kill them where they go on."""
    for how, seconds in ((signal.SIGINT, _LAST_WORDS_SECONDS), (signal.SIGKILL, _LAST_WORDS_SECONDS)):
        if child.poll() is not None:
            return
        try:
            os.killpg(child.pid, how)
            child.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _variables(folder: Path) -> Mapping[str, str]:
    """The process's own, with the repository importable from the project's folder."""
    repository = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, (repository, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path, "PWD": str(folder)}
