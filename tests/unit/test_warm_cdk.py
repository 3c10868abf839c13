"""The CDK command line that tests run without its start says and does what the pinned one does."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from typed_command import printed_to
from warm_cdk import cdk_program, run_warm

from deployment.cdk import CLI, node
from kickstand.json_text import parse_json
from kickstand.programs import run_child


def ran(
    run: Callable[..., int], words: list[str], folder: Path, variables: Mapping[str, str]
) -> tuple[int, bytes, bytes]:
    """Exit code, output and standard error of a command of the CDK."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with printed_to(out, err):
            code = run([node(), str(CLI), *words], cwd=folder, env=variables)
        out.seek(0)
        err.seek(0)
        return code, out.read(), err.read()


@pytest.fixture
def variables() -> dict[str, str]:
    others = {name: value for name, value in os.environ.items() if name != "CDK_APP"}
    return {**others, "AWS_REGION": "us-east-1", "CDK_DISABLE_CLI_TELEMETRY": "true"}


def test_a_warm_command_ends_as_one_that_is_started(tmp_path: Path, variables: dict[str, str]) -> None:
    """Given a folder without an app; one whose app fails, which sees the command's folder and variables."""
    (tmp_path / "app.sh").write_text('echo "$PWD $COLOUR" >&2; exit 3')
    for words, seen in (["synth"], "--app is required"), (["ls", "--app", "sh app.sh"], f"{tmp_path} blue"):
        started = ran(run_child, words, tmp_path, {**variables, "COLOUR": "blue"})
        assert ran(run_warm, words, tmp_path, {**variables, "COLOUR": "blue"}) == started
        assert (started[0], seen in started[2].decode()) == (1, True)


def test_a_program_of_its_name_runs_it_from_another_process(tmp_path: Path, variables: dict[str, str]) -> None:
    with tempfile.TemporaryFile() as out, cdk_program(tmp_path) as program:
        with printed_to(out, out):
            code = run_child([str(program), "cdk", "--version"], cwd=tmp_path, env=variables)
        out.seek(0)
        version = parse_json((CLI.parents[1] / "package.json").read_text("utf-8"))["version"]
        assert (code, out.read().decode().partition(" ")[0]) == (0, version)
