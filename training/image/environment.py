"""The Python that has an image's xgboost: the project's own, or one made on demand from a lock file.

An environment is made once for its lock file and Python, from the package registry that uv is configured for, in
`.kickstand/cache/images`; every later use costs a look at the file system.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from kickstand.errors import KickstandError, Problem
from training.image.versions import OWN_IMAGE, XGBOOST

_LOCKS = Path(__file__).with_name("locks")
_CACHE = Path(__file__).resolve().parents[2] / ".kickstand" / "cache" / "images"
_SECONDS = 1800
"""xgboost 1.7.4 is 190 MB."""


def image_python(version: str, *, cache: Path = _CACHE) -> Path:
    """The Python interpreter whose environment has the xgboost of an image.

    version: `1.7-1`, `3.0-5`, or `3.2-0`, which the project itself runs on. cache: where environments are kept.
    Raises KickstandError where the environment cannot be made; what is there is never half made.
    """
    if version == OWN_IMAGE:
        return Path(sys.executable)
    lock = _LOCKS / f"{version}.lock"
    place = cache / f"{version}-{_digest(lock)}"
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        _make(version, lock, place)
    return python


def registry_settings() -> dict[str, str]:
    """The variables of this process that say how packages are fetched: for a child that makes an environment."""
    names = ("UV_", "PIP_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "XDG_", "REQUESTS_CA")
    return {name: value for name, value in os.environ.items() if name.upper().startswith(names)}


def _digest(lock: Path) -> str:
    """Names what an environment was made from: another lock or another Python makes another one."""
    made_from = lock.read_bytes() + f"{sys.version}\0{sys.base_prefix}".encode()
    return hashlib.sha256(made_from).hexdigest()[:12]


def _make(version: str, lock: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    half = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        python = getattr(sys, "_base_executable", sys.executable)
        _uv(version, "venv", "--quiet", "--clear", "--no-project", "--python", python, str(half))
        _uv(
            version,
            *("pip", "install", "--quiet", "--python", str(half), "--require-hashes", "--no-deps", "-r", str(lock)),
        )
        try:
            half.rename(place)
        except OSError:
            if not place.is_dir():  # else somebody else has made it meanwhile
                raise
    finally:
        shutil.rmtree(half, ignore_errors=True)


def _uv(version: str, *arguments: str) -> None:
    what = f"The environment of image {version} (xgboost {XGBOOST[version]}) cannot be made"
    uv = Path(sys.executable).parent / ("uv.exe" if os.name == "nt" else "uv")
    try:
        subprocess.run([uv, *arguments], check=True, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise KickstandError(Problem(f"{what}: {error}", fix="Run make setup, then try again.")) from None
    except subprocess.CalledProcessError as error:
        said = " ".join(error.stderr.split())[-600:]
        fix = "Is the package registry reachable? It is needed once; image 3.2-0 needs none."
        raise KickstandError(Problem(f"{what}: {said}", fix=fix)) from None
