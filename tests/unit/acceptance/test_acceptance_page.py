"""docs/acceptance.md: its commands are those that make and the program take, its questions those that are asked."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from acceptance.__main__ import read_options
from acceptance.steps import STEPS

REPOSITORY = Path(__file__).resolve().parents[3]
PAGE = (REPOSITORY / "docs" / "acceptance.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]


def words_of(command: str) -> list[str]:
    """What `make` would give to the program, by make itself."""
    printed = subprocess.run(
        [*shlex.split(command), "--just-print", "--silent"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    (line,) = [each for each in printed.stdout.splitlines() if " -m acceptance" in each]
    return shlex.split(line.partition(" -m acceptance")[2])


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_is_one_that_make_and_the_program_take(command: str) -> None:
    options = read_options(words_of(command))
    assert options.env == "dev"
    assert (options.to == "staging") == ("TO=" in command)
    assert options.yes == ("YES=" in command)
    assert options.remove == ("REMOVE=" in command)
    assert options.local == ("LOCAL=" in command)


def test_make_names_the_environment_that_is_missing() -> None:
    printed = subprocess.run(["make", "acceptance", "--just-print"], cwd=REPOSITORY, capture_output=True, text=True)
    assert printed.returncode == 2
    assert "Say which environment's account: make acceptance ENV=dev" in printed.stderr


def test_each_question_of_the_page_names_the_modules_that_its_steps_put_to_aws() -> None:
    rows = re.findall(r"^\| (\d) \| .*? \| (.*?) \|$", PAGE, re.MULTILINE)
    assert [int(number) for number, _ in rows] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    for number, cell in rows:
        modules = {each.module for step in STEPS if step.number == int(number) for each in step.assumptions}
        assert set(re.findall(r"`([\w/]+\.py)`", cell)) <= modules, number
