"""`python -m localcloud.platform.inside USER NET MODULE`: run a program in a namespace while its parent lives.

USER and NET are descriptors of a `localcloud.platform.namespace.Namespace`. Joining must come before any thread.
"""

from __future__ import annotations

import sys

from localcloud.platform import lifeline
from localcloud.platform.namespace import enter


def main() -> None:
    """Join the namespace, then do what lifeline does."""
    user, net = map(int, sys.argv[1:3])
    del sys.argv[1:3]
    enter(user, net)
    lifeline.main()


if __name__ == "__main__":
    main()
