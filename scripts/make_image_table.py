"""Write infra/xgboost_images.json: where each region keeps the built-in XGBoost image.

Usage: `python scripts/make_image_table.py [OUTPUT]`, after a new sagemaker-core has been installed.

Accounts, versions and tags come from the SageMaker SDK's own `image_uri_config/xgboost.json`, domains from
botocore's table of partitions. The SDK itself is not imported: its data file is read where it is installed.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import files
from pathlib import Path
from typing import Any

import botocore.session

_SDK_TABLE = "sagemaker/core/image_uri_config/xgboost.json"
_REPOSITORY = "sagemaker-xgboost"
_OUTPUT = Path(__file__).resolve().parent.parent / "infra" / "xgboost_images.json"


def sdk_table() -> dict[str, Any]:
    """The SDK's table, as installed."""
    for file in files("sagemaker-core") or ():
        if file.as_posix() == _SDK_TABLE:
            table: dict[str, Any] = json.loads(Path(str(file.locate())).read_text(encoding="utf-8"))
            return table
    raise SystemExit(f"sagemaker-core does not hold {_SDK_TABLE}: it has moved, look for it and change this script.")


def image_table(sdk: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Accounts and domains by region, tags by version; from what training and inference agree on.

    Version `1` (repository `xgboost`, other accounts) and its alias `latest` are a legacy image: left out.
    """
    if sdk["training"]["versions"] != sdk["inference"]["versions"]:
        raise SystemExit("Training and inference use different images now: the table needs a column for each.")
    versions = {v: e for v, e in sdk["training"]["versions"].items() if e["repository"] == _REPOSITORY}
    registries = [entry["registries"] for entry in versions.values()]
    accounts: dict[str, str] = registries[-1]
    if any(registry != accounts for registry in registries):
        raise SystemExit("Versions differ in their registry accounts now: the table needs accounts by version.")
    session = botocore.session.get_session()
    suffixes = session.get_component("endpoint_resolver")
    domains = {
        region: suffixes.get_partition_dns_suffix(session.get_partition_for_region(region)) for region in accounts
    }
    return {"accounts": accounts, "domains": domains, "versions": {v: _tag(v, e) for v, e in versions.items()}}


def _tag(version: str, entry: dict[str, Any]) -> str:
    """`0.90-1-cpu-py3` where the SDK lists processors and Python versions, else the version itself."""
    return "-".join([version, *entry.get("processors", []), *entry.get("py_versions", [])])


def canonical(table: dict[str, dict[str, str]]) -> bytes:
    """The same table always gives the same bytes."""
    return (json.dumps(table, indent=2, sort_keys=True) + "\n").encode()


def main(arguments: list[str]) -> None:
    output = Path(arguments[0]) if arguments else _OUTPUT
    table = image_table(sdk_table())
    output.write_bytes(canonical(table))
    print(f"{output}: {len(table['accounts'])} regions, {len(table['versions'])} versions")


if __name__ == "__main__":
    main(sys.argv[1:])
