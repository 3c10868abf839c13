"""Make this clone ready to run: virtual environment, locked Python packages, Node, the CDK command line.

`make setup` calls it with the machine's Python; everything lands inside the clone. It is done again
only when something that it depends on has changed, which a stamp (written last) tells by its content:
an interrupted run leaves no stamp, so the next one picks up where it stopped.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / "bin"
STAMP = VENV / "setup.stamp"
LOCK = ROOT / ".setup.lock"
INPUTS = (
    "requirements-uv.lock",
    "requirements.lock",
    "package.json",
    "package-lock.json",
    "pyproject.toml",
    "scripts/setup.py",
)
OLDEST = (3, 11)
LOCKED = ("--require-hashes", "--only-binary", ":all:", "--no-deps", "-r")
"""How a lock file is installed: the very files that it names, and none that runs a program of its own to be built."""
UNUSABLE = {"\n": "a newline", "\r": "a carriage return", os.pathsep: f"a {os.pathsep!r}", '"': "a double quote"}
"""What the path of a clone may not have in it: make, PATH and the scripts of the environment cannot name such a one."""


def wanted_stamp() -> str:
    """A digest of all that the set-up depends on: its inputs, this Python, this machine, this folder."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    for fact in (sys.version, platform.platform(), sys.base_prefix, str(ROOT)):
        digest.update(fact.encode() + b"\0")
    return digest.hexdigest()


def is_done(stamp: str) -> bool:
    """Whether the last set-up ended, with these very inputs, and what it made still stands."""
    made = (BIN / "python", BIN / "kickstand", BIN / "node", ROOT / "node_modules/aws-cdk/bin/cdk")
    return STAMP.exists() and STAMP.read_text("utf-8") == stamp and all(path.exists() for path in made)


def run(*command: str | Path, step: str) -> None:
    """Run one step quietly; on failure show what it printed and end with a plain sentence."""
    began = time.monotonic()
    print(f"  {step} …", end="", flush=True)
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "VIRTUAL_ENV": str(VENV)}
    environment.pop("PYTHONHOME", None)
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
    )
    if done.returncode != 0:
        print(" failed")
        sys.stderr.write(done.stdout + done.stderr)
        sys.exit(f"error: set-up stopped at: {step}. Mend what the lines above name, then run make setup again.")
    print(f" {time.monotonic() - began:.1f} s")


def machine_python(found: Path) -> Path:
    """The machine's own Python, also where the one that runs this is a link of the environment about to be cleared."""
    return found.resolve() if VENV in found.parents else found


def write_link() -> None:
    """Name the clone to the environment by the way there, which is ASCII whatever the clone's own path is.

    Python reads the installer's absolute path in the encoding of the locale, and does not start where that is ASCII.
    """
    for link in VENV.glob("lib/python*/site-packages/_kickstand.pth"):
        link.write_text(f"{os.path.relpath(ROOT, link.parent)}\n", "ascii", "utf-8")


def path_problem() -> str:
    """Why no clone can be set up in this folder; empty where one can."""
    found = [name for character, name in UNUSABLE.items() if character in str(ROOT)]
    return f"the path of this clone has {' and '.join(found)} in it: {str(ROOT)!r}" if found else ""


def set_up(stamp: str) -> None:
    """Every step from nothing; each is safe to repeat."""
    STAMP.unlink(missing_ok=True)
    print("Setting up this clone:")
    python = machine_python(Path(getattr(sys, "_base_executable", sys.executable)))
    run(python, "-I", "-m", "venv", "--clear", VENV, step="virtual environment")
    pip = (BIN / "python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, *LOCKED, "requirements-uv.lock", step="uv, the installer")
    uv = (BIN / "uv", "pip", "install", "--quiet", "--python", BIN / "python")
    run(*uv, *LOCKED, "requirements.lock", step="Python packages, from the lock file")
    run(*uv, "--no-deps", "--no-build-isolation", "--offline", "--editable", ".", step="the kickstand command")
    write_link()
    run(BIN / "npm", "ci", "--no-audit", "--no-fund", "--loglevel=error", step="the CDK command line")
    partial = STAMP.with_suffix(".partial")
    partial.write_text(stamp, "utf-8")
    partial.replace(STAMP)


def main() -> None:
    if sys.version_info < OLDEST:
        found = platform.python_version()
        sys.exit(
            f"error: Python 3.11 or newer is needed, {sys.executable} is {found}. Try: make PYTHON=python3.12 setup"
        )
    if problem := path_problem():
        sys.exit(f"error: {problem}. Move it to another folder, then run make setup again.")
    stamp = wanted_stamp()
    if is_done(stamp):
        return
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second make waits here, then finds the work done
        if not is_done(stamp):
            set_up(stamp)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\nerror: set-up was interrupted; the next make picks it up from the start.")
