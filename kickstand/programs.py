"""Programs that are started: a child that has the terminal as its own, and Python environments made on demand.

What a child prints is seen, and what is typed goes to it. An environment is made once for its lock file and Python,
from the package registry that uv is configured for; every later use costs a look at the file system. `image_python` is
the interpreter that has an image's xgboost; others are for clients that conflict with the project's packages.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kickstand.errors import KickstandError, Problem
from kickstand.xgboost_container import OWN_IMAGE, XGBOOST

_LAST_WORDS_SECONDS = 15.0
"""How long an interrupted program may take to end by itself; then it is killed."""


def run_child(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> int:
    """Run a program and wait for its end; its exit code (negative: the signal that ended it).

    Ctrl-C reaches it too, by the terminal. It is given time to say what it leaves behind; then KeyboardInterrupt
    goes on. Pressed again, it is killed. SIGTERM, which reaches this process alone, is passed on to it, and ends this
    process behind it.
    """
    child = subprocess.Popen(command, cwd=cwd, env=env)
    try:
        with _passing_on_sigterm(child):
            code = child.wait()
    except KeyboardInterrupt:
        try:
            child.wait(_LAST_WORDS_SECONDS)
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            child.kill()
            child.wait()
        raise
    except BaseException:
        child.kill()
        child.wait()
        raise
    if code == -signal.SIGINT:  # it was quicker to end than this process to be told
        raise KeyboardInterrupt
    return code


@contextlib.contextmanager
def _passing_on_sigterm(child: subprocess.Popen[bytes]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets no other thread handle a signal
        return
    received = []

    def pass_on(number: int, frame: object) -> None:
        received.append(number)
        child.terminate()

    before = signal.signal(signal.SIGTERM, pass_on)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
    if received:
        sys.exit(128 + signal.SIGTERM)


@contextlib.contextmanager
def sigint_not_ignored() -> Iterator[None]:
    """Start programs in the block that SIGINT interrupts, whoever started this process.

    A shell that runs no terminal has what it starts with `&` ignore SIGINT, and a child inherits that. For a child that
    this process is to interrupt itself.
    """
    if (
        signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
        or threading.current_thread() is not threading.main_thread()
    ):
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


CACHE = Path(__file__).resolve().parents[1] / ".kickstand" / "cache"
"""Environments are kept in folders of this one, by kind."""
_SECONDS = 1800
"""xgboost 1.7.4 is 190 MB."""


@dataclass(frozen=True, slots=True)
class LockedEnvironment:
    """What an environment is made from, and what it is called.

    lock:    requirements with hashes (`uv pip compile --generate-hashes`); its name is the environment's.
    cache:   the folder that environments of this kind are kept in.
    title:   what it is in an error: `The environment of image 3.0-5 (xgboost 3.0.5)`.
    without: what works without it, for an error's advice: `image 3.2-0 needs none`.
    """

    lock: Path
    cache: Path
    title: str
    without: str = ""

    @property
    def python(self) -> Path:
        """Its interpreter, whether it is there yet or not."""
        return self._place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    @property
    def _place(self) -> Path:
        """Named by what it is made from: another lock or another Python makes another one."""
        made_from = self.lock.read_bytes() + f"{sys.version}\0{sys.base_prefix}".encode()
        return self.cache / f"{self.lock.stem}-{hashlib.sha256(made_from).hexdigest()[:12]}"

    def make(self) -> Path:
        """Its interpreter; the environment is made where it is not there yet.

        Raises KickstandError where it cannot be made; what is there is never half made.
        """
        if not self.python.exists():
            self._make()
        return self.python

    def _make(self) -> None:
        place = self._place
        place.parent.mkdir(parents=True, exist_ok=True)
        half = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        try:
            python = getattr(sys, "_base_executable", sys.executable)
            self._uv("venv", "--quiet", "--clear", "--no-project", "--python", python, str(half))
            into = ("pip", "install", "--quiet", "--python", str(half))
            self._uv(*into, "--require-hashes", "--only-binary", ":all:", "--no-deps", "-r", str(self.lock))
            try:
                half.rename(place)
            except OSError:
                if not place.is_dir():  # else somebody else has made it meanwhile
                    raise
        finally:
            shutil.rmtree(half, ignore_errors=True)

    def _uv(self, *arguments: str) -> None:
        what = f"{self.title} cannot be made"
        uv = Path(sys.executable).parent / ("uv.exe" if os.name == "nt" else "uv")
        try:
            subprocess.run(
                [uv, *arguments], check=True, capture_output=True, encoding="utf-8", errors="replace", timeout=_SECONDS
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise KickstandError(Problem(f"{what}: {error}", fix="Run make setup, then try again.")) from None
        except subprocess.CalledProcessError as error:
            said = " ".join(error.stderr.split())[-600:]
            needed = f"It is needed once{f'; {self.without}' if self.without else ''}."
            raise KickstandError(
                Problem(f"{what}: {said}", fix=f"Is the package registry reachable? {needed}")
            ) from None


def registry_settings() -> dict[str, str]:
    """The variables of this process that say how packages are fetched: for a child that makes an environment.

    HOME is among them: uv has its settings and its cache below it.
    """
    names = ("UV_", "PIP_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "XDG_", "REQUESTS_CA")
    return {name: value for name, value in os.environ.items() if name == "HOME" or name.upper().startswith(names)}


_LOCKS = Path(__file__).with_name("locks")


def image_python(version: str, *, cache: Path = CACHE / "images") -> Path:
    """The Python interpreter whose environment has the xgboost of an image.

    version: `1.7-1`, `3.0-5`, or `3.2-0`, which the project itself runs on. cache: where environments are kept.
    Raises KickstandError where the environment cannot be made; what is there is never half made.
    """
    if version == OWN_IMAGE:
        return Path(sys.executable)
    title = f"The environment of image {version} (xgboost {XGBOOST[version]})"
    lock = _LOCKS / f"{version}.lock"
    return LockedEnvironment(lock, cache, title, f"image {OWN_IMAGE} needs none").make()
