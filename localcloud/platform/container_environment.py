"""Which variables of a request's Environment reach the program of a container.

On AWS a container is the border: LD_PRELOAD, PATH or PYTHONPATH in it concern nobody else. Here its program is a
process of this machine's user, and each of these would run code in that user's name. So only what the image's own
programs read is passed on, and everything else is refused by name, at the request.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from localcloud.container.image import ACCEPTED_FAULTS
from localcloud.container.layout import BASE_VARIABLE

_PREFIX = "SAGEMAKER_"
"""What the SageMaker toolkits and the container read: workers, time-outs, forms of answers; see H80 to H88."""
_OPENMP = (
    "OMP_NUM_THREADS",
    "OMP_THREAD_LIMIT",
    "OMP_DYNAMIC",
    "OMP_SCHEDULE",
    "OMP_WAIT_POLICY",
    "OMP_PROC_BIND",
    "OMP_PLACES",
    "OMP_STACKSIZE",
    "GOMP_SPINCOUNT",
)
"""By name: among OpenMP's others is one that names libraries to load (OMP_TOOL_LIBRARIES)."""
_NAMES = frozenset({"MAX_CONTENT_LENGTH", ACCEPTED_FAULTS, *_OPENMP})
_SAGEMAKER = re.compile(rf"{_PREFIX}[A-Z0-9_]+")


class ForeignVariablesError(Exception):
    """Variables that are not the image's own; the message names all of them."""


def foreign_variables(names: Iterable[str]) -> list[str]:
    """The names that are not the image's own, sorted; SAGEMAKER_BASE_DIR is the platform's to set."""
    return sorted(name for name in names if name == BASE_VARIABLE or not (name in _NAMES or _SAGEMAKER.fullmatch(name)))


def require_own_variables(environment: Mapping[str, str]) -> None:
    """Raise ForeignVariablesError for an Environment with anything but the image's own variables."""
    foreign = foreign_variables(environment)
    if foreign:
        noun = "The environment variable" if len(foreign) == 1 else "The environment variables"
        shown = [ascii(name)[1:-1][:80] for name in foreign[:20]]
        more = f" and {len(foreign) - 20} more" if len(foreign) > 20 else ""
        raise ForeignVariablesError(
            f"{noun} {', '.join(shown)}{more} cannot be set in the local cloud: it runs the image's programs as "
            f"processes of this machine, not in containers, and passes on only {_PREFIX}* (but {BASE_VARIABLE}), "
            f"{', '.join(sorted(_NAMES))}."
        )
