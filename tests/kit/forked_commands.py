"""`python -m acceptance` for a process that has been forked (`warm_background.py`): its commands are forked, too.

A run that is killed after a minute has started seven processes that take one to two seconds of CPU each to begin.
"""

from __future__ import annotations

import runpy
import subprocess
import sys
from unittest.mock import patch

from warm_programs import forking

from acceptance import commands


def main() -> None:
    """Be that program, with the arguments of this one."""
    sys.argv[0] = "acceptance"
    with patch.object(commands, "subprocess", forking(TimeoutExpired=subprocess.TimeoutExpired)):
        runpy.run_module("acceptance", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
