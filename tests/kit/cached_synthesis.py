"""The CDK app for tests (`CDK_APP`): `app.py` of the current folder, run once a test run for the same input.

Its assembly is kept and copied to whoever asks for the same once more. Where the input lies says nothing: it is the
app's own files, the project file and the releases that count, with the context and the settings of the CDK.

An app takes three seconds of CPU to load the CDK, and a tenth of that to run. So it is run by a process of the test run
that has loaded it; by itself where that one fails. A policy finding is an error of an app that has written everything:
then there is an assembly with a report, and the exit code is not 0.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import shlex
import sys
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from once_a_run import FOLDER, once_a_run

COMMAND = shlex.join([sys.executable, "-S", str(Path(__file__).resolve())])
"""The value of CDK_APP. It is run dozens of times a run: what only a new assembly needs is imported there."""

_ROOT = Path(__file__).resolve().parents[2]
_CODE = ("app.py", "infra", "kickstand")
"""What app.py imports (`tests/unit/test_layers.py` holds that it is no more)."""
_OF_NO_MATTER = (
    *("CDK_APP", "CDK_CLI_ASM_VERSION", "CDK_CLI_VERSION", "CDK_CONTEXT_JSON", "CDK_DEFAULT_ACCOUNT"),
    *("CDK_DEFAULT_REGION", "CDK_ERROR_FILE", "CDK_HOME", "CDK_OUTDIR", "CDK_PERF_COUNTERS_FILE"),
)
"""Variables of the CDK that do not change an assembly: where it goes, and who asks for it (the CDK's library names the
variables of its command line's version and reads neither); every stack names its account and region."""


class _FailedError(Exception):
    """The app ended with an error."""


def main() -> int:
    """Write the assembly of the current folder's app to CDK_OUTDIR; the exit code of the app."""
    out = Path(os.environ["CDK_OUTDIR"])
    out.mkdir(parents=True, exist_ok=True)  # where the CDK writes its counters, however the assembly is made
    try:
        packed = once_a_run(key(Path.cwd(), os.environ), lambda: _synthesise(out))
    except _FailedError as error:
        return int(error.args[0])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(out, filter="data")
    return 0


def key(folder: Path, variables: Mapping[str, str]) -> str:
    """All that an assembly is made of, for an app in a folder."""
    context = json.loads(variables.get("CDK_CONTEXT_JSON", "{}"))
    config = Path(context.pop("config", None) or folder / "kickstand.toml")
    releases = Path(context.pop("releases", None) or config.parent / "releases")
    own = _settings(variables)
    digests = _digests((folder / "app.py").resolve().parent)
    wanted = context.get("environment") or "*"
    released = {file.name: _digest(file) for file in sorted(releases.glob(f"{wanted}.json"))}
    return json.dumps(["synthesis", digests, _digest(config), released, context, own], sort_keys=True)


def _settings(variables: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name.startswith("CDK_") and name not in _OF_NO_MATTER}


def _digests(app: Path) -> dict[str, str]:
    return {os.path.relpath(file, app): _digest(file) for file in _code(app)}


def _code(app: Path) -> Iterator[str]:
    for name in _CODE:
        if (app / name).is_file():
            yield str(app / name)
        for folder, folders, files in os.walk(app / name):
            folders[:] = [each for each in folders if each != "__pycache__"]
            yield from (f"{folder}/{file}" for file in files if not file.endswith(".pyc"))


def _digest(file: str | Path) -> str:
    try:
        with open(file, "rb") as stream:  # noqa: PTH123 - a hundred files, each time
            return hashlib.sha256(stream.read()).hexdigest()
    except (FileNotFoundError, IsADirectoryError):
        return ""


def _synthesise(out: Path) -> bytes:
    """The assembly, packed. Of one that has a policy finding, all is written to `out`."""
    import shutil
    import subprocess
    import tempfile

    with tempfile.TemporaryDirectory(prefix="kickstand-synthesis-") as folder:
        made = Path(folder) / "cdk.out"
        try:
            if not _synthesised_by_server(made):
                variables = {**os.environ, "CDK_OUTDIR": str(made)}
                done = subprocess.run([sys.executable, "app.py"], env=variables, check=False)
                if done.returncode != 0:
                    raise _FailedError(done.returncode)
        except _FailedError:
            if made.exists():  # a policy finding is an error of an app that has written everything
                shutil.copytree(made, out, dirs_exist_ok=True)
            raise
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            archive.add(made, ".")
        return packed.getvalue()


def _synthesised_by_server(out: Path) -> bool:
    """Whether the server has made the assembly; a folder without a whole one may be left where it has not."""
    import shutil
    import socket

    folder, context = Path.cwd(), json.loads(os.environ.get("CDK_CONTEXT_JSON", "{}"))
    app = (folder / "app.py").resolve().parent
    if FOLDER not in os.environ or (app != _ROOT and _digests(app) != _digests(_ROOT)):
        return False
    context.setdefault("config", str(folder / "kickstand.toml"))
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(_server(_settings(os.environ))))
        connection.sendall(json.dumps({"folder": str(folder), "outdir": str(out), "context": context}).encode())
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as stream:
            answer = stream.read()
    made, report = answer == _MADE, out / _REPORT
    if report.exists() and any(
        one["conclusion"] != "success" for one in json.loads(report.read_bytes())["pluginReports"]
    ):
        if answer.startswith(_FOUND):
            sys.stderr.write(f"{answer.removeprefix(_FOUND).decode()}\n")
            raise _FailedError(1)
        made = False
    if not made:
        shutil.rmtree(out, ignore_errors=True)
    return made


_REPORT, _FINDING = "validation-report.json", "ValidationFailed"
"""The CDK's file of findings, and the name of the error that it ends a synthesis with where there are some."""
_MADE, _FOUND = b"made", b"found "
"""What the server answers: nothing where the app fails otherwise."""


def _server(settings: Mapping[str, str]) -> Path:
    """The socket of the run's server that has these settings of the CDK; it is started where it is not there."""
    import subprocess
    import time

    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    place = Path(os.environ[FOLDER], f"app-{name}")
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            others = {name: value for name, value in os.environ.items() if not name.startswith("CDK_")}
            server = subprocess.Popen(
                [sys.executable, str(Path(__file__).resolve()), "--serve", str(place)],
                cwd=_ROOT,
                env={**others, **settings, "PYTHONPATH": str(_ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            while not place.exists():
                if server.poll() is not None:
                    raise RuntimeError(f"the app cannot be loaded: exit code {server.returncode}")
                time.sleep(0.02)
    return place


_IDLE_SECONDS = 900.0
"""Until a server ends whose run was killed; one that ends ends its servers (`run_end.py`)."""


def serve(place: Path) -> None:
    """Run the app for all who ask at a socket, one after the other."""
    import socket
    from functools import partial
    from unittest.mock import patch

    import aws_cdk

    import app

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{place}.new")
        server.listen(64)
        server.settimeout(_IDLE_SECONDS)
        Path(f"{place}.new").rename(place)  # whoever sees it is answered
        while True:
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as stream:
                connection.settimeout(None)
                asked = json.loads(stream.read())
                os.chdir(asked["folder"])
                made = partial(aws_cdk.App, outdir=asked["outdir"], context=asked["context"])
                try:
                    with patch.object(aws_cdk, "App", made):
                        app.main()
                except RuntimeError as error:
                    if _FINDING in str(error):
                        connection.sendall(_FOUND + str(error).encode())
                    continue
                except (Exception, SystemExit):  # noqa: S112 - the app itself says why, when it is run for them
                    continue
                connection.sendall(_MADE)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]))
    raise SystemExit(main())
