"""What a run is said to cost: sums worked out by hand from a table written here."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from acceptance.estimate import Used, cost, estimate
from acceptance.project import Plan
from kickstand.aws.prices import PriceTable, price_table
from kickstand.config.load import load_project


def table(**prices: dict[str, str]) -> PriceTable:
    """Prices of us-east-1 by kind."""
    groups = {
        kind: [{"read_on": "2026-07-30", "source": "written for this test", "prices": of}]
        for kind, of in prices.items()
    }
    fields = {"priced_on": "2026-07-30", "currency": "USD", "source": "x", "regions": {"us-east-1": groups}}
    return PriceTable.model_validate(fields)


TABLE = table(hosting={"ml.t2.medium": "0.06", "ml.m5.large": "0.12"}, training={"ml.m5.large": "0.12"})


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return plan_in("us-east-1", tmp_path)


def plan_in(region: str, folder: Path) -> Plan:
    file = folder / "kickstand.toml"
    file.write_text(
        '[project]\nname = "bikes"\n[data]\ntrain = "train.csv"\n[hyperparameters]\nobjective = "reg:squarederror"\n'
        f'num_round = 9\n[environments.dev]\naccount = "111122223333"\nregion = "{region}"\n'
    )
    dev = load_project(file).environments["dev"]
    return Plan(dev, dev, "20261128T202600Z")


def test_the_sums_are_those_of_the_minutes(plan: Plan) -> None:
    # Endpoints 55 + 10 minutes at 0.06; jobs 6 and 5 minutes at 0.12: 0.065 + 0.012 + 0.010 = 0.087.
    # At most: both endpoints 210 minutes, 0.42; three jobs of 15 minutes, 0.09; a transform of an hour, 0.12: 0.63.
    found = estimate(plan, TABLE)
    assert (found.about, found.most) == (Decimal("0.09"), Decimal("0.63"))
    assert found.sentence() == "This costs about $0.09, at most $0.63, and takes about 80 minutes (at most 210)."


def test_each_line_names_instance_price_and_day(plan: Plan) -> None:
    first, *_, last = estimate(plan, TABLE).lines()
    assert first == (
        "the endpoint of dev: about 55, at most 210 minutes of ml.t2.medium at $0.06 an hour (price of 2026-07-30)"
    )
    assert "KMS keys" in last


def test_a_region_without_prices_takes_those_of_us_east_1_and_says_so(tmp_path: Path) -> None:
    found = estimate(plan_in("eu-south-2", tmp_path), TABLE)
    assert found.about == Decimal("0.09")
    assert "the price of us-east-1: none is known of eu-south-2" in next(iter(found.lines()))


def test_what_has_no_price_is_said_to_have_none(plan: Plan) -> None:
    found = estimate(plan, table(training={"ml.m5.large": "0.12"}))
    assert found.about == Decimal("0.02")  # 0.012 of training alone, up to the cent
    assert "whose price the table does not know: it is not in the sum" in next(iter(found.lines()))


def test_the_repositorys_own_table_knows_the_smallest_instances(plan: Plan) -> None:
    assert all(one.price is not None for one in estimate(plan, price_table()).priced)
    assert Decimal("0.05") < estimate(plan, price_table()).about < Decimal("0.50")


def test_what_was_used_is_priced_by_the_second() -> None:
    used = (Used("hosting", "ml.t2.medium", 1800.0), Used("training", "ml.m5.large", 90.0))
    spent, how = cost(used, "us-east-1", TABLE, on=date(2026, 11, 28))
    assert spent == Decimal("0.04")  # 0.03 + 0.003, up to the cent
    assert how == (
        "30.0 minutes of ml.t2.medium (hosting), 1.5 minutes of ml.m5.large (training), at the prices of the table on "
        "2026-11-28"
    )
