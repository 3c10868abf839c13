"""What the environment costs: so far, and a month as it is deployed; the figures of `kickstand cost`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from console.reading import Part, Reads, View
from review.changes.stacks import live_pairs
from review.cost.report import cost_report
from review.cost.spent import Spent, spent_so_far, together
from review.reports import CostReport

_SECONDS = 60.0
_TRANSFORMS = 20
"""Transform jobs that are looked at: SageMaker is asked about each."""


@dataclass(frozen=True, slots=True)
class CostView:
    """What the template prints. limit: `max_monthly_usd`; None where there is none."""

    sentence: str
    tone: str
    month: Part[CostReport]
    spent: Part[tuple[Spent, ...]]
    together: Decimal
    limit: float | None


def read_cost(reads: Reads) -> CostView:
    """The costs until now. What has no known price is in no sum, and is named."""
    workspace = reads.workspace
    templates = reads.part("reading the deployed stacks", lambda: _templates(reads))
    month: Part[CostReport] = Part(None, templates.problems)
    if templates.value is not None:
        live = templates.value
        month = Part(cost_report(live, live, workspace.environment, as_of=reads.now.date()))
    spent = reads.part("asking what was spent", lambda: tuple(spent_so_far(workspace, reads.now, _TRANSFORMS)))
    total = together(spent.value or ())
    if templates.value is not None and not templates.value:
        deploy = workspace.command("deploy")
        sentence, tone = (
            f"{workspace.environment.name} was never deployed, and costs nothing. Deploy it: {deploy}",
            "note",
        )
    else:
        sentence, tone = _sentence(month.value, spent.value, total), "note"
    return CostView(sentence, tone, month, spent, total, workspace.environment.max_monthly_usd)


def _templates(reads: Reads) -> Mapping[str, Any]:
    return {pair.stack: pair.live for pair in live_pairs(reads.client("cloudformation"), reads.workspace.names)}


def _sentence(month: CostReport | None, spent: tuple[Spent, ...] | None, total: Decimal) -> str:
    parts = []
    if month is not None:
        parts.append(f"{month.after:,.2f} {month.currency} a month as it is deployed")
    if spent is not None:
        parts.append(f"about {total:,.2f} USD so far")
    return f"It costs {', and has cost '.join(parts)}." if parts else "Neither sum could be made."


COST = View("cost", "Cost", read_cost, lambda _: _SECONDS)
