"""Which names are services of AWS: what a request is signed for that ministack does not know.

ministack parses the models of all services to find out, at the first request that names an unknown one: four seconds in
which nobody is answered, and some hundred megabytes, for anybody who reaches the port.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from botocore.loaders import create_loader

from localcloud.emulator.seam import Seam, wrap

KNOWN = Seam("ministack.core.router", "_is_aws_service_name", ("scope_name",))
_NAMES = re.compile(rb'"(?:endpointPrefix|signingName)"\s*:\s*"([^"]+)"')
_METADATA_BYTES = 4096
"""Of a model's beginning, where its metadata is."""


@cache
def service_names() -> frozenset[str]:
    """The names of botocore's services: of their models, of their endpoints, and those that requests are signed for."""
    return frozenset(_names())


def install() -> None:
    """Answer in ministack's place."""
    wrap(KNOWN, _answering)


def _answering(_: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda scope_name: scope_name in service_names()


def _names() -> Iterator[str]:
    for folder in create_loader().search_paths:
        for model in Path(folder).glob("*/*/service-2.json*"):
            yield model.parts[-3]
            with gzip.open(model) if model.suffix == ".gz" else model.open("rb") as stream:
                yield from (name.decode() for name in _NAMES.findall(stream.read(_METADATA_BYTES)))
