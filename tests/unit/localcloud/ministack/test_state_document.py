"""The records of a service as a document: whatever a request put into them comes back, or is named."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from localcloud.ministack.state_document import UnsavableError, decode, encode


@pytest.mark.parametrize(
    "value",
    [
        {"__bytes__": 5},
        {"__bytes__": "AAAA"},
        {"__scoped__": True, "data": 1},
        {"__account_region_scoped__": True},
        {"\\__bytes__": {"__bytes__": [{"__scoped__": "x"}]}},
        {"\\": 1, "\\\\__scoped__": 2},
        {"text": '"__bytes__":'},
        {"raw": b"\x00\xff", "list": [b"", {"__bytes__": b"1"}]},
        {"lone": "\ud800", "\udfff": "key"},
        {"big": 10**4000, "infinite": math.inf, "small": -math.inf},
        {"none": None, "yes": True, "zero": 0.0},
    ],
)
def test_what_was_put_in_comes_out(value: dict[str, Any]) -> None:
    assert decode(encode("ssm", {"records": value})) == {"records": value}


def test_nan_comes_out() -> None:
    assert math.isnan(decode(encode("ssm", {"x": math.nan}))["x"])


def test_stores_come_out_as_stores_with_the_users_keys_in_them() -> None:
    regional, account = AccountRegionScopedDict(), AccountScopedDict()
    regional._data = {("1", "us-east-1", "a"): {"__scoped__": 1}, ("1", "us-east-1", ("b", "c\0")): b"x"}
    account._data = {("1", "\ud800"): {"__bytes__": "no"}}
    found = decode(encode("iam", {"r": regional, "a": account}))
    assert (found["r"]._data, found["a"]._data) == (regional._data, account._data)


def test_ministacks_own_documents_are_read() -> None:
    document = {"__ministack_format__": 2, "payload": {"raw": {"__bytes__": "AP8="}, "plain": {"a": 1}}}
    assert decode(json.dumps(document).encode()) == {"raw": b"\x00\xff", "plain": {"a": 1}}


def test_what_json_cannot_hold_is_named_with_its_place() -> None:
    with pytest.raises(UnsavableError, match=r"set is not JSON serializable, at records\['a'\]\[1\]"):
        encode("ssm", {"a": [1, {2}]})
    with pytest.raises(UnsavableError, match="lock is not JSON serializable"):
        encode("ssm", {"a": threading.Lock()})
    with pytest.raises(UnsavableError, match="keys must be str"):
        encode("ssm", {"a": {("x", "y"): 1}})


def test_endless_and_bottomless_records_are_named() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(UnsavableError, match="nested too deep"):
        encode("ssm", deep)
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(UnsavableError, match="Circular reference"):
        encode("ssm", ring)
