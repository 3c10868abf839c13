"""Each name of ministack that the local cloud touches is what the door declares, and does what is relied on.

An upgrade that moves one of them fails here with that name, and not in some deployment with a riddle. The names, their
kinds and the parameters of functions are those of `localcloud.ministack.door`; beside them stands what the server, its
registry and its persistence rely on besides.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from source_tree import SourceTree

from localcloud.ministack.door import cloudformation, core, declared, services
from localcloud.ministack.door.names import Names

TOUCHES = {
    # served.py
    "AUTH turns IAM on": "app.AUTH is True",
    "SERVICES leaves the others out": "set(app.SERVICE_HANDLERS) == set(served.SERVED)",
    "every served service is known": "set(served.SERVED) <= set(app.SERVICE_REGISTRY)",
    "S3_PERSIST keeps objects in files": "s3.S3_PERSIST is True",
    "S3_DATA_DIR says where": "s3.DATA_DIR == os.environ['S3_DATA_DIR']",
    "PERSIST_STATE=0 leaves saving to us": "format_.PERSIST_STATE is False",
    "DOCKER_HOST without a socket means no Docker": "app._docker_socket_present() is False",
    # served.py
    "CloudFormation's table of resource types": "'AWS::S3::Bucket' in provisioners._RESOURCE_HANDLERS",
    "IAM is asked about every resource type that makes anything": "unasked() == ['AWS::CDK::Metadata', "
    "*(f'AWS::CloudFormation::{n}' for n in ('CustomResource', 'WaitCondition', 'WaitConditionHandle'))]",
    # registry.py
    "app.SERVICE_REGISTRY maps a service to its module": "app.SERVICE_REGISTRY['s3'] == {'module': 's3'}",
    "app._loaded_modules is asked first": "app._get_module('s3') is app._loaded_modules['s3']",
    "app._state_map names the saved state": "app._state_map['eventbridge'] == 'eventbridge'",
    "router.SERVICE_PATTERNS has target prefixes": "'AmazonSSM' in router.SERVICE_PATTERNS['ssm']['target_prefixes']",
    "a target prefix is looked up before anything else": "routed('X', target='AmazonSSM.GetParameter') == 'ssm'",
    "a credential scope is looked up by name": "routed('ssm') == 'ssm'",
    "iam_actions.SERVICE_TO_IAM_NAMESPACE": "iam_actions.SERVICE_TO_IAM_NAMESPACE['s3'] == 's3'",
    # registry.py
    "responses.get_account_id": "context.account_id() == '000000000000'",
    "responses.request_scope pins account and region": "scoped() == ('111122223333', 'eu-west-1')",
    "AccountRegionScopedDict keys are (account, region, key)": "stored() == ('111122223333', 'eu-west-1', 'name')",
    "iam._roles is scoped by account": "iam._roles.get_scoped('111122223333', None, 'nobody') is None",
    "a registered session is a credential": "credential() == ('secret', 'arn:aws:sts::111122223333:assumed-role/r/s')",
    # persistence.py
    "every served module can give and take its state": "[n for n in modules() if not stateful(n)] == []",
    "modules copy their state with copy.deepcopy": "[n for n in copying() if sys.modules[n].copy is not copy] == []",
    "captured state is what the module would save itself": "[n for n in copying() if saved(n) != captured(n)] == []",
    "a capture leaves the records as they are": "captured_twice()",
    "a service's state is a dictionary": "{type(module.get_state()) for module in modules().values()} == {dict}",
    # frozen.py
    "AccountRegionScopedDict puts values in by these methods": "putting(responses.AccountRegionScopedDict) == "
    "{'__init__', '__setitem__', 'from_dict', 'set_scoped', 'setdefault', 'update'}",
    "scoped dictionaries survive JSON": "round_trip() == {('111122223333', 'eu-west-1', 'name'): {'a': 1}}",
    # log_events.py
    "log events have ids and lie in streams": "log_events_split() == (1, ['event'])",
    "s3's state names its buckets": "'buckets_meta' in s3.get_state()",
    "object files lie under account and bucket": "s3._object_disk_path('b', 'k', '111122223333') == "
    "os.path.join(os.path.realpath(s3.DATA_DIR), '111122223333', 'b', 'k')",
    "version files lie under .versions": "s3._version_disk_path('b', 'k', 'v', '111122223333') == "
    "os.path.join(os.path.realpath(s3.DATA_DIR), '.versions', '111122223333', 'b', 'v', 'k')",
}

PROGRAM = """
import copy, inspect, json, os, re, sys, time
from pathlib import Path
from localcloud.state import StateFolder
state = StateFolder(Path(sys.argv[1]))
state.create()
from localcloud.ministack import served
served.configure(state, 4566)
import ministack.app as app
from ministack.core import iam_actions, iam_evaluator, persistence as format_, responses, router
from ministack.services import cloudwatch_logs, eventbridge, iam, s3, scheduler, sts
from ministack.services.cloudformation import provisioners
from kickstand.aws.resource_schema import resource_schema
from localcloud.ministack import door, log_events, persistence, served
from localcloud.ministack import registry as context

def parameters(function):
    return list(inspect.signature(function).parameters)

def routed(scope, target=""):
    authorization = f"AWS4-HMAC-SHA256 Credential=1/20300101/us-east-1/{scope}/aws4_request"
    return router.detect_service("POST", "/", {"authorization": authorization, "x-amz-target": target}, {})

def scoped():
    with context.request_scope("111122223333", "eu-west-1"):
        return context.account_id(), context.region()

def stored():
    store = context.RegionalStore()
    with context.request_scope("111122223333", "eu-west-1"):
        store["name"] = 1
    return next(iter(store.scoped._data))

def credential():
    arn = "arn:aws:sts::111122223333:assumed-role/r/s"
    sts.register_session("ASIAX", {"Arn": arn, "AccountId": "111122223333", "UserId": "u", "SessionToken": "t",
        "SecretAccessKey": "secret", "Expiration": time.time() + 60, "PrincipalType": "AssumedRole"})
    found = iam_evaluator.resolve_credential("ASIAX", "111122223333", "t")
    return found.secret_access_key, found.principal_arn

def modules():
    return {key: app._get_module(name) for key, name in served.served_modules().items()}

def stateful(key):
    return all(hasattr(modules()[key], name) for name in ("get_state", "load_persisted_state"))

def copying():
    return sorted(module.__name__ for module in modules().values() if hasattr(module, "copy")
                  and module.__name__.rpartition(".")[2] not in persistence._COPYING)

def document(state):
    return json.dumps(state, default=format_._json_default, sort_keys=True)

ORDINARY = {name: document(sys.modules[name].get_state()) for name in copying()}

def saved(name):
    return ORDINARY[name]

def captured(name):
    module, capture = sys.modules[name], persistence._CaptureCopy()
    module.copy = capture
    capture.capture(True)
    try:
        return document(module.get_state())
    finally:
        module.copy = copy

def putting(store):
    writes = re.compile(r"_data\\b[^=\\n]*(?<![=!<>])=(?!=)|_data\\.(update|setdefault)\\(")
    return {name for name, method in vars(store).items() if callable(getattr(method, "__func__", method))
            and not isinstance(method, type) and writes.search(inspect.getsource(getattr(method, "__func__", method)))}

def unasked():
    made = [name for name in provisioners._RESOURCE_HANDLERS if name.startswith(served._RESOURCE_TYPES)]
    schemas = {name: resource_schema("us-east-1", name).handlers for name in made}
    return sorted(name for name in made if not (schemas[name].get("create") and schemas[name].get("delete")))

def captured_twice():
    capture = persistence.StateCapture()
    try:
        first, second = capture(), capture()
        nothing = not (second.changed or second.removed or second.whole)
        all_new = bool(first.changed) and first.services == first.whole and not first.failures
        return all_new and nothing and second.services == first.services
    finally:
        for name in copying():
            sys.modules[name].copy = copy

def round_trip():
    store = responses.AccountRegionScopedDict()
    store._data["111122223333", "eu-west-1", "name"] = {"a": 1}
    return json.loads(json.dumps(store, default=format_._json_default), object_hook=format_._json_object_hook)._data

def log_events_split():
    groups = responses.AccountRegionScopedDict()
    with context.request_scope("111122223333", "eu-west-1"):
        cloudwatch_logs._log_groups["g"] = {"streams": {"s": {"events": []}}}
        stream = cloudwatch_logs._log_groups["g"]["streams"]["s"]
        stream.update(firstEventTimestamp=None, lastEventTimestamp=None, lastIngestionTime=None)
        cloudwatch_logs._append_log_events(
            stream, [{"eventId": "event", "timestamp": 1, "ingestionTime": 1, "message": "m"}])
        _, events = log_events.LogSegments().split(cloudwatch_logs.get_state())
        del cloudwatch_logs._log_groups["g"]
    return len(events.changed), [event["eventId"] for each in events.changed.values() for event in each]

def outcome(holds):
    try:
        return "" if holds() else "is not so"
    except Exception as error:
        return f"{type(error).__name__}: {error}"

outcomes = {f"{each.module}.{each.name}": outcome(lambda: each.check() is None) for each in door.declared()}
for what, expression in json.loads(sys.stdin.read()).items():
    outcomes[what] = outcome(lambda: eval(expression))
print(json.dumps(outcomes))
"""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is wrong with each touch, in a process of its own: the emulator changes what it is imported into."""
    folder: Path = tmp_path_factory.mktemp("contract")
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder)],
        input=json.dumps(TOUCHES),
        capture_output=True,
        text=True,
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    found: dict[str, str] = json.loads(ended.stdout.splitlines()[-1])
    return found


DOOR = "localcloud/ministack/door/"
NAMES = [f"{touch.module}.{touch.name}" for touch in declared()]


@pytest.mark.parametrize("touch", [*NAMES, *TOUCHES])
def test_the_emulator_still_has(touch: str, outcomes: dict[str, str]) -> None:
    assert outcomes[touch] == ""


def test_each_name_is_declared_once_and_used() -> None:
    assert [name for name, count in Counter(NAMES).items() if count > 1] == []
    users = [text for path, text in SourceTree().texts.items() if not path.startswith(DOOR)]
    used = {use for text in users for use in re.findall(r"\b(?=(\w+\.\w+))", text)}
    names = [each for module in (cloudformation, core, services) for each in vars(module).items()]
    uses = [
        f"{instance}.{name}"
        for instance, declaring in names
        if isinstance(declaring, Names)
        for name, touch in vars(type(declaring)).items()
        if touch in declaring.touches()
    ]
    assert len(uses) == len(NAMES)
    assert [use for use in uses if use not in used] == []


def test_the_door_is_the_only_one() -> None:
    touching = re.compile(r"^\s*(from|import) ministack\b|\bministack\.(app|core|services)\b", re.MULTILINE)
    texts = SourceTree().texts.items()
    assert [path for path, text in texts if touching.search(text) and not path.startswith(DOOR)] == []
