"""A shell in which somebody typed `eval "$(kickstand local env dev)"`, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from localcloud.cloud import LocalCloud

BIN = Path(sys.executable).parent


def printed_environment(cloud: LocalCloud) -> dict[str, str]:
    """All variables of that shell: the program's path, what the command printed, and what a shell has anyway.

    The project file is the repository's own: dev is account 111122223333 in us-east-1. The command is run once for a
    start of a cloud: it takes 0.5 s of CPU.
    """
    return {**_printed(cloud, cloud.url, cloud.folder.root_secret.read_text())}


@lru_cache(8)
def _printed(cloud: LocalCloud, _url: str, _secret: str) -> dict[str, str]:
    bare = {
        "PATH": f"{BIN}{os.pathsep}/usr/bin{os.pathsep}/bin",
        "HOME": str(cloud.folder.root),
        "KICKSTAND_LOCAL_STATE": str(cloud.folder.root),
        # What the user had before, and must not win.
        "AWS_PROFILE": "company",
        "AWS_SESSION_TOKEN": "stale",
    }
    script = 'printed="$(kickstand local env dev)" && eval "$printed" && env -0'
    done = subprocess.run(["/bin/bash", "-c", script], env=bare, cwd="/", capture_output=True, text=True, check=True)
    lines = (line.partition("=") for line in done.stdout.split("\0") if line)
    return {name: value for name, _, value in lines}
