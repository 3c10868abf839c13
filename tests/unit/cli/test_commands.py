"""The table of commands: it says what the modules say, and asking for help stays quick."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
import typer
from source_tree import PACKAGES, REPOSITORY, SourceTree, statements
from typed import Terminal

from cli.commands import COMMANDS

HELP = """\
Usage: kickstand [OPTIONS] COMMAND [ARGS]...

  From CSV files to a SageMaker XGBoost HTTPS endpoint: reviewed, promotable,
  and runnable on a laptop.

Options:
  --config FILE  The project file. Default: kickstand.toml.
  --local        Use the local cloud on this machine; it is started when
                 needed.
  --version      Print the version and stop.
  --help         Show this message and exit.

Commands:
  upload          Check the data and upload it; what is there already is...
  fit             Check, upload, train, and write the release.
  adopt           Make a release of any completed training job of the...
  approve         Approve the model of ENV's release, in the model...
  assembly        Synthesise the environments and print the SHA-256 of...
  reject          Reject the model of ENV's release, in the model...
  deploy          Deploy the environment's stacks: training, and hosting...
  access          Show what the deployed stacks allow: to the endpoint's...
  cost            Say what training, endpoint and transform jobs have...
  status          Say whether the endpoint is up, which model it serves...
  console         Show the environment live in the browser: jobs,...
  verify          Verify release, signature, artifact and live endpoint...
  predict         Send rows of features through an endpoint; one answer a...
  transform       Send rows through a batch transform job; one answer a...
  evaluate        Send the test channel through the endpoint; report...
  traffic         Send rows of the test channel to the endpoint at a...
  captured        Read the requests that the endpoint has captured, as...
  review          Make the review bundle of an environment: index.html,...
  destroy         Delete the environment's stacks, hosting first; fail...
  doctor          Check credentials, quotas, bootstrap, roles, keys,...
  gate            Check the gates of an environment for the release that...
  init            Write the workflows that review pull requests and...
  demo            The example from CSV files to predictions, in the local...
  demo-promotion  Models on their way from dev to staging to prod: gates,...
  promote         Check TO's gates; then copy FROM's model under its...
  rollback        Restore an earlier release byte for byte, once the...
  release         The release of an environment: show, check, diff,...
  local           The local cloud: an AWS on this machine that trains and...
"""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_has_the_first_sentence_of_each_commands_help(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module, _, attribute = COMMANDS[name].target.partition(":")
    target = getattr(import_module(module), attribute)
    text = str(target.info.help if isinstance(target, typer.Typer) else target.__doc__)
    assert COMMANDS[name].help == text.splitlines()[0].partition(". ")[0].removesuffix(".") + "."
    shown = Terminal(monkeypatch, capsys).type(name, "--help")
    assert (shown.code, shown.out.split()[:3]) == (0, ["Usage:", "kickstand", name])
    assert COMMANDS[name].help in " ".join(shown.out.split())


def test_every_command_is_in_the_table() -> None:
    """A command is a public function of `cli` with a context, which its module has not put into a group itself."""
    found = {
        f"{_dotted(path)}:{node.name}"
        for path in (REPOSITORY / "cli").rglob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.FunctionDef)
        and not (node.name.startswith("_") or node.decorator_list)
        and ast.unparse(node.returns or ast.Constant(None)) == "None"
        and any(ast.unparse(each.annotation or node) == "typer.Context" for each in node.args.args[:1])
    }
    listed = {entry.target for entry in COMMANDS.values() if not entry.target.endswith(":app")}
    assert found == listed - {"cli.demo.promotion:demo_promotion"}  # it opens a project of its own


def _dotted(path: Path) -> str:
    return path.relative_to(REPOSITORY).with_suffix("").as_posix().replace("/", ".")


def test_the_commands_in_their_order(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert Terminal(monkeypatch, capsys).type("--help").out == HELP


LOADED = """
import importlib, sys
import typer
before = set(sys.modules)
for name in sys.argv[1:]:
    importlib.import_module(name)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
"""


def test_the_help_of_no_command_loads_more_than_typer() -> None:
    """boto3, numpy and pydantic take several times as long to load as all of `cli`."""
    modules = sorted({entry.target.partition(":")[0] for entry in COMMANDS.values()})
    done = subprocess.run(
        [sys.executable, "-c", LOADED, "cli.commands", *modules],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) - {*PACKAGES, *sys.stdlib_module_names} == set()


def test_a_command_imports_in_functions_only_what_loads_more() -> None:
    tree = SourceTree()
    named = {path: set(_third_parties(parsed)) for path, parsed in tree.trees.items()}
    edges: dict[str, set[str]] = {path: set() for path in named}
    for one in tree.imports:
        if one.when == "module":
            edges[one.source].add(one.target)

    def loaded(path: str) -> set[str]:
        seen, todo = set[str](), [path]
        while todo:
            if (one := todo.pop()) not in seen:
                seen.add(one)
                todo += edges[one]
        return set[str]().union(*(named[one] for one in seen))

    hidden = [
        f"{one.source}:{one.line} imports {one.target}"
        for one in tree.imports
        if one.source.startswith("cli/") and one.when == "function" and not loaded(one.target)
    ]
    # cli/main.py understands Ctrl-C before anything is imported.
    assert [line for line in hidden if not line.startswith("cli/main.py:")] == []


def _third_parties(node: ast.AST) -> Iterator[str]:
    """What a module loads when it is imported, beside our own, typer and the standard library without asyncio."""
    for child in statements(node):
        names: list[str] = []
        if isinstance(child, ast.Import):
            names = [alias.name for alias in child.names]
        elif isinstance(child, ast.ImportFrom):
            names = [child.module or ""]
        elif not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and not (
            isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING"
        ):
            yield from _third_parties(child)
        heads = {name.partition(".")[0] for name in names}
        yield from heads - ({*PACKAGES, *sys.stdlib_module_names, "typer"} - {"asyncio"})
