"""What cannot be saved: one service does not keep the others back, and nobody is told that it is kept."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from killed_server import kill_and_start
from shared_clients import handled

from kickstand.errors import KickstandError
from localcloud.cloud import LocalCloud

Client = Callable[..., Any]
ODD = {"__bytes__": 5, "__scoped__": True, "\\__bytes__": "x", "deep": {"__account_region_scoped__": 1}}


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    """A cloud that is killed."""
    cloud = LocalCloud(tmp_path_factory.mktemp("unsaved"))
    cloud.start(port=0)
    yield cloud
    cloud.stop(discard=True)


def test_an_answer_is_kept_whenever_the_server_is_killed_after_it(own: LocalCloud, client_of: Client) -> None:
    ssm, s3, iam = (client_of(own, service) for service in ("ssm", "s3", "iam"))
    s3.create_bucket(Bucket="at-once")
    s3.put_object(Bucket="at-once", Key="k", Body=b"1")
    iam.create_user(UserName="ana")
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="locked", Key="k", Body=b"1")
    s3.put_object_retention(
        Bucket="locked", Key="k", Retention={"Mode": "GOVERNANCE", "RetainUntilDate": "2099-01-01T00:00:00Z"}
    )
    s3.put_object_legal_hold(Bucket="locked", Key="k", LegalHold={"Status": "ON"})
    ssm.put_parameter(Name="/last", Value="1", Type="String")
    kill_and_start(own)
    ssm, s3, iam = (client_of(own, service) for service in ("ssm", "s3", "iam"))
    assert s3.get_object(Bucket="at-once", Key="k")["Body"].read() == b"1"
    assert s3.get_object_retention(Bucket="locked", Key="k")["Retention"]["Mode"] == "GOVERNANCE"
    assert s3.get_object_legal_hold(Bucket="locked", Key="k")["LegalHold"]["Status"] == "ON"
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["ana"]
    assert ssm.get_parameter(Name="/last")["Parameter"]["Value"] == "1"


def test_odd_values_in_requests_are_saved_and_come_back(own: LocalCloud, client_of: Client) -> None:
    logs, stacks, states = (client_of(own, service) for service in ("logs", "cloudformation", "ssm"))
    name = "odd-\x7f"
    logs.create_log_group(logGroupName="odd")
    logs.create_log_stream(logGroupName="odd", logStreamName=name)
    event = {"timestamp": int(time.time() * 1000), "message": "\0"}
    logs.put_log_events(logGroupName="odd", logStreamName=name, logEvents=[event])
    template = {
        "Metadata": ODD,
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Metadata": {"huge": 10**300, "list": [ODD]}}},
    }
    stacks.create_stack(StackName="odd", TemplateBody=json.dumps(template))
    stacks.get_waiter("stack_create_complete").wait(StackName="odd", WaiterConfig={"Delay": 0.2, "MaxAttempts": 600})
    states.put_parameter(Name="/odd", Value='"__bytes__":', Type="String")
    assert own.status().unsaved == ""

    kill_and_start(own)

    logs, stacks = client_of(own, "logs"), client_of(own, "cloudformation")
    found = logs.get_log_events(logGroupName="odd", logStreamName=name)["events"]
    assert [each["message"] for each in found] == ["\0"]
    body = stacks.get_template(StackName="odd")["TemplateBody"]
    assert (json.loads(body) if isinstance(body, str) else body)["Metadata"] == ODD


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "at least one event"),
        ("x", "at least one event"),
        ([1], "to have a timestamp and a message"),
        ([{"timestamp": "now", "message": "m"}], "to be milliseconds since 1970"),
        ([{"timestamp": 1.5, "message": "m"}], "to be milliseconds since 1970"),
        ([{"timestamp": 2**62, "message": "m"}], "to be milliseconds since 1970"),
        ([{"timestamp": -1, "message": "m"}], "to be milliseconds since 1970"),
        ([{"timestamp": True, "message": "m"}], "to be milliseconds since 1970"),
        ([{"timestamp": 1, "message": ["m"]}], "to be a text"),
        ([{"timestamp": 1, "message": ""}], "to be a text"),
        ([{"timestamp": 1}], "to be a text"),
    ],
)
def test_a_log_event_that_is_none_is_refused(cloud: LocalCloud, client_of: Client, events: Any, message: str) -> None:
    logs = client_of(cloud, "logs")
    with (
        handled(logs, "before-call.logs.PutLogEvents", _with_body(events)),
        pytest.raises(ClientError, match="InvalidParameterException.*" + message),
    ):
        logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}])
    assert cloud.status().unsaved == ""


def _with_body(events: Any) -> Callable[..., None]:
    """Puts events into a request that no SDK would send."""

    def change(params: dict[str, Any], **_: Any) -> None:
        params["body"] = json.dumps({"logGroupName": "g", "logStreamName": "s", "logEvents": events}).encode()

    return change


def test_a_stop_that_cannot_save_fails_and_loses_nothing(own: LocalCloud, client_of: Client) -> None:
    ssm = client_of(own, "ssm")
    ssm.put_parameter(Name="/before", Value="1", Type="String")
    services, away = own.folder.services, own.folder.root / "away"
    services.rename(away)  # as a disk that takes no more: every write to it fails
    try:
        with pytest.raises(ClientError, match=r"InsufficientStorage.*cannot save it \(No such file or directory\)"):
            ssm.put_parameter(Name="/during", Value="1", Type="String")
        assert ssm.get_parameter(Name="/before")["Parameter"]["Value"] == "1"
        assert own.status().unsaved == "No such file or directory"
        with pytest.raises(KickstandError, match=r"cannot save: No such file or directory.*stop --discard"):
            own.stop()
        assert own.status().running
    finally:
        away.rename(services)
    ssm.put_parameter(Name="/during", Value="2", Type="String", Overwrite=True)
    assert own.stop()
    own.start()
    assert client_of(own, "ssm").get_parameter(Name="/during")["Parameter"]["Value"] == "2"
