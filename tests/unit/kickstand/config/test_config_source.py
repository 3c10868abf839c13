"""A project file that cannot be read or parsed: one clear message, with the place as the user can find it."""

from __future__ import annotations

import errno
import os
import sys
import time
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project_files import SMALLEST, write

from kickstand.config.load import load_project
from kickstand.config.source import DEEPEST, MOST_PARTS, bounds_problem
from kickstand.errors import InputError


def refusal(path: Path | str) -> str:
    with pytest.raises(InputError) as caught:
        load_project(path)
    assert len(caught.value.problems) == 1
    return str(caught.value)


def test_no_file_names_it_and_the_option(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    assert refusal(path) == (
        f"{path}: There is no such project file. "
        "Name the project file with --config FILE, or go to the folder that holds kickstand.toml."
    )


def test_a_file_in_the_path_is_no_folder(tmp_path: Path) -> None:
    write(tmp_path, SMALLEST)
    assert "There is no such project file." in refusal(tmp_path / "kickstand.toml" / "kickstand.toml")


def test_a_folder_in_place_of_the_file(tmp_path: Path) -> None:
    assert refusal(tmp_path) == (
        f"{tmp_path}: The project file must be a file; this is a folder. "
        f"Name the file: --config {tmp_path}/kickstand.toml"
    )


def test_an_unreadable_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, SMALLEST)

    def refuse(self: Path, mode: str) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "open", refuse)  # root, as in many containers, may read every file
    assert refusal(path) == f"{path}: The project file cannot be read: Permission denied."


def test_bytes_that_are_not_utf_8_are_told_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "kickstand.toml"
    path.write_bytes(b'[project]\nname = "caf\xe9"\n')
    assert refusal(path) == f"{path}:2: The project file must be UTF-8; byte 0xe9 is not. Save it as UTF-8."


@pytest.mark.parametrize(
    ("text", "place", "fix"),
    [
        ('[project]\nname = "bikes\n', ":2:14", ""),
        ("[project]\nname = bikes\n", ":2:8", ""),
        ("[a]\n[a]\n", ":2:3", ""),
        ("a = 1\na = 2\n", ":2:6", ""),
        ("a = [1,\n", ":2", ""),
        ("account = 012345678901\n", ":1:12", " A number cannot begin with 0. An account is text: put it in quotes."),
        pytest.param(
            "a = { b = 1,\n c = 2 }\n",
            ":1:13",
            " A table in braces stands on one line; for more lines give it a [header] of its own.",
            marks=pytest.mark.skipif(sys.version_info >= (3, 15), reason="TOML 1.1 allows it"),
        ),
    ],
)
def test_broken_syntax_is_told_with_line_and_column(tmp_path: Path, text: str, place: str, fix: str) -> None:
    path = write(tmp_path, text)
    words = refusal(path)
    assert words.startswith(f"{path}{place}: Not valid TOML: ")
    assert words.partition("Not valid TOML: ")[2].partition(".")[2] == fix


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000])
def test_what_breaks_the_parser_itself_is_no_traceback(tmp_path: Path, text: str) -> None:
    refusal(write(tmp_path, text))


def test_the_path_is_shown_as_the_user_gave_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    write(folder, "[project")
    monkeypatch.chdir(folder)
    assert refusal("kickstand.toml").startswith("kickstand.toml:1:")
    assert refusal(folder / "kickstand.toml").startswith("kickstand.toml:1:")
    assert refusal("../here/kickstand.toml").startswith("../here/kickstand.toml:1:")


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path: Path) -> None:
    path = tmp_path / "kickstand.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALLEST.replace("\n", "\r\n").encode())
    project = load_project(path)
    assert project.name == "bikes"
    assert project.environments["dev"].where("region") == f"{path}:7"


MANY_KEYS = ":5001: A project file has at most 5,000 keys; this one has more."
NUL = " holds the character NUL, which no path, name or setting can have."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a" + ".a" * 50_000 + " = 1\n", ":1: A key has more than 16 parts; the longest that there is has 4."),
        ("\n[" + "a." * 50_000 + "a]\n", ":2: A key has more than 16 parts; the longest that there is has 4."),
        ("a = " + "[" * 5000 + "]" * 5000, ":1: Brackets are nested deeper than 32."),
        ("a = " + "{a=" * 5000 + "1" + "}" * 5000, ":1: Brackets are nested deeper than 32."),
        (
            "".join(f"k{n} = 1\n" for n in range(90_000)),
            ":5001: A project file has at most 5,000 keys; this one has more.",
        ),
        ("\na = " + "9" * 5000, ":2: A whole number of 5,000 digits is beyond 64 bits."),
        ("\na = " + "9" * 400, ":2: a is a whole number of more than 64 digits."),
        ("a = {b = [1, 0x" + "f" * 100_000 + "]}", ":1: a.b.1 is a whole number of more than 64 digits."),
        (
            '[data]\ntrain = "a\\u0000"\n',
            ":2: data.train holds the character NUL, which no path, name or setting can have.",
        ),
        ('"a\\u0000" = 1\n', ":1: A key holds the character NUL, which no name on AWS or in a file system can have."),
        ("a = 1 #" + "x" * (1 << 20), ": The project file cannot be read: it is larger than 1,048,576 bytes."),
        ('a = """' + '\\"""' * 200_000, ":1: Not valid TOML: Unterminated string."),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_what_a_project_file_cannot_be_is_refused_in_time(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    began = time.process_time()
    assert refusal(path) == f"{path}{told}"
    assert time.process_time() - began < 5


def test_dots_and_brackets_in_strings_numbers_and_comments_are_none(tmp_path: Path) -> None:
    odd = ["." * 50, "[" * 50, "{" * 50, "a\\\\", '\\"' + "[" * 50]
    lines = [f'k{number} = "{text}"' for number, text in enumerate(odd)]
    lines += [f"l = '{'[' * 50}'", f'm = """\n{"[" * 50}\\""""', f"n = '''{'.' * 50}\n'{'[' * 50}'''", "# " + "[" * 50]
    lines += ["o = [" + ", ".join(["1.5"] * 100) + "]"]
    text = "\n".join(lines)
    assert tomllib.loads(text)
    assert bounds_problem(text, "k") is None


@given(st.text(alphabet="a.=[]{}\"'#\\\n, 1"))
def test_the_bounds_hold_for_any_text(text: str) -> None:
    assert (
        bounds_problem(text, "k") is None
        or text.count(".") >= MOST_PARTS
        or text.count("[") + text.count("{") > DEEPEST
    )
