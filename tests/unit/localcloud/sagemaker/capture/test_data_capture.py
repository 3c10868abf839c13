"""Data capture: what is asked for, what is written of which request, where, in which form, and when."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker_fakes import IMAGE, ROLE, SCOPE, Plane, invoke, make_plane, refusal

from localcloud import state
from localcloud.clock import Clock
from localcloud.jobs.hosting.model_process import Answer
from localcloud.sagemaker.capture import writer
from localcloud.sagemaker.capture.configuration import CaptureRules
from localcloud.sagemaker.capture.records import Exchange, Recorder, object_key
from localcloud.sagemaker.capture.writer import CaptureWriter
from localcloud.state import StateFolder, Switches

CAPTURE = {
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://b/capture/abcd",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}
AT = 1_644_848_749.8204  # 2022-02-14T14:25:49Z
RULES = CaptureRules.of(CAPTURE, "us-east-1")
assert RULES is not None
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    made = make_plane(tmp_path / "work")
    yield made
    made.control.shutdown()


def config(plane: Plane, name: str, key: str = "one", instances: int = 1, **capture: Any) -> None:
    """An endpoint configuration whose two variants have a model of their own; capture: instead of CAPTURE's."""
    for variant in ("A", "B"):
        container = {"Image": IMAGE, "ModelDataUrl": f"s3://b/{key}-{variant}.tar.gz"}
        role = {"ModelName": f"{name}-{variant}", "ExecutionRoleArn": f"{ROLE}{variant}"}
        plane("CreateModel", **role, PrimaryContainer=container)
    wanted = {name: value for name, value in {**CAPTURE, **capture}.items() if value is not None}
    plane(
        "CreateEndpointConfig",
        EndpointConfigName=name,
        DataCaptureConfig=wanted,
        ProductionVariants=[
            {
                "VariantName": variant,
                "ModelName": f"{name}-{variant}",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": instances,
            }
            for variant in ("A", "B")
        ],
    )


def serve_config(plane: Plane, **capture: Any) -> dict[str, Any]:
    config(plane, "configuration", **capture)
    plane("CreateEndpoint", EndpointName="ep", EndpointConfigName="configuration")
    return plane.endpoint()


def records(plane: Plane) -> list[tuple[str, dict[str, Any]]]:
    """Folder (without the hour) and record of all that is written, in order."""
    plane.control.hosting.captures.flush_all()
    return [
        (written.key.rsplit("/", 5)[0], json.loads(text))
        for written in plane.fakes.written
        for text in written.body.decode().splitlines()
    ]


def exchange(**changes: Any) -> Exchange:
    given = {"at": AT, "body": b"1,2,3", "content_type": "text/csv", "custom_attributes": "", "inference_id": ""}
    return Exchange(**{**given, "answer": b"0.02", "answer_type": "text/csv; charset=utf-8", **changes})


def record(rules: CaptureRules = RULES, **changes: Any) -> dict[str, Any]:
    found = Recorder(rules).line(exchange(**changes))
    assert found.endswith(b"\n") and found.count(b"\n") == 1
    read: dict[str, Any] = json.loads(found)
    return read


# What is asked for.


@pytest.mark.contract("Q01", "Q02", "Q06", "D11")
def test_a_capture_is_on_unless_it_is_switched_off_and_is_described(plane: Plane) -> None:
    shown = serve_config(plane, InitialSamplingPercentage=20, KmsKeyId="k")["DataCaptureConfig"]
    assert shown == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 20,
        "DestinationS3Uri": "s3://b/capture/abcd",
        "KmsKeyId": "k",
    }
    assert plane("DescribeEndpointConfig", EndpointConfigName="configuration")["DataCaptureConfig"] == {
        **CAPTURE,
        "InitialSamplingPercentage": 20,
        "KmsKeyId": "k",
    }


@pytest.mark.contract("Q21", "Q06")
def test_another_percentage_or_none_takes_another_configuration_and_an_update(plane: Plane) -> None:
    serve_config(plane)
    config(plane, "c2", InitialSamplingPercentage=50)
    config(plane, "c3", EnableCapture=False)
    found = []
    for name in ("c2", "c3"):
        plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName=name)
        shown = plane.endpoint()["DataCaptureConfig"]
        found.append((shown["CaptureStatus"], shown["CurrentSamplingPercentage"], shown["KmsKeyId"]))
    assert found == [("Started", 50, ""), ("Stopped", 100, "")]
    assert invoke(plane).status == 200
    assert records(plane) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(
            {"InitialSamplingPercentage": 101}, "less than or equal to 100", marks=pytest.mark.contract("Q02")
        ),
        pytest.param(
            {"InitialSamplingPercentage": -1}, "greater than or equal to 0", marks=pytest.mark.contract("Q02")
        ),
        pytest.param(
            {"InitialSamplingPercentage": None}, "initialSamplingPercentage", marks=pytest.mark.contract("Q02")
        ),
        pytest.param({"DestinationS3Uri": None}, "destinationS3Uri", marks=pytest.mark.contract("Q02")),
        pytest.param({"DestinationS3Uri": "b/capture"}, "regular expression", marks=pytest.mark.contract("Q02")),
        pytest.param(
            {"DestinationS3Uri": f"s3://b/{'x' * 512}"},
            "length less than or equal to 512",
            marks=pytest.mark.contract("Q02"),
        ),
        pytest.param({"CaptureOptions": []}, "length greater than or equal to 1", marks=pytest.mark.contract("Q02")),
        pytest.param(
            {"CaptureOptions": [{"CaptureMode": "Input"}] * 33},
            "length less than or equal to 32",
            marks=pytest.mark.contract("Q02"),
        ),
        pytest.param(
            {"CaptureOptions": [{"CaptureMode": "Both"}]},
            "[Input, Output, InputAndOutput]",
            marks=pytest.mark.contract("Q03"),
        ),
        pytest.param(
            {"CaptureContentTypeHeader": {"CsvContentTypes": []}},
            "length greater than or equal to 1",
            marks=pytest.mark.contract("Q04"),
        ),
        pytest.param(
            {"CaptureContentTypeHeader": {"JsonContentTypes": ["a/b"] * 11}},
            "length less than or equal to 10",
            marks=pytest.mark.contract("Q04"),
        ),
        pytest.param(
            {"CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv; charset=utf-8"]}},
            "regular expression",
            marks=pytest.mark.contract("Q04"),
        ),
        pytest.param(
            {"CaptureContentTypeHeader": {"JsonContentTypes": ["application/ld+json"]}},
            "regular expression",
            marks=pytest.mark.contract("Q04"),
        ),
    ],
)
def test_what_createendpointconfig_refuses_of_a_capture(plane: Plane, given: dict[str, Any], words: str) -> None:
    capture = {name: value for name, value in {**CAPTURE, **given}.items() if value is not None}
    plane.host("c0", ("A", "one", 1.0))
    variants = plane("DescribeEndpointConfig", EndpointConfigName="c0")["ProductionVariants"]
    wanted = {"EndpointConfigName": "configuration", "ProductionVariants": variants, "DataCaptureConfig": capture}
    assert words in refusal(plane, "CreateEndpointConfig", **wanted)


@pytest.mark.contract("P04")
@pytest.mark.parametrize(
    ("switch", "excluded", "prefix"),
    [
        ("kept", [], "old"),
        ("kept", ["DesiredWeight"], "old"),
        ("kept", ["DataCaptureConfig"], "new"),
        ("replaced", [], "new"),
    ],
)
def test_retaining_a_variants_properties_keeps_its_capture(
    plane: Plane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, switch: str, excluded: list[str], prefix: str
) -> None:
    monkeypatch.setattr(state, "_serving", switches := Switches(StateFolder(tmp_path)))
    switches.set("retained-capture", switch)
    serve_config(plane, DestinationS3Uri="s3://b/old")
    config(plane, "c2", DestinationS3Uri="s3://b/new")
    leaving_out = [{"VariantPropertyType": name} for name in excluded]
    request = {"EndpointName": "ep", "EndpointConfigName": "c2", "RetainAllVariantProperties": True}
    plane("UpdateEndpoint", **request, **({"ExcludeRetainedVariantProperties": leaving_out} if excluded else {}))
    endpoint = plane.endpoint()
    assert endpoint["EndpointConfigName"] == "c2"
    assert endpoint["DataCaptureConfig"]["DestinationS3Uri"] == f"s3://b/{prefix}"
    invoke(plane)
    assert [place for place, _ in records(plane)] == [f"{prefix}/ep/A"]


# Records.


@pytest.mark.contract("Q11")
def test_a_record_is_the_guides_own() -> None:
    """But for the id, the example of the page on data capture, which is of another hour of the day."""
    found = record(custom_attributes="tesla")
    assert re.fullmatch(UUID, found["eventMetadata"].pop("eventId"))
    assert found == {
        "captureData": {
            "endpointInput": {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2,3", "encoding": "CSV"},
            "endpointOutput": {
                "observedContentType": "text/csv; charset=utf-8",
                "mode": "OUTPUT",
                "data": "0.02",
                "encoding": "CSV",
            },
        },
        "eventMetadata": {"customAttributes": ["tesla"], "inferenceTime": "2022-02-14T14:25:49Z"},
        "eventVersion": "0",
    }


@pytest.mark.contract("Q11", "Q12", "Q13")
@pytest.mark.parametrize(
    ("content_type", "data", "encoding", "text"),
    [
        ("text/csv", b"1,\n2,3\n", "CSV", "1,\n2,3\n"),
        ("Text/CSV;charset=utf-8", b"1", "CSV", "1"),
        ("application/json", b'{"a": "\xc3\xa4"}', "JSON", '{"a": "\u00e4"}'),
        ("text/libsvm", b"0:1", "BASE64", "MDox"),
        ("text/csvx", b"1", "BASE64", "MQ=="),
        (None, b"1", "BASE64", "MQ=="),
    ],
)
def test_data_is_text_by_its_content_type(content_type: str | None, data: bytes, encoding: str, text: str) -> None:
    side = record(body=data, content_type=content_type)["captureData"]["endpointInput"]
    assert (side["encoding"], side["data"]) == (encoding, text)
    assert side.get("observedContentType") == content_type


@pytest.mark.contract("Q13")
def test_request_and_answer_are_encoded_each_by_its_own_type() -> None:
    found = record(body=b"\x00", content_type="application/x-recordio-protobuf", answer_type="application/json")
    assert {side: one["encoding"] for side, one in found["captureData"].items()} == {
        "endpointInput": "BASE64",
        "endpointOutput": "JSON",
    }


@pytest.mark.contract("Q12")
def test_without_a_list_of_content_types_everything_is_base64() -> None:
    rules = CaptureRules.of({**CAPTURE, "CaptureContentTypeHeader": {}}, "us-east-1")
    assert rules is not None
    sides = record(rules)["captureData"].values()
    assert [base64.b64decode(one["data"]) for one in sides if one["encoding"] == "BASE64"] == [b"1,2,3", b"0.02"]


@pytest.mark.contract("Q22")
def test_csv_that_is_no_text_is_base64() -> None:
    side = record(body=b"\xff,1")["captureData"]["endpointInput"]
    assert (side["encoding"], side["data"]) == ("BASE64", "/ywx")


@pytest.mark.contract("Q03", "Q16")
@pytest.mark.parametrize(
    ("modes", "sides"),
    [
        (["Input"], ["endpointInput"]),
        (["Output"], ["endpointOutput"]),
        (["InputAndOutput"], ["endpointInput", "endpointOutput"]),
    ],
)
def test_what_is_not_asked_for_is_not_there(modes: list[str], sides: list[str]) -> None:
    options = [{"CaptureMode": mode} for mode in modes]
    rules = CaptureRules.of({**CAPTURE, "CaptureOptions": options}, "us-east-1")
    assert rules is not None
    assert list(record(rules)["captureData"]) == sides


@pytest.mark.contract("Q07")
def test_the_key_is_of_endpoint_variant_hour_and_the_first_request() -> None:
    """A key that was seen in public: the hour's folder, and minute, second and millisecond in the name."""
    key = object_key("capture/abcd", "ep", "AllTraffic", AT)
    assert re.fullmatch(rf"capture/abcd/ep/AllTraffic/2022/02/14/14/25-49-820-{UUID}\.jsonl", key)
    assert object_key("", "ep", "A", AT).startswith("ep/A/2022/")


# What is written.


@pytest.mark.contract("Q08", "Q23")
def test_requests_are_written_under_their_variant_and_nothing_names_the_model(plane: Plane) -> None:
    serve_config(plane)
    for number in range(4):
        invoke(plane, body=f"{number}".encode(), content_type="text/csv")
    found = records(plane)
    assert sorted((place, one["captureData"]["endpointInput"]["data"]) for place, one in found) == [
        ("capture/abcd/ep/A", "0"),
        ("capture/abcd/ep/A", "2"),
        ("capture/abcd/ep/B", "1"),
        ("capture/abcd/ep/B", "3"),
    ]
    assert {written.role for written in plane.fakes.written} == {f"{ROLE}A", f"{ROLE}B"}
    for written in plane.fakes.written:
        without_answers = re.sub(r'"endpointOutput":\{.*?\}', "", written.key + written.body.decode())
        assert not re.search(r"configuration|one-[AB]|sagemaker-xgboost", without_answers)


@pytest.mark.contract("Q14", "Q15")
def test_attributes_and_id_of_a_request_are_in_its_record_and_absent_where_it_has_none(plane: Plane) -> None:
    serve_config(plane)
    answered = {"content-type": "text/csv", "x-amzn-sagemaker-custom-attributes": "of the answer"}
    for server in plane.fakes.servers:
        server.answers = [Answer(200, answered, b"1")]
    invoke(
        plane,
        x_amzn_sagemaker_custom_attributes="a=1;b",
        x_amzn_sagemaker_inference_id="order-7",
    )
    invoke(plane)
    first, second = (one["eventMetadata"] for _, one in records(plane))
    assert (first["customAttributes"], first["inferenceId"]) == (["a=1;b"], "order-7")
    assert set(second) == {"eventId", "inferenceTime"}


@pytest.mark.contract("Q17")
def test_refusals_of_the_container_are_captured_and_those_of_sagemaker_and_no_answer_are_not(plane: Plane) -> None:
    serve_config(plane)
    first, second = plane.fakes.servers
    first.answers = [Answer(415, {"content-type": "text/plain"}, b"no")]
    assert invoke(plane, body=b"refused").status == 424
    assert invoke(plane, body=b"x", x_amzn_sagemaker_target_variant="C").status == 400
    second.invoke = None  # type: ignore[assignment, method-assign]
    assert invoke(plane, body=b"unanswered").status == 424
    ((_, found),) = records(plane)
    sides = {side: base64.b64decode(one["data"]) for side, one in found["captureData"].items()}
    assert sides == {"endpointInput": b"refused", "endpointOutput": b"no"}


@pytest.mark.contract("Q18")
def test_what_the_role_may_not_write_is_lost_and_the_endpoint_answers(
    plane: Plane, caplog: pytest.LogCaptureFixture
) -> None:
    plane.fakes.forbidden.add("b")
    shown = serve_config(plane)
    assert shown["EndpointStatus"] == "InService"
    assert [invoke(plane).status for _ in range(4)] == [200] * 4
    assert records(plane) == []
    assert f"2 captured requests are lost: {ROLE}A cannot write s3://b/capture/abcd/ep/A/" in caplog.text
    assert plane.endpoint()["DataCaptureConfig"]["CaptureStatus"] == "Started"


@pytest.mark.contract("Q19")
def test_objects_are_encrypted_with_the_key_of_the_capture(plane: Plane) -> None:
    serve_config(plane, KmsKeyId="k")
    invoke(plane)
    records(plane)
    assert [written.kms_key for written in plane.fakes.written] == ["k"]


@pytest.mark.contract("Q20")
def test_a_share_of_the_requests_is_captured_by_chance(plane: Plane) -> None:
    numbers = iter([0.0, 0.249, 0.25, 0.9, 0.1, 0.5])
    taken = CaptureWriter(plane.fakes, Clock(), lambda: next(numbers))
    rules = CaptureRules.of({**CAPTURE, "InitialSamplingPercentage": 25}, "us-east-1")
    capture = taken.open(rules, SCOPE, "ep", {"A": ROLE})
    assert capture is not None
    for number in range(6):
        capture.take("A", exchange(body=str(number).encode()))
    capture.close()
    (written,) = plane.fakes.written
    lines = [json.loads(text) for text in written.body.splitlines()]
    assert [one["captureData"]["endpointInput"]["data"] for one in lines] == ["0", "1", "4"]
    taken.flush_all()


@pytest.mark.contract("Q20")
def test_nought_per_cent_captures_nothing_and_a_hundred_everything(plane: Plane) -> None:
    for percent, expected in ((0, 0), (100, 50)):
        plane.fakes.written.clear()
        taken = CaptureWriter(plane.fakes, Clock())
        capture = taken.open(
            CaptureRules.of({**CAPTURE, "InitialSamplingPercentage": percent}, "us-east-1"), SCOPE, "ep", {"A": ROLE}
        )
        assert capture is not None
        for _ in range(50):
            capture.take("A", exchange())
        taken.flush_all()
        assert sum(written.body.count(b"\n") for written in plane.fakes.written) == expected


@pytest.mark.contract("Q07", "Q09")
def test_an_object_is_written_when_its_minute_is_over_or_it_is_large_and_each_hour_has_its_own(
    plane: Plane, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, arrived = plane.fakes.written, threading.Condition()

    class Announced(list[Any]):
        def append(self, item: Any) -> None:
            with arrived:
                super().append(item)
                arrived.notify_all()

    plane.fakes.written = written = Announced()
    monkeypatch.setattr(writer, "OBJECT_BYTES", 10_000)
    taken = CaptureWriter(plane.fakes, Clock(60))
    capture = taken.open(RULES, SCOPE, "ep", {"A": ROLE})
    assert capture is not None
    capture.take("A", exchange())
    with arrived:  # a minute of AWS is a second here
        assert arrived.wait_for(lambda: len(written) == 1, 20)
    slow = CaptureWriter(plane.fakes, Clock(1))
    large = slow.open(RULES, SCOPE, "large", {"A": ROLE})
    assert large is not None
    large.take("A", exchange(body=b"1" * 20_000))
    with arrived:
        assert arrived.wait_for(lambda: len(written) == 2, 20)
    for at in (AT, AT + 3600):
        large.take("A", exchange(at=at))
    large.close()
    assert [one.key.split("/")[2:-1] for one in written] == [
        ["ep", "A", "2022", "02", "14", "14"],
        ["large", "A", "2022", "02", "14", "14"],
        ["large", "A", "2022", "02", "14", "14"],
        ["large", "A", "2022", "02", "14", "15"],
    ]
    taken.flush_all()
    slow.flush_all()


@pytest.mark.contract("Q10")
def test_nothing_is_captured_while_too_much_waits(
    plane: Plane, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "HELD_BYTES", 30)
    taken = CaptureWriter(plane.fakes, Clock())
    monkeypatch.setattr(taken, "_run", lambda: None)  # nothing is written meanwhile
    capture = taken.open(RULES, SCOPE, "ep", {"A": ROLE})
    assert capture is not None
    for number in range(5):
        capture.take("A", exchange(body=f"{number:08}".encode()))  # with the answer 12 bytes each
    capture.flush()
    capture.take("A", exchange(body=b"after"))
    capture.close()
    lines = [json.loads(text) for one in plane.fakes.written for text in one.body.splitlines()]
    assert [one["captureData"]["endpointInput"]["data"] for one in lines] == ["00000000", "00000001", "after"]


@pytest.mark.contract("Q09")
def test_what_instances_answered_is_written_before_they_are_gone(plane: Plane) -> None:
    serve_config(plane, DestinationS3Uri="s3://b/old")
    for _ in range(2):
        invoke(plane)
    config(plane, "c2", DestinationS3Uri="s3://b/new", instances=2)
    plane("UpdateEndpoint", EndpointName="ep", EndpointConfigName="c2")
    plane.endpoint()
    assert sorted(one.key.rsplit("/", 5)[0] for one in plane.fakes.written) == ["old/ep/A", "old/ep/B"]
    invoke(plane)
    less = [{"VariantName": "A", "DesiredInstanceCount": 1}]
    plane("UpdateEndpointWeightsAndCapacities", EndpointName="ep", DesiredWeightsAndCapacities=less)
    plane.endpoint()
    assert [one.key.rsplit("/", 5)[0] for one in plane.fakes.written[2:]] == ["new/ep/A"]
