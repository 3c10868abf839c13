"""Put AWS's own prices of a region into kickstand/aws/prices.json: python scripts/renew_prices.py OFFER.json …

docs/review-cost-and-policy.md says where an offer file is.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from kickstand.atomic_file import atomic_file
from kickstand.aws.prices import TABLE, Kind, PriceGroup, PriceTable, price_table
from kickstand.errors import InputError, Problem

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


def renewed(table: PriceTable, files: list[Path]) -> PriceTable:
    """The table with what the offer files say in the place of what it had for those regions and kinds."""
    regions = {name: dict(kinds) for name, kinds in table.regions.items()}
    for file in files:
        offer = json.loads(file.read_text(encoding="utf-8"), parse_float=Decimal)
        region, kinds = offer_prices(offer, where=str(file))
        regions[region] = {**regions.get(region, {}), **{kind: (group,) for kind, group in kinds.items()}}
    newest = max(group.read_on for kinds in regions.values() for groups in kinds.values() for group in groups)
    return table.model_copy(update={"regions": dict(sorted(regions.items())), "priced_on": newest})


def as_json(table: PriceTable) -> str:
    """The table as the file holds it: prices are numbers, without zeros at their end."""
    return json.dumps(table.model_dump(mode="python"), indent=2, default=_plain) + "\n"


def _plain(value: object) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)


if __name__ == "__main__":
    try:
        text = as_json(renewed(price_table(), [Path(word) for word in sys.argv[1:]]))
    except InputError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    with atomic_file(TABLE) as out:
        out.write(text.encode())
