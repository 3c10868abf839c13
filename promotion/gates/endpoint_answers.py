"""Every test row through a live endpoint, one answer a row."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from promotion.gates.judged_rows import TestRows
from training.prediction.batches import batches, in_order
from training.prediction.endpoint_client import EndpointClient, runtime_client

if TYPE_CHECKING:
    import boto3

_PARALLEL = 4


def endpoint_answers(session: boto3.Session, endpoint: str, rows: TestRows) -> tuple[str, ...]:
    """The answers to the rows, in their order, with the digits that the endpoint gave.

    Raises KickstandError where the endpoint fails, or refuses the rows: a model of other columns does.
    """
    client = runtime_client(session, parallel=_PARALLEL)
    invoke = EndpointClient(client, endpoint=endpoint, accept="csv", source=rows.source)
    cut = batches(io.BytesIO(rows.features), rows.source)
    return tuple(row for part in in_order(cut, invoke, parallel=_PARALLEL) for row in part.rows)
