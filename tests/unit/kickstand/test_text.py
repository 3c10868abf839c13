"""Text of others on a screen: shown, never obeyed, never longer than a person reads; and nothing prints past it."""

from __future__ import annotations

import ast
import io
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.progress import Progress, TextColumn
from rich.table import Table
from source_tree import dotted_name

from kickstand.console import echo, echo_json, echo_text, error_lines, make_console, show_error
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.text import cut, one_line, plain, plain_json, plain_lines

ROOT = Path(__file__).resolve().parents[3]
HOSTILE = "a\x1b[2J\x07\x9b31m\u202eb\u2066\udc80\x7f[bold]:smile:\tc\r"
SHOWN = r"a\x1b[2J\x07\x9b31m\u202eb\u2066\udc80\x7f[bold]:smile:"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("grün 日本 🙂 'x'", "grün 日本 🙂 'x'"),
        ("\x1b]0;t\x07", r"\x1b]0;t\x07"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\u202e\u2066\u200f\ufeff\u2028", r"\u202e\u2066\u200f\ufeff\u2028"),
        ("\udcff", r"\udcff"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert plain(text) == shown


def test_lines_stay_lines_and_are_no_commands_of_a_runner() -> None:
    assert plain_lines("a\r\n\tb\x1b\n") == "a\n\tb\\x1b\n"
    assert plain_lines("::add-mask::x\n  ::set-output name=a::b\nx ##[error]\narn:aws:iam::1:x") == (
        "\\x3a:add-mask::x\n  \\x3a:set-output name=a::b\nx \\x23#[error]\narn:aws:iam::1:x"
    )
    assert one_line("\na\nerror: b\n") == "\na\\nerror: b\n"


@given(st.text(alphabet=st.characters()))
def test_json_that_is_made_visible_means_the_same(text: str) -> None:
    written = json.dumps({text: [text]}, ensure_ascii=False, indent=1)
    shown = plain_json(written)
    assert json.loads(shown) == {text: [text]}
    assert shown.replace("\n", "").isprintable()


def test_a_value_of_2_mb_is_cut_and_its_length_said() -> None:
    shown = cut("x" * 2_000_000 + "the end")
    assert len(shown) == 2000 + len(" … [2,000,007 characters] … ")
    assert shown.endswith("x … [2,000,007 characters] … " + "x" * 493 + "the end")
    assert cut("x" * 2000) == "x" * 2000


def test_a_console_shows_whatever_it_is_given_in_whatever_form() -> None:
    from rich.text import Text

    stream = io.StringIO()
    console = make_console(stream)
    table = Table(HOSTILE)
    table.add_row(HOSTILE)
    console.print(HOSTILE)
    console.print(Text(HOSTILE))
    console.print(f"a\nerror: {HOSTILE}")
    console.print(table)
    with Progress(TextColumn("{task.description}", markup=False), console=console) as progress:
        progress.add_task(HOSTILE)
    said = stream.getvalue()
    first, second, third, *_ = (" ".join(line.split()) for line in said.splitlines())
    without_bell = SHOWN.replace(r"\x07", "")  # rich leaves it out of its own Text
    assert (first, second, third) == (f"{SHOWN} c\\r", f"{without_bell} c", f"a\\nerror: {SHOWN} c\\r")
    assert said.replace("\n", "").isprintable()
    assert said.count(r"\u202eb") == 6


def test_a_terminal_gets_colours_of_ours_alone() -> None:
    from rich.console import Console

    stream = io.StringIO()
    console = type(make_console(stream))(file=stream, force_terminal=True, color_system="standard", highlight=False)
    assert isinstance(console, Console)
    console.print("\x1b[2Jx", style="red")
    assert stream.getvalue() == "\x1b[31m\\x1b[2Jx\x1b[0m\n"


def test_lines_and_data_of_a_command_are_made_visible(capsys: pytest.CaptureFixture[str]) -> None:
    echo(f"{HOSTILE}\nerror: b")
    echo_text(f"{HOSTILE}\nx\n")
    echo_json('{"a": "\u202e\x9b"}\n')
    assert capsys.readouterr().out.splitlines() == [
        f"{SHOWN}\tc\\nerror: b",
        f"{SHOWN}\tc",
        "x",
        r'{"a": "\u202e\u009b"}',
    ]


def test_no_value_of_an_error_begins_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    show_error(InputError(Problem("must be a, not \x1b[2Jb\nerror: c", "k\n.toml:1", "Write\nd", ("log\nline",))))
    assert capsys.readouterr().err.splitlines() == [
        r"error: k\n.toml:1: must be a, not \x1b[2Jb",
        "       | error: c",
        r"       log\nline",
        "       Write",
        "       d",
    ]


@pytest.mark.parametrize("count", [2, 19, 20, 500])
def test_an_error_is_forty_lines_at_most(count: int) -> None:
    lines = list(error_lines(KickstandError(*(Problem(f"Bad {n}.", fix="Fix it.") for n in range(count)))))
    assert lines[0].plain == f"{count} problems:"
    if count < 20:
        assert len(lines) == 1 + 2 * count
    else:
        assert (len(lines), lines[-1].plain) == (40, f"  … and {count - 19} more; these first.")


def test_a_message_of_many_lines_is_cut() -> None:
    lines = [line.plain for line in error_lines(KickstandError("a\n" * 500))]
    assert (len(lines), lines[-1]) == (35, "       … and 466 more lines.")


OUTPUT = {
    "cli/main.py": "words of its own, before anything is imported and where standard output is full",
    "kickstand/console.py": "the one way",
    "cli/context.py": "rows of numbers as bytes",
    "deployment/assembly_digests.py": "hands standard error to the CDK",
    "deployment/workflows/review_artifact.py": "a workflow command, escaped as GitHub asks",
    "training/model/inspection/run.py": "JSON for its parent",
}
"""Files that write to standard output or error otherwise, and why."""
_PRINTING = re.compile(
    r"\b(?:print|s?echo|Console|confirm|prompt|markup|emoji|stdout|stderr|write|dump|from_markup|input|print_exc)\b"
)
"""A module without any of these words is not parsed: it has no such call."""


def _prints(source: str) -> list[int]:
    found: list[int] = []
    for node in ast.walk(ast.parse(source)) if _PRINTING.search(source) else ():
        if not isinstance(node, ast.Call | ast.Attribute):
            continue
        called = dotted_name(node.func) if isinstance(node, ast.Call) else ""
        markup = isinstance(node, ast.Call) and any(
            word.arg in ("markup", "emoji") and ast.unparse(word.value) == "True" for word in node.keywords
        )
        direct = called in (
            "print",
            "typer.echo",
            "typer.secho",
            "click.echo",
            "Console",
            "typer.confirm",
            "typer.prompt",
        )
        stream = isinstance(node, ast.Attribute) and dotted_name(node) in (
            *("sys.stdout.write", "sys.stderr.write", "sys.stdout.buffer", "sys.stderr.buffer", "os.write"),
        )
        if direct or stream or markup or called in ("json.dump", "Text.from_markup", "input", "traceback.print_exc"):
            found.append(node.lineno)
    return found


def test_nothing_prints_past_the_console() -> None:
    found = {
        str(file.relative_to(ROOT)): lines
        for folder in ("kickstand", "infra", "training", "deployment", "review", "promotion", "console", "cli")
        for file in (ROOT / folder).rglob("*.py")
        if (lines := _prints(file.read_text("utf-8")))
    }
    assert {file: lines for file, lines in found.items() if file not in OUTPUT} == {}
    assert _prints((ROOT / "app.py").read_text("utf-8")) == []
