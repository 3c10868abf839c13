"""AWS's offer files, as the table of prices takes them in."""

from __future__ import annotations

import importlib.util
import json
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kickstand.aws.prices import TABLE, price_table
from kickstand.errors import InputError
from scripts.renew_prices import offer_prices

SCRIPT = Path(__file__).parents[4] / "scripts" / "renew_prices.py"


def offer(*products: tuple[str, str, str, str], code: str = "AmazonSageMaker") -> dict[str, Any]:
    """An offer file: component, instance, region and dollars of each product."""
    made: dict[str, Any] = {
        "offerCode": code,
        "publicationDate": "2026-11-02T10:11:12Z",
        "products": {},
        "terms": {"OnDemand": {}},
    }
    for number, (component, instance, region, dollars) in enumerate(products):
        sku = f"SKU{number}"
        attributes = {"component": component, "instanceName": instance, "regionCode": region}
        made["products"][sku] = {"sku": sku, "attributes": attributes}
        dimension = {"unit": "Hrs", "pricePerUnit": {"USD": dollars}}
        made["terms"]["OnDemand"][sku] = {f"{sku}.T": {"priceDimensions": {f"{sku}.T.D": dimension}}}
    return made


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("renew_prices", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    spec.loader.exec_module(module)
    sys.path[:] = path
    return module


def test_hosting_and_training_by_the_hour_are_taken() -> None:
    file = offer(
        ("Hosting", "ml.m5.large", "eu-central-1", "0.1380000000"),
        ("Training", "ml.m5.large", "eu-central-1", "0.1380000000"),
        ("Notebook", "ml.t3.medium", "eu-central-1", "0.0600000000"),
        ("Hosting", "ml.c5.large", "eu-central-1", "0.1160000000"),
    )
    region, kinds = offer_prices(file, where="index.json")
    assert region == "eu-central-1"
    assert {kind: group.prices for kind, group in kinds.items()} == {
        "hosting": {"ml.c5.large": Decimal("0.116"), "ml.m5.large": Decimal("0.138")},
        "training": {"ml.m5.large": Decimal("0.138")},
    }
    assert kinds["hosting"].read_on.isoformat() == "2026-11-02"
    assert "region eu-central-1, published 2026-11-02T10:11:12Z" in kinds["hosting"].source


def test_batch_transform_is_known_by_its_usage_type() -> None:
    file = offer(
        ("Hosting", "ml.m5.large", "us-east-1", "0.1150000000"),
        ("Something", "ml.m5.large", "us-east-1", "0.1160000000"),
    )
    file["products"]["SKU0"]["attributes"]["usagetype"] = "USE1-Host:ml.m5.large"
    file["products"]["SKU1"]["attributes"]["usagetype"] = "USE1-Tsform:ml.m5.large"
    _, kinds = offer_prices(file, where="index.json")
    assert {kind: group.prices for kind, group in kinds.items()} == {
        "hosting": {"ml.m5.large": Decimal("0.115")},
        "transform": {"ml.m5.large": Decimal("0.116")},
    }


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (
            offer(("Hosting", "ml.m5.large", "eu-central-1", "0.1"), code="AmazonEC2"),
            "no offer file of AmazonSageMaker",
        ),
        (
            offer(("Hosting", "ml.m5.large", "eu-west-1", "0.1"), ("Hosting", "ml.m5.xlarge", "eu-west-2", "0.1")),
            "found those of 2",
        ),
        (
            offer(("Hosting", "ml.m5.large", "eu-west-1", "0.1"), ("Hosting", "ml.m5.large", "eu-west-1", "0.2")),
            "two prices for hosting on ml.m5.large",
        ),
        (offer(), "found those of 0"),
    ],
)
def test_what_is_no_list_of_one_region_is_refused(file: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        offer_prices(file, where="index.json")


def test_the_script_puts_a_region_in_the_place_of_what_the_table_had(script: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "index.json").write_text(json.dumps(offer(("Hosting", "ml.m5.xlarge", "eu-west-1", "0.2570000000"))))
    table = script.renewed(price_table(), [tmp_path / "index.json"])
    (group,) = table.regions["eu-west-1"]["hosting"]
    assert group.prices == {"ml.m5.xlarge": Decimal("0.257")}
    assert table.regions["eu-west-1"]["training"] == price_table().regions["eu-west-1"]["training"]
    assert table.priced_on.isoformat() == "2026-11-02"


def test_the_table_stands_as_the_script_writes_it(script: ModuleType) -> None:
    assert script.as_json(price_table()) == TABLE.read_text()
