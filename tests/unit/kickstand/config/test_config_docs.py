"""docs/configuration.md has every table and key, with the type and the default that the program has.

What the defaults of an endpoint's operation come to is in one table of docs/endpoint-updates.md.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from project_files import problems, write
from samples import environment, release

from kickstand.config.load import ENVIRONMENT_KEYS, FREE_TABLES, RULES, TABLES, load_project
from kickstand.config.model import Environment, Hosting
from kickstand.config.operation import Update
from kickstand.config.promotion_rules import TEST_METRICS
from kickstand.config.rules import RETENTION_DAYS
from kickstand.release.rules import latency_limit_ms

PAGE_FILE = Path(__file__).resolve().parents[4] / "docs" / "configuration.md"
PAGE = PAGE_FILE.read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## `\[([\w.]+)\]`\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \| (.+) \|$", re.MULTILINE)

FIELDS: dict[str, dict[str, Any]] = {
    "project": {"name": None},
    "environments.NAME": {key: Environment.model_fields[key] for key in ENVIRONMENT_KEYS},
    **{
        table: {key: field for key, field in model.model_fields.items() if f"{table}.{key}" not in TABLES}
        for table, model in TABLES.items()
    },
}
ARNS = {
    "kms_key_arn",
    "role_arn",
    "training",
    "hosting",
    "trigger",
    "permissions_boundary",
    "oidc_provider_arn",
    "topic_arn",
}


SHOWN: dict[Any, str] = {int: "whole number", float: "number", bool: "true or false", Path: "path"}


def shown_type(key: str, annotation: Any) -> str:
    if annotation == tuple[Path, ...]:
        return "list of paths"
    wanted = next((part for part in get_args(annotation) if part in SHOWN), annotation)
    if wanted in SHOWN:
        return SHOWN[wanted]
    if key in ARNS:
        return "ARN"
    return "list of texts" if get_origin(annotation) is tuple else "text"


def shown_default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if value is None:
        return "none"
    if isinstance(value, str):
        return f'`"{value}"`'
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{list(value) if value == () else value}`"


def test_every_table_has_a_section() -> None:
    assert set(SECTIONS) == {*FIELDS, *FREE_TABLES}


@pytest.mark.parametrize("table", FIELDS)
def test_every_key_is_there_with_its_type_and_default(table: str) -> None:
    rows = {key: (kind, default) for key, kind, default, _ in ROW.findall(SECTIONS[table])}
    expected = {
        key: ("text", "required") if field is None else (shown_type(key, field.annotation), shown_default(field))
        for key, field in FIELDS[table].items()
    }
    assert rows == expected


def test_every_bound_that_is_refused_is_told() -> None:
    for setting, section in (
        ("training.volume_size_gb", "training"),
        ("training.max_runtime_seconds", "training"),
        ("training.instance_count", "training"),
        ("hosting.instance_count", "hosting"),
        ("data.golden_rows", "data"),
        ("hosting.startup_seconds", "hosting"),
        ("hosting.update.max_seconds", "hosting.update"),
        ("hosting.capture.percent", "hosting.capture"),
        ("hosting.capture.days", "hosting.capture"),
        ("gates.resamples", "gates"),
        ("gates.latency_requests", "gates"),
    ):
        fault = RULES[setting](0)
        assert fault is not None
        bounds = re.match(r"must be (\d+ to \d+)", fault[0])
        assert bounds is not None
        assert bounds[1] in SECTIONS[section]
    assert all(f"`{name}`" in SECTIONS["gates"] for name in TEST_METRICS)
    days = ", ".join(map(str, RETENTION_DAYS[:-1])) + f" or {RETENTION_DAYS[-1]}"
    assert days in SECTIONS["logs"]


def test_every_default_of_an_endpoints_operation_is_in_one_table() -> None:
    page = PAGE_FILE.with_name("endpoint-updates.md").read_text(encoding="utf-8")
    section = page.split("## Every default\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    columns = [
        _operation(environment(name=name, hosting=Hosting(instance_count=count)))
        for name, count in (("prod", 1), ("prod", 2), ("dev", 1))
    ]
    expected = {key: ["none" if column[key] is None else str(column[key]) for column in columns] for key in columns[0]}
    assert {row[0].strip("`"): row[1:] for row in rows} == expected


def _operation(settings: Environment) -> dict[str, object]:
    """Each setting of how an endpoint is operated, and what it comes to."""
    hosting, shift = settings.hosting, settings.traffic_shift
    alerts = {key: value or None for key, value in settings.alerts}
    return {
        "hosting.startup_seconds": hosting.startup_seconds,
        **{f"hosting.update.{key}": getattr(shift, key) for key in Update.model_fields},
        **{f"hosting.alarms.{key}": f"{value:g}" for key, value in hosting.alarms if value is not None},
        "hosting.alarms.max_p99_ms": f"{latency_limit_ms(settings, release()):g}",
        **{f"alerts.{key}": value for key, value in alerts.items()},
    }


def test_the_project_files_of_the_page_are_right(tmp_path: Path) -> None:
    smallest, *parts = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert load_project(write(tmp_path, smallest)).name == "bikes"
    assert len(parts) == 6
    for part in parts:
        prod = '[environments.prod]\naccount = "111122223333"\nregion = "us-east-1"\n'
        environments = load_project(write(tmp_path, f"{smallest}{prod}{part}")).environments
        assert list(environments) == ["dev", "prod"]


def test_the_refused_regions_and_families_are_those_of_the_tables() -> None:
    from kickstand.aws.instance_types import ACCELERATOR_FAMILIES, ARM_FAMILIES, instance_types
    from kickstand.images import image_table

    regions, families = PAGE.split("### Regions")[1].split("\n## ")[0], PAGE.split("## Instance types")[1]
    table = [line.split("|")[1] for line in regions.splitlines() if line.startswith("| `")]
    assert {name.strip(" `") for cell in table for name in cell.split(",")} == set(image_table().missing_types)
    arm, accelerators = [line.split("|")[1] for line in families.splitlines() if line.startswith("| `")][:2]
    assert set(arm.replace("`", "").split()) == ARM_FAMILIES
    assert set(accelerators.replace("`", "").split()) == ACCELERATOR_FAMILIES
    assert "ml.t3.medium" in instance_types("training") - instance_types("hosting")
    assert "ml.t2.medium" in instance_types("hosting") - instance_types("training")


def test_26_characters_fit_in_every_region_and_environment(tmp_path: Path) -> None:
    from kickstand.images import regions

    assert "so 26 fit in every region and environment" in SECTIONS["project"]
    longest = max(regions(), key=len)
    for length, fits in ((26, True), (27, False)):
        text = (
            f'[project]\nname = "{"b" * length}"\n[data]\ntrain = "t"\n'
            f'[environments.staging]\naccount = "111122223333"\nregion = "{longest}"\n'
        )
        if fits:
            load_project(write(tmp_path, text))
        else:
            assert len(problems(tmp_path, text)) == 1
