"""A project file that cannot be read or parsed: one clear message, with the place as the user can find it."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from project_files import SMALLEST, write

from kickstand.config.load import load_project
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

    def refuse(self: Path) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))

    monkeypatch.setattr(Path, "read_bytes", refuse)  # root, as in many containers, may read every file
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
