"""Project files for the tests of the configuration: written, loaded, and their problems read as lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from kickstand.config.load import load_project
from kickstand.errors import InputError

SMALLEST = """\
[project]
name = "bikes"
[data]
train = "train.csv"
[environments.dev]
account = "111122223333"
region = "us-east-1"
"""
"""The least that a project needs; seven lines, the last one in the table of dev."""


def write(folder: Path, text: str) -> Path:
    path = folder / "kickstand.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(folder: Path, text: str) -> list[str]:
    """What `load_project` says about a text, one line a problem: `LINE: message fix` (no LINE: the whole file)."""
    path = write(folder, text)
    with pytest.raises(InputError) as caught:
        load_project(path)
    return [line.removeprefix(f"{path}:").lstrip() for line in str(caught.value).splitlines()]
