"""Python environments made on demand from a lock file: for an older image's xgboost, for a client that conflicts with
the project's packages.

An environment is made once for its lock file and Python, from the package registry that uv is configured for; every
later use costs a look at the file system. `image_python` is the interpreter that has an image's xgboost.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from kickstand.errors import KickstandError, Problem
from kickstand.xgboost_container import OWN_IMAGE, XGBOOST

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
