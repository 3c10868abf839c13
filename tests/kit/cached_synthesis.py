"""The CDK app for tests (`CDK_APP`): `app.py` of the current folder, run once a test run for the same input.

Its assembly is kept and copied to whoever asks for the same once more. Where the input lies says nothing: it is the
app's own files, the project file and the releases that count, with the context and the settings of the CDK.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from once_a_run import once_a_run

COMMAND = shlex.join([sys.executable, str(Path(__file__).resolve())])
"""The value of CDK_APP."""

_CODE = ("app.py", "infra", "kickstand")
"""What app.py imports (`tests/unit/test_layers.py` holds that it is no more)."""
_OF_NO_MATTER = (
    *("CDK_APP", "CDK_CONTEXT_JSON", "CDK_DEFAULT_ACCOUNT", "CDK_DEFAULT_REGION"),
    *("CDK_ERROR_FILE", "CDK_HOME", "CDK_OUTDIR", "CDK_PERF_COUNTERS_FILE"),
)
"""Variables of the CDK that do not change an assembly: where it goes, and every stack names its account and region."""


class _FailedError(Exception):
    """The app ended with an error."""


def main() -> int:
    """Write the assembly of the current folder's app to CDK_OUTDIR; the exit code of the app."""
    out = Path(os.environ["CDK_OUTDIR"])
    out.mkdir(parents=True, exist_ok=True)  # where the CDK writes its counters, however the assembly is made
    with tempfile.TemporaryDirectory(prefix="kickstand-synthesis-") as folder:
        made = Path(folder) / "cdk.out"
        try:
            packed = once_a_run(key(Path.cwd(), os.environ), lambda: _synthesise(made))
        except _FailedError as error:
            if made.exists():  # a policy finding is an error of an app that has written everything
                shutil.copytree(made, out, dirs_exist_ok=True)
            return int(error.args[0])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(out, filter="data")
    return 0


def key(folder: Path, variables: Mapping[str, str]) -> str:
    """All that an assembly is made of, for an app in a folder."""
    context = json.loads(variables.get("CDK_CONTEXT_JSON", "{}"))
    config = Path(context.pop("config", None) or folder / "kickstand.toml")
    releases = Path(context.pop("releases", None) or config.parent / "releases")
    own = {name: value for name, value in variables.items() if name.startswith("CDK_") and name not in _OF_NO_MATTER}
    app = (folder / "app.py").resolve().parent
    digests = {str(file.relative_to(app)): _digest(file) for file in _code(app)}
    wanted = context.get("environment") or "*"
    released = {file.name: _digest(file) for file in sorted(releases.glob(f"{wanted}.json"))}
    return json.dumps(["synthesis", digests, _digest(config), released, context, own], sort_keys=True)


def _code(app: Path) -> Iterator[Path]:
    for name in _CODE:
        place = app / name
        files = [place] if place.is_file() else place.rglob("*")
        yield from (file for file in files if file.is_file() and file.suffix != ".pyc")


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""


def _synthesise(out: Path) -> bytes:
    done = subprocess.run([sys.executable, "app.py"], env={**os.environ, "CDK_OUTDIR": str(out)}, check=False)
    if done.returncode != 0:
        raise _FailedError(done.returncode)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(out, ".")
    return packed.getvalue()


if __name__ == "__main__":
    raise SystemExit(main())
