"""The table of prices (prices.json beside this file), and how it is made of AWS's own list of prices for a region."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from kickstand.errors import InputError, Problem
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


_COMPONENTS: Mapping[str, Kind] = {"Hosting": "hosting", "Training": "training"}
_TRANSFORM = re.compile(r"(?:[A-Z0-9]+-)?Tsform:(ml\..+)")
"""The usage type of batch transform: `USE1-Tsform:ml.m5.large`."""


def offer_prices(offer: Mapping[str, Any], *, where: str) -> tuple[str, dict[Kind, PriceGroup]]:
    """The region of an offer file, and its prices on demand of hosting, training and transform instances.

    InputError: it is of another service or of several regions, has none of these prices, or has two for one type.
    """
    if offer.get("offerCode") != "AmazonSageMaker":
        raise InputError(Problem("This is no offer file of AmazonSageMaker.", where))
    found: dict[Kind, dict[str, Decimal]] = {}
    regions = set()
    for sku, product in offer.get("products", {}).items():
        attributes = product.get("attributes", {})
        kind, name = _use(attributes)
        amount = _on_demand(offer.get("terms", {}).get("OnDemand", {}).get(sku, {}))
        if kind is None or not name.startswith("ml.") or not amount:
            continue
        regions.add(attributes.get("regionCode", ""))
        if found.setdefault(kind, {}).setdefault(name, amount) != amount:
            raise InputError(Problem(f"There are two prices for {kind} on {name}.", where))
    if len(regions) != 1:
        raise InputError(Problem(f"Expected the prices of one region, found those of {len(regions)}.", where))
    published = str(offer["publicationDate"])
    (region,) = regions
    source = f"AWS Price List, offer file AmazonSageMaker, region {region}, published {published}."
    day = date.fromisoformat(published[:10])
    return region, {
        kind: PriceGroup(read_on=day, source=source, prices=dict(sorted(prices.items())))
        for kind, prices in found.items()
    }


def _use(attributes: Mapping[str, str]) -> tuple[Kind | None, str]:
    """What a product is for, and on which type of instance."""
    transform = _TRANSFORM.fullmatch(attributes.get("usagetype", ""))
    if transform is not None:
        return "transform", transform[1]
    return _COMPONENTS.get(attributes.get("component", "")), attributes.get("instanceName", "")


def _on_demand(terms: Mapping[str, Any]) -> Decimal | None:
    """The price of an hour in dollars; None where there is none."""
    for term in terms.values():
        for dimension in term.get("priceDimensions", {}).values():
            if dimension.get("unit") in ("Hrs", "hours", "Hours") and "USD" in dimension.get("pricePerUnit", {}):
                return Decimal(dimension["pricePerUnit"]["USD"]).normalize()
    return None
