"""Which accounts and regions hold anything."""

from __future__ import annotations

from typing import Any

from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict
from ministack.services import s3

from localcloud.emulator.persistence import service_modules

_NOBODY = "000000000000"
"""The account of requests that name none: it holds what the emulator makes for itself."""


def used_accounts() -> dict[str, list[str]]:
    """Accounts with records, and in which regions (the records of global services have none)."""
    found: dict[str, set[str]] = {}
    for (account, _), bucket in list(s3._buckets._data.items()):
        found.setdefault(account, set()).add(bucket.get("region") or "us-east-1")
    for module in service_modules().values():
        for store in vars(module).values():
            for account, region in _places(store):
                regions = found.setdefault(account, set())
                if region:
                    regions.add(region)
    return {account: sorted(regions) for account, regions in sorted(found.items()) if account != _NOBODY}


def _places(store: Any) -> list[tuple[str, str]]:
    if isinstance(store, AccountRegionScopedDict):
        return [(key[0], key[1]) for key in list(store._data)]
    if isinstance(store, AccountScopedDict):
        return [(key[0], "") for key in list(store._data)]
    return []
