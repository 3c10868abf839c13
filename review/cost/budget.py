"""The limits of what an environment may cost: `max_monthly_usd` of its stacks, `max_job_usd` of a training job."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kickstand.aws.prices import PriceTable
from kickstand.errors import InputError, Problem
from review.cost.report import MostCost, most_cost

if TYPE_CHECKING:
    from kickstand.config.model import Environment
    from kickstand.workspace import Workspace


def require_budget(
    workspace: Workspace, planned: Mapping[str, Mapping[str, Any]], *, table: PriceTable | None = None
) -> None:
    """Raise InputError where what is to be deployed costs more a month than the environment may.

    planned: templates by stack. table: default: the repository's.
    """
    environment = workspace.environment
    if environment.max_monthly_usd is None:
        return
    problem = budget_problem(
        most_cost(planned, environment, table), environment, review_command=workspace.command("review")
    )
    if problem is not None:
        raise InputError(problem)


def budget_problem(most: MostCost, environment: Environment, *, review_command: str) -> Problem | None:
    """Why what a month can cost is not within `max_monthly_usd`; None where it is, or where there is no limit.

    A part without a known price could cost anything: it is refused too.
    """
    limit, name = environment.max_monthly_usd, environment.name
    if limit is None or (most.total <= limit and not most.unknown):
        return None
    where = environment.where("max_monthly_usd")
    if most.total <= limit:
        message = (
            f"What {name} costs a month cannot be compared with max_monthly_usd = {limit:g}: no price is known for "
            f"{', '.join(most.unknown)}. Nothing was deployed."
        )
        fix = "Add the prices of the region (docs/review-cost-and-policy.md), or take max_monthly_usd out."
        return Problem(message, where, fix)
    parts = "; ".join(f"{label} {amount:,.2f}" for label, amount in most.parts)
    message = (
        f"{name} can cost {most.total:,.2f} USD a month, more than max_monthly_usd = {limit:g}. "
        f"Nothing was deployed. The parts: {parts}."
    )
    if most.unknown:
        message += f" Without {', '.join(most.unknown)}, whose price is not known."
    fix = f"Use fewer or cheaper instances, or raise max_monthly_usd. Each part in full: {review_command}"
    return Problem(message, where, fix)
