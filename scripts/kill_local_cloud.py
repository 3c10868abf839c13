"""Kill a local cloud at random moments while it is written to, and look for whatever it had acknowledged.

    python scripts/kill_local_cloud.py                       60 kills, 6 of them on a disk that is just full
    python scripts/kill_local_cloud.py --kills 3 --full 1    fewer; --seed N: the same moments again

Every kill is SIGKILL of the server amid S3 puts and deletes, SSM, IAM and SageMaker calls, log events, a stack and a
training job, with an endpoint that serves. After each: no process is left, the next start works, and all that was
answered is there. The disk is a tmpfs of its own in a mount namespace (`unshare`); where none can be made, the kills on
a full disk are left out, and said to be. Exit code 1 where anything was lost or left.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), *(str(HERE / "tests" / name) for name in ("local", "kit", ""))]

from kill_writers import Writers  # noqa: E402
from killed_server import alive_after, kill  # noqa: E402

from benchmarks.measure import descendants  # noqa: E402
from kickstand.errors import KickstandError  # noqa: E402
from localcloud.cloud import LocalCloud  # noqa: E402
from localcloud.server.running import holder  # noqa: E402  # noqa: E402

_INSIDE = "KICKSTAND_KILLS_DISK"
_DISK_MEGABYTES = 64


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("--kills", type=int, default=60)
    asked.add_argument("--full", type=int, default=6, help="how many of them on a full disk")
    asked.add_argument("--seed", type=int, default=20261129)
    given = asked.parse_args()
    if _INSIDE not in os.environ:
        return _with_a_disk_of_its_own()
    folder = Path(os.environ[_INSIDE])
    full = given.full
    if not os.path.ismount(folder):
        print("SKIPPED: no tmpfs could be mounted here (unshare -rm), so no kill happens on a full disk", flush=True)
        full = 0
    print(f"seed {given.seed}: {given.kills} kills, {full} of them on a full disk", flush=True)
    return Run(folder, random.Random(given.seed), given.kills, full).run()  # noqa: S311 - moments, no secrets


def _with_a_disk_of_its_own() -> int:
    """Run this program again in a mount namespace, where a small tmpfs is the disk; nothing of it outlives the run."""
    folder = tempfile.mkdtemp(prefix="kickstand-kills-")
    program = [sys.executable, str(Path(__file__).resolve()), *sys.argv[1:]]
    mount = f'mount -t tmpfs -o size={_DISK_MEGABYTES}m,mode=0700 tmpfs "$0" && exec "$@"'
    try:
        probe = ["unshare", "-rm", "sh", "-c", mount, folder, "true"]
        possible = shutil.which("unshare") and subprocess.run(probe, capture_output=True, check=False).returncode == 0
        command = ["unshare", "-rm", "sh", "-c", mount, folder, *program] if possible else program
        return subprocess.run(command, env={**os.environ, _INSIDE: folder}, check=False).returncode
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Run:
    """All kills, one after the other, on one state folder."""

    def __init__(self, disk: Path, draw: random.Random, kills: int, full: int) -> None:
        self._disk, self._draw, self._kills = disk, draw, kills
        self._full = set(draw.sample(range(kills), min(full, kills)))
        self._cloud = LocalCloud(disk / "state")
        self._faults: list[str] = []
        self._starts: list[float] = []
        self._at_full = {"started": 0, "refused": 0}

    def run(self) -> int:
        """Kill, start, look; print the figures. 0 where nothing was lost and nothing left."""
        self._cloud.start(port=0)
        try:
            self._writers = Writers(self._cloud)
            for number in range(self._kills):
                self._round(number)
            self._look("the end", everything=True)
            self._cloud.stop()
        except (KickstandError, AssertionError) as error:
            self._faults.append(str(error))
        finally:
            left = list(descendants(holder(self._cloud.folder.lock) or 0))
            self._cloud.stop(discard=True)
        self._faults += [f"process {pid} is left after the stop" for pid in alive_after(left, 10)]
        return self._report()

    def _round(self, number: int) -> None:
        ballast = self._disk / "ballast"
        self._writers.begin(number)
        self._writers.wait_for_answers(5, seconds=20)
        time.sleep(self._draw.uniform(0.0, 1.5))
        if number in self._full:
            _fill(ballast)
            time.sleep(self._draw.uniform(0.05, 1.5))
        children = list(descendants(holder(self._cloud.folder.lock) or 0))
        kill(self._cloud)
        self._writers.end()
        self._faults += [f"kill {number}: process {left} is left" for left in alive_after(children, 10)]
        if number in self._full and self._draw.random() < 0.5:
            self._start_on_a_full_disk(number)
        ballast.unlink(missing_ok=True)
        began = time.monotonic()
        self._cloud.start()
        self._starts.append(time.monotonic() - began)
        self._look(f"kill {number}", everything=number % 10 == 9)
        if number % 10 == 9:
            print(f"after {number + 1} kills: {len(self._faults)} faults", flush=True)

    def _start_on_a_full_disk(self, number: int) -> None:
        """It starts, or says in one message that there is no room; then room is made by the caller."""
        try:
            self._cloud.start()
            self._at_full["started"] += 1
        except KickstandError as error:
            self._at_full["refused"] += 1
            if "No space left on device" not in str(error) or "Make room" not in str(error):
                self._faults.append(f"kill {number}: a start on a full disk says: {error}")

    def _look(self, when: str, *, everything: bool) -> None:
        unsaved = self._writers.wait_saved()
        faults = self._writers.missing(everything=everything)
        self._faults += [f"{when}: {fault}" for fault in ([f"unsaved: {unsaved}"] if unsaved else []) + faults]
        if faults:
            print("\n".join(self._faults[-5:]), flush=True)

    def _report(self) -> int:
        figures = self._writers.figures()
        starts = sorted(self._starts) or [0.0]
        print(f"kills            {self._kills}, {len(self._full)} of them on a full disk")
        print(f"acknowledged     {figures['acknowledged']} writes; {figures['refused']} refused for want of room")
        print(f"open at a kill   {figures['open']} (either outcome is right)")
        print(f"starts           median {starts[len(starts) // 2]:.1f} s, longest {starts[-1]:.1f} s")
        print(f"on a full disk   {self._at_full['started']} starts, {self._at_full['refused']} refused by name")
        print(f"lost or left     {len(self._faults)}")
        for fault in self._faults[:20]:
            print(f"  {fault}")
        return 1 if self._faults else 0


def _fill(ballast: Path) -> None:
    """Take all the room there is."""
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 65536)
    with ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(b"\0" * 512)


if __name__ == "__main__":
    sys.exit(main())
