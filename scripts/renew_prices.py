"""Put AWS's own prices of a region into review/cost/prices.json: python scripts/renew_prices.py OFFER.json …

docs/review-cost-and-policy.md says where an offer file is.
"""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from kickstand.atomic_file import atomic_file
from kickstand.errors import InputError
from review.cost.prices import TABLE, PriceTable, offer_prices, price_table


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
