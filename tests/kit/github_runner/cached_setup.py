"""A checkout that is ready to run without `make setup`: its own code, on the packages of the set-up that is here."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

SET_UP = Path(sys.prefix)
"""The virtual environment that runs this, beside the node_modules of its set-up."""

PYTHON = "KICKSTAND_TEST_PYTHON"
"""A variable with the command line that stands for its Python, whose packages are loaded (`warm_server.py`)."""

PACKAGES = "KICKSTAND_TEST_PACKAGES"
"""A variable with a folder of packages that come before the installed ones (`node_package` of `warm_cdk.py`)."""

COMMANDS = {
    "python": '{python} "$@"',
    "kickstand": '{python} -m cli "$@"',
    "pytest": '{python} -m pytest "$@"',
}


def link_setup(folder: Path) -> None:
    """Make `.venv/bin` and `node_modules` of a checkout; its own modules come before the installed ones."""
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True, exist_ok=True)
    python = os.environ.get(PYTHON) or shlex.quote(str(SET_UP / "bin" / "python"))
    own = shlex.quote(os.pathsep.join(filter(None, [str(folder), os.environ.get(PACKAGES)])))
    for name, command in COMMANDS.items():
        file = programs / name
        file.write_text(f"#!/bin/sh\nPYTHONPATH={own} exec {command.format(python=python)}\n", "utf-8")
        file.chmod(0o755)
    modules = folder / "node_modules"
    if not modules.exists():
        modules.symlink_to(SET_UP.parent / "node_modules")


if __name__ == "__main__":
    link_setup(Path(sys.argv[1]).resolve())
