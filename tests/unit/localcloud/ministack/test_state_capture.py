"""What changed in the services' records is saved, whatever it was: the state read back is the state in memory.

The oracle is the text of all records in memory, in their order; it shares nothing with how a change is noticed.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from random import Random
from types import ModuleType
from typing import Any

import pytest
from ministack.core.persistence import _json_default
from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict
from ministack.services import cloudformation as ministack_cloudformation
from ministack.services import iam as ministack_iam
from ministack.services import sts as ministack_sts

from localcloud.ministack import log_events, persistence, record_changes, record_marks
from localcloud.ministack.frozen import frozen_store
from localcloud.ministack.iam.resources import _load_persisted_state
from localcloud.ministack.persistence import StateCapture, saved_records
from localcloud.ministack.state_document import encode
from localcloud.server.persistence import Moment, StateFiles

PLACE = ("111122223333", "us-east-1")


class World:
    """Services with stores of every kind, their capture, and the folder that they are saved to."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.states: dict[str, dict[str, Any]] = {
            "own": {"frozen": frozen_store()},
            "taken": {"regional": AccountRegionScopedDict(), "account": AccountScopedDict(), "plain": {}, "list": []},
            "odd": {"regional": AccountRegionScopedDict(), "plain": {}},
            "cloudformation": {"stacks": AccountRegionScopedDict()},
            log_events.SERVICE: {"log_groups": AccountRegionScopedDict(), "log_records": {}},
        }
        self._start()

    def modules(self) -> dict[str, ModuleType]:
        made = {}
        for name, state in self.states.items():
            made[name] = ModuleType(name)
            vars(made[name])["get_state"] = lambda of=state: dict(of)
        return made

    def save(self) -> Moment:
        moment = self.capture()
        self.files.save(moment)
        return moment

    def lose_a_save(self) -> None:
        """Capture, and find the disk full."""
        self.capture()
        self.capture.forget()

    def restart(self) -> None:
        """Go on with what is saved."""
        read = self.read()
        for service, state in self.states.items():
            for name, store in state.items():
                saved = read.get(service, {}).get(name, type(store)())
                state[name] = frozen_store() if service == "own" else saved
                if service == "own":
                    state[name].update(saved)
        self._start()

    def read(self) -> dict[str, dict[str, Any]]:
        """What a server that starts now would read."""
        documents = StateFiles(self._folder).load()
        found = {service: saved_records(service, documents) for service in self.states}
        return {service: records for service, records in found.items() if records is not None}

    def segments(self) -> int:
        """How many segments of log events are saved."""
        return sum(name.startswith(log_events.PREFIX) for name in StateFiles(self._folder).load())

    def _start(self) -> None:
        self.capture, self.files = StateCapture(), StateFiles(self._folder)
        self.files.load()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(tmp_path)
    monkeypatch.setattr(persistence, "service_modules", made.modules)
    return made


def text(records: Mapping[str, Any]) -> str:
    """All of it, in order, types and all; without what is never saved."""
    return json.dumps({name: store for name, store in records.items() if name != "log_records"}, default=_json_default)


def segments_of(groups: Any) -> int:
    """How many segments the events of all streams make."""
    streams = [stream for group in groups.all_values() for stream in group["streams"].values()]
    return sum(-(-len(stream["events"]) // log_events.LENGTH) for stream in streams)


VALUES: tuple[Any, ...] = (
    0,
    1,
    True,
    False,
    1.0,
    0.0,
    -0.0,
    None,
    "",
    "1",
    b"1",
    10**30,
    "\ud800",
    "é",
    {},
    [],
    {"__bytes__": 1},
    [[]],
)


def value(draw: Random, depth: int = 3) -> Any:
    if depth and draw.random() < 0.5:
        return {draw.choice("abc"): value(draw, depth - 1) for _ in range(draw.randrange(4))}
    if depth and draw.random() < 0.4:
        return [value(draw, depth - 1) for _ in range(draw.randrange(4))]
    found = draw.choice(VALUES)
    return json.loads(json.dumps(found)) if isinstance(found, dict | list) else found


def inside(draw: Random, found: Any) -> Iterator[Any]:
    """Every dictionary and list in a value, itself too."""
    if isinstance(found, dict | list):
        yield found
        for each in [*(found.values() if isinstance(found, dict) else found)]:
            yield from inside(draw, each)


def change_within(draw: Random, record: Any) -> None:
    """Change something in a record, in whatever depth, as ministack does: in place."""
    places = [*inside(draw, record)]
    if not places:
        return
    place = draw.choice(places)
    if isinstance(place, dict):
        key = draw.choice("abcd")
        again = place.pop(key, None)
        if draw.random() < 0.3 and again is not None:
            place[key] = again  # the same, behind the others
        elif draw.random() < 0.7:
            place[key] = value(draw, 1)
    elif place and draw.random() < 0.4:
        place.reverse() if draw.random() < 0.5 else place.pop()
    else:
        place.append(value(draw, 1))


def change_store(draw: Random, store: Any) -> None:
    keys: list[Any] = [("111122223333", "us-east-1", name) for name in ("a", "b", ("c", "d\0"), "\udfff'", 'q"/x')]
    keys += [("444455556666", "eu-west-1", "a"), (*PLACE, "e/f"), (*PLACE, 7)]
    account, region, name = draw.choice(keys)
    there = store.get_scoped(account, region, name)
    action = draw.random()
    if there is None or action < 0.15:
        store.set_scoped(account, region, name, value(draw))
    elif action < 0.35:
        store._data.pop((account, region, name) if isinstance(store, AccountRegionScopedDict) else (account, name))
    elif action < 0.45:
        key = (account, region, name) if isinstance(store, AccountRegionScopedDict) else (account, name)
        store._data[key] = store._data.pop(key)  # the same record, behind the others
    elif action < 0.6 or getattr(store, "frozen", False):
        store.set_scoped(account, region, name, {"was": there, "and": value(draw, 1)} if draw.random() < 0.5 else there)
    else:
        change_within(draw, there)


def change_stack(draw: Random, stacks: Any, number: int) -> None:
    """A record with a value that is replaced and never changed, wherever it stands in it."""
    stack = stacks._data.setdefault((*PLACE, draw.choice("vw")), {})
    action = draw.random()
    if action < 0.1:
        stacks._data.popitem()
    elif action < 0.4:
        stack["_template"] = value(draw)
    elif action < 0.5:
        stack.pop("_template", None)
    elif action < 0.6:
        stack["_template"] = draw.choice([*stacks._data.values()]).get("_template")  # two may have the same
    elif action < 0.8:
        stack.pop("other", None)
        stack["other"] = number
    else:
        change_within(draw, stack.setdefault("deep", {}))


def change_logs(draw: Random, groups: Any, number: int) -> None:
    group, stream = draw.choice("gh"), draw.choice("stu")
    streams = groups._data.setdefault((*PLACE, group), {"arn": group, "streams": {}, "tags": {}})["streams"]
    action = draw.random()
    if action < 0.1:
        groups._data.pop((*PLACE, group))
    elif action < 0.2:
        streams.pop(stream, None)
    elif action < 0.3:
        change_within(draw, groups._data[*PLACE, group]["tags"])
    else:
        found = streams.setdefault(stream, {"events": [], "token": 0})
        ids = [f"{number}-{each}" for each in range(draw.randrange(5))]
        events = [{"eventId": each, "timestamp": draw.randrange(99), "message": "m"} for each in ids]
        found["events"] = sorted([*found["events"], *events], key=lambda event: event["timestamp"])
        found["token"] = number


@pytest.mark.parametrize("seed", range(12))
def test_whatever_changes_is_read_back(world: World, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    monkeypatch.setattr(log_events, "LENGTH", 3)
    monkeypatch.setattr("localcloud.server.persistence.SPARE", 4000)
    monkeypatch.setattr(record_changes, "_LOOKS", 0 if seed == 1 else 3)  # without: all is read in whole
    draw = Random(seed)
    good = {}
    unsavable = False
    for number in range(120):
        for _ in range(draw.randrange(4)):
            service = draw.choice([*world.states])
            name = draw.choice([*world.states[service]])
            store = world.states[service][name]
            if service == log_events.SERVICE:
                change_logs(draw, world.states[service]["log_groups"], number)
            elif service == "cloudformation":
                change_stack(draw, store, number)
            elif isinstance(store, AccountRegionScopedDict | AccountScopedDict):
                change_store(draw, store)
            else:
                change_within(draw, store)
        if draw.random() < 0.05:
            unsavable = not unsavable
            odd = world.states["odd"]["plain"]
            odd.update(x={"not": {"JSON"}}) if unsavable else odd.pop("x", None)
        if draw.random() < 0.1:
            taken = world.states["taken"]
            taken.pop("list", None) if draw.random() < 0.5 else taken.setdefault("list", [number])
        if draw.random() < 0.1:
            world.lose_a_save()
            continue
        moment = world.save()
        assert set(moment.failures) == ({"odd"} if unsavable else set())
        good.update({name: text(state) for name, state in world.states.items() if name not in moment.failures})
        assert {name: text(state) for name, state in world.read().items()} == good
        assert world.segments() == segments_of(world.states[log_events.SERVICE]["log_groups"])
        if draw.random() < 0.1:
            world.files.flush()
        if draw.random() < 0.05 and not unsavable:
            world.restart()
            assert {name: text(state) for name, state in world.states.items()} == good


def test_only_the_record_that_changed_is_a_document(world: World) -> None:
    store = world.states["taken"]["regional"]
    for name in "abc":
        store.set_scoped(*PLACE, name, {"deep": [{"list": [1]}]})
        world.states["own"]["frozen"].set_scoped(*PLACE, name, {"x": 1})
    world.save()
    assert world.save() == Moment({}, [], set(), set(world.states), {})
    store.get_scoped(*PLACE, "b")["deep"][0]["list"][0] = True  # equal to the 1 that it was
    document = encode("taken", {"regional": store_of(*PLACE, "b", {"deep": [{"list": [True]}]})})
    assert world.save().changed == {f"taken/regional/{(*PLACE, 'b')}": document}
    world.states["own"]["frozen"].set_scoped(*PLACE, "c", {"x": True})
    assert list(world.save().changed) == [f"own/frozen/{(*PLACE, 'c')}"]
    stacks = world.states["cloudformation"]["stacks"]
    for name in "de":
        stacks.set_scoped(*PLACE, name, {"_template": {"a": 1}, "status": "x", "_more": [1]})
    world.save()
    for field, new in (("_template", {"a": True}), ("status", "y")):
        stacks.get_scoped(*PLACE, "d")[field] = new
        assert list(world.save().changed) == [f"cloudformation/stacks/{(*PLACE, 'd')}"]
    assert world.save().changed == {}
    del store._data[*PLACE, "a"]
    moment = world.save()
    assert (moment.changed, moment.removed) == ({}, [f"taken/regional/{(*PLACE, 'a')}"])


def store_of(account: str, region: str, name: str, record: Any) -> Any:
    store = AccountRegionScopedDict()
    store.set_scoped(account, region, name, record)
    return store


def test_ministack_uses_a_stacks_template_where_it_was_seen_that_it_never_changes_one() -> None:
    """Where another version of it has other lines: look whether one changes a template in place (record_marks.py)."""
    folder = Path(str(ministack_cloudformation.__file__)).parent
    found = {file.stem: file.read_text("utf-8").count('"_template"') for file in folder.glob("*.py")}
    assert {name: count for name, count in found.items() if count} == {
        "changesets": 10,
        "handlers": 12,
        "provisioners": 4,
        "stacks": 8,
    }


def test_a_store_of_what_marshal_does_not_know_is_saved_too(world: World) -> None:
    store = world.states["taken"]["regional"]
    store.set_scoped(*PLACE, "a", OrderedDict(b=1, a=[OrderedDict()]))
    assert world.save().failures == {}
    store.get_scoped(*PLACE, "a")["a"][0]["c"] = 2
    assert world.save().failures == {}
    assert world.read()["taken"]["regional"]._data == {(*PLACE, "a"): {"b": 1, "a": [{"c": 2}]}}


def test_a_service_that_cannot_be_saved_is_named_and_waits(world: World) -> None:
    plain = world.states["odd"]["plain"]
    plain["kept"] = 1
    world.save()
    plain.update(kept=2, lock=threading.Lock())
    assert world.save().failures == {"odd": "TypeError: cannot pickle '_thread.lock' object"}
    plain["lock"] = {1}
    failures = world.save().failures
    assert failures == {"odd": "Object of type set is not JSON serializable, at records['plain']['lock']"}
    assert world.read()["odd"]["plain"] == {"kept": 1}
    del plain["lock"]
    assert world.save().failures == {}
    assert world.read()["odd"]["plain"] == {"kept": 2}


def test_records_of_many_stores_are_of_one_moment(world: World) -> None:
    """Threads write a number into one store after the other; in what is read back no later store is ahead."""
    ended = threading.Event()
    stores = [
        world.states["taken"]["regional"],
        world.states["own"]["frozen"],
        world.states["cloudformation"]["stacks"],
        world.states["odd"]["regional"],
    ]
    stack = {"_template": {}, "deep": [0]}
    stores[2].set_scoped(*PLACE, "n", stack)

    def write() -> None:
        number = 0
        while not ended.is_set():
            number += 1
            for store in stores:
                if store is stores[2]:
                    stack["deep"] = [number]
                else:
                    store.set_scoped(*PLACE, "n", {"deep": [number]})

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread = threading.Thread(target=write)
    thread.start()
    seen = set[int]()
    try:
        while len(seen) < 60:
            world.save()
            read = world.read()
            found = [
                read["taken"]["regional"],
                read["own"]["frozen"],
                read["cloudformation"]["stacks"],
                read["odd"]["regional"],
            ]
            numbers = [store._data.get((*PLACE, "n"), {"deep": [0]})["deep"][0] for store in found]
            assert numbers == sorted(numbers, reverse=True) and numbers[-1] >= numbers[0] - 1
            seen.add(numbers[0])
    finally:
        ended.set()
        thread.join()
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("changes", [1, 30])
def test_a_record_that_changes_before_the_one_moment_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch, changes: int
) -> None:
    """What is read of a record is found first; where it changes each time meanwhile, all of it is read."""
    stack: dict[str, Any] = {"_template": {"a": 1}, "status": 0, "more": [1]}
    world.states["cloudformation"]["stacks"].set_scoped(*PLACE, "v", stack)
    world.save()
    left = [changes]

    def change(called: Any, *arguments: Any) -> Any:
        if left[0] and called is list:
            left[0] -= 1
            stack.update(status=left[0], more=[left[0]], _template={"a": left[0]})
        return partial(called, *arguments)

    monkeypatch.setattr(record_marks, "partial", change)
    assert world.save().failures == {}
    assert world.read()["cloudformation"]["stacks"]._data == {(*PLACE, "v"): stack}
    assert stack["status"] < changes


def test_a_service_that_walks_its_records_while_they_change_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ministack's Lambda does, in Python; and where that never ends, the save says so."""
    monkeypatch.setattr(persistence, "_PAUSE", 0.0)
    modules, plain = world.modules(), world.states["taken"]["plain"]
    failing = [3]

    def get_state() -> dict[str, Any]:
        for _ in plain:
            if failing[0]:
                failing[0] -= 1
                plain[f"added {failing[0]}"] = 0
        return {"plain": plain}

    vars(modules["taken"])["get_state"] = get_state
    monkeypatch.setattr(persistence, "service_modules", lambda: modules)
    plain["first"] = 1
    assert world.save().failures == {}
    assert failing == [0]
    assert list(world.read()["taken"]["plain"]) == ["first", "added 2", "added 1", "added 0"]
    failing[0] = 1000
    with pytest.raises(RuntimeError, match="changed size"):
        world.capture()


def test_expired_sessions_go_while_others_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every AssumeRole adds a session and drops those that have expired, beside the capture that reads them."""
    with monkeypatch.context() as patch:
        for name in ("_evict_expired_sessions", "get_state", "load_persisted_state"):
            patch.setattr(ministack_sts, name, getattr(ministack_sts, name))
        patch.setattr(ministack_sts, "_sessions", {})
        persistence.keep_sessions()
        ended, errors = threading.Event(), list[Exception]()

        def assume() -> None:
            number = 0
            while not ended.is_set():
                number += 1
                expires = 0.0 if number % 2 else 4e9
                try:
                    ministack_sts.register_session(f"{threading.get_ident()}-{number % 500}", {"Expiration": expires})
                except RuntimeError as error:
                    errors.append(error)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        threads = [threading.Thread(target=assume) for _ in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(300):
                ministack_sts.get_state()
        except RuntimeError as error:
            errors.append(error)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
            sys.setswitchinterval(interval)
        assert errors == []
        kept = ministack_sts.get_state()["sessions"]
        assert kept
        assert {session["Expiration"] for session in kept.values()} == {4e9}


def test_records_of_the_first_format_are_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Documents as versions up to 0.3.0 wrote them: a whole service, and segments of log events."""
    event = {"eventId": "e", "timestamp": 1, "message": "m"}
    groups = store_of(*PLACE, "g", {"arn": "g", "streams": {"s": {"events": ["cloudwatch_logs-events-0a-0"]}}})
    documents = {
        "cloudwatch_logs": encode("cloudwatch_logs", {"log_groups": groups, "destinations": AccountScopedDict()}),
        "cloudwatch_logs/events/0a-0": json.dumps([event]).encode(),
        "taken": encode("taken", {"regional": store_of(*PLACE, "a", {"b": 1}), "plain": {"c": 2}}),
    }
    taken, logs = saved_records("taken", documents), saved_records("cloudwatch_logs", documents)
    assert taken is not None
    assert logs is not None
    assert (taken["regional"]._data, taken["plain"]) == ({(*PLACE, "a"): {"b": 1}}, {"c": 2})
    assert logs["log_groups"]._data == {(*PLACE, "g"): {"arn": "g", "streams": {"s": {"events": [event]}}}}
    assert saved_records("own", documents) is None


def test_a_role_of_0_3_0_whose_policy_has_no_name_gets_the_bootstraps(monkeypatch: pytest.MonkeyPatch) -> None:
    """As CloudFormation's role of the CDK's bootstrap has it in a state folder of that version."""
    monkeypatch.setattr(ministack_iam, "_roles", AccountScopedDict())
    names = {"cdk-hnb659fds-cfn-exec-role-111122223333-us-east-1": [""], "own": [""], "other": ["a"]}
    roles = AccountScopedDict()
    roles._data.update({(PLACE[0], n): {"RoleName": n, "AttachedPolicies": [*p]} for n, p in names.items()})
    _load_persisted_state(ministack_iam.load_persisted_state, {"roles": roles})
    assert [role["AttachedPolicies"] for role in ministack_iam._roles._data.values()] == [
        ["arn:aws:iam::aws:policy/AdministratorAccess"],
        [""],
        ["a"],
    ]
