"""Records that nobody can change: every way to change a dictionary or a list is refused, and copies are ordinary."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

from localcloud.ministack.frozen import FrozenDict, FrozenList, freeze, frozen_store, is_frozen

RECORD: dict[str, Any] = {
    "Name": "a",
    "Tags": [{"Key": "k", "Value": "v"}],
    "Deep": {"list": [1, [2]]},
    "pair": (1, [2]),
}
CHANGES: dict[str, Callable[[Any], Any]] = {
    "set": lambda record: record.__setitem__("Name", "b"),
    "new": lambda record: record.__setitem__("x", 1),
    "del": lambda record: record.__delitem__("Name"),
    "|=": lambda record: record.__ior__({"x": 1}),
    "update": lambda record: record.update(x=1),
    "pop": lambda record: record.pop("Name"),
    "popitem": lambda record: record.popitem(),
    "setdefault": lambda record: record.setdefault("x", 1),
    "clear": lambda record: record["Deep"].clear(),
    "list set": lambda record: record["Tags"].__setitem__(0, {}),
    "list del": lambda record: record["Tags"].__delitem__(0),
    "list +=": lambda record: record["Tags"].__iadd__([1]),
    "list *=": lambda record: record["Tags"].__imul__(2),
    "append": lambda record: record["Tags"].append(1),
    "extend": lambda record: record["Deep"]["list"][1].extend([1]),
    "insert": lambda record: record["Tags"].insert(0, 1),
    "list pop": lambda record: record["Tags"].pop(),
    "remove": lambda record: record["Tags"].remove(RECORD["Tags"][0]),
    "reverse": lambda record: record["Tags"].reverse(),
    "sort": lambda record: record["pair"][1].sort(),
    "list clear": lambda record: record["Tags"].clear(),
    "in depth": lambda record: record["Tags"][0].__setitem__("Value", "w"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_no_change_gets_through(change: str) -> None:
    record = freeze(RECORD)
    with pytest.raises(TypeError, match="put a changed copy in its place"):
        CHANGES[change](record)
    assert record == RECORD
    CHANGES[change](copy.deepcopy(record))


@pytest.mark.parametrize(("frozen", "plain"), [(FrozenDict, dict), (FrozenList, list)])
def test_every_method_that_changes_is_refused(frozen: type, plain: type) -> None:
    """Of all methods of the plain class, those that are left read, or make something new."""
    reading = {
        "__class_getitem__", "__contains__", "__eq__", "__ge__", "__getattribute__", "__getitem__", "__gt__",
        "__iter__", "__le__", "__len__", "__lt__", "__ne__", "__repr__", "__reversed__", "__sizeof__", "__hash__",
        "__new__", "__init__", "__doc__", "__add__", "__mul__", "__rmul__", "__or__", "__ror__", "copy", "count",
        "fromkeys", "get", "index", "items", "keys", "values",
    }  # fmt: skip
    assert {name for name in vars(plain) if name not in vars(frozen)} <= reading


def test_copies_are_ordinary_and_independent() -> None:
    record = freeze(RECORD)
    for made in (copy.deepcopy(record), pickle.loads(pickle.dumps(record))):  # noqa: S301 - bytes of this test
        assert made == RECORD
        made["Tags"][0]["Value"] = "w"
        made["Deep"]["list"][1].append(3)
        assert type(made) is dict
    assert (type({**record}), type([*record["Tags"]])) == (dict, list)
    assert record == RECORD
    assert json.dumps(record) == json.dumps(RECORD)


def test_what_is_frozen_is_not_made_again() -> None:
    record = freeze(RECORD)
    changed = freeze({**record, "Name": "b"})
    assert freeze(record) is record
    assert changed["Tags"] is record["Tags"]


def test_only_json_is_kept() -> None:
    with pytest.raises(TypeError, match="holds JSON, not a datetime"):
        freeze({"a": [datetime.now(UTC)]})


def test_a_store_freezes_what_is_put_into_it_by_whatever_way() -> None:
    store, other, accounts = frozen_store(), AccountRegionScopedDict(), AccountScopedDict()
    other.set_scoped("1", "r", "update", {"a": []})
    accounts.set_scoped("1", None, "legacy", {"a": []})
    store["set"] = {"a": []}
    store.set_scoped("1", "r", "scoped", {"a": []})
    store.setdefault("default", {"a": []})
    store.update(other)
    store.update(accounts)
    store.update({"plain": {"a": []}})
    made = type(store).from_dict({("1", "r", "made"): {"a": []}})
    for values in (store.all_values(), made.all_values()):
        assert [type(each["a"]) for each in values] == [FrozenList] * len(values)
    assert len(store.all_values()) == 6
    assert (is_frozen(store), is_frozen(made), is_frozen(other)) == (True, True, False)
