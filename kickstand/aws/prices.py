"""The table of prices: prices.json beside this file, which scripts/renew_prices.py makes of AWS's own lists."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from kickstand.json_text import parse_json

TABLE = Path(__file__).with_name("prices.json")

Kind = Literal["hosting", "training", "transform", "services"]
"""Instance hours of endpoints, of training jobs and of transform jobs, and the rest by its unit (`s3-gb-month`)."""

_AS_HOSTING = "Of hosting: batch transform has cost the same wherever both were read."


class PriceGroup(BaseModel):
    """Prices that were read in one place on one day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    read_on: date
    """The day on which they held, as far as is known."""
    source: str = Field(min_length=10)
    prices: dict[str, Decimal]
    """USD by instance type or by service and unit."""


class PriceTable(BaseModel):
    """Prices by region and kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priced_on: date
    """The newest of its groups; each has a day of its own."""
    currency: Literal["USD"]
    source: str
    regions: dict[str, dict[Kind, tuple[PriceGroup, ...]]]

    def price(self, region: str, kind: Kind, name: str) -> Price | None:
        """The price of one unit; None where the table has none. Of two the newer.

        Batch transform has the price of hosting where it has none of its own, and the source says so.
        """
        known = [
            Price(amount=group.prices[name], read_on=group.read_on, source=group.source, name=name, kind=kind)
            for group in self.regions.get(region, {}).get(kind, ())
            if name in group.prices
        ]
        found = max(known, key=lambda one: one.read_on, default=None)
        if found is None and kind == "transform" and (hosting := self.price(region, "hosting", name)) is not None:
            return hosting.model_copy(update={"kind": kind, "source": f"{_AS_HOSTING} {hosting.source}"})
        return found


class Price(BaseModel):
    """One price, with the day and the place of it."""

    model_config = ConfigDict(frozen=True)

    amount: Decimal
    read_on: date
    source: str
    name: str
    kind: Kind


@cache
def price_table(file: Path = TABLE) -> PriceTable:
    """The table of the repository."""
    return PriceTable.model_validate(parse_json(file.read_text(encoding="utf-8"), number=Decimal))
