"""Names and metadata of AWS's services are read without their models, and are the ones that ministack finds in them."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from ministack.core import responses, router

from localcloud.ministack.corrections import install_metadata, install_service_names, service_names
from localcloud.ministack.door.core import responses as responses_door
from localcloud.ministack.door.core import router as door
from localcloud.ministack.served import SERVED


def test_the_names_are_those_of_the_whole_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "_KNOWN_AWS_SERVICE_NAMES", None)
    assert not door.is_aws_service_name.original()("none-of-aws")
    assert service_names() == router._KNOWN_AWS_SERVICE_NAMES
    assert {"glacier", "mobiletargeting", "execute-api", "sso-oauth"} < service_names()


def test_a_request_for_an_unknown_service_loads_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "_is_aws_service_name", router._is_aws_service_name)
    monkeypatch.setattr(router, "_KNOWN_AWS_SERVICE_NAMES", None)
    monkeypatch.setattr(Loader, "load_service_model", lambda *_, **__: pytest.fail("a model was loaded"))
    install_service_names()
    for name, service in {"a": "s3", "glacier": "glacier"}.items():
        headers = {"host": "x", "authorization": f"AWS4-HMAC-SHA256 Credential=k/20260101/r/{name}/aws4_request"}
        assert router.detect_service("POST", "/", headers, {}) == service


def test_metadata_are_those_of_the_whole_models(monkeypatch: pytest.MonkeyPatch) -> None:
    services = [*SERVED, "sagemaker", "servicequotas", "ses", "no-service"]
    whole = {name: responses_door.service_model.original()(name) for name in services}
    expected = {name: model and dict(model.metadata) for name, model in whole.items()}
    monkeypatch.setattr(responses, "_service_model", responses._service_model)
    install_metadata()
    assert {
        name: model and model.metadata for name in services for model in [responses._service_model(name)]
    } == expected
    model = responses._service_model("states")
    assert model.operation_names == whole["states"].operation_names


@pytest.mark.parametrize(
    ("service", "emitted", "expected"),
    [
        ("states", "application/json", "application/x-amz-json-1.0"),
        ("logs", "application/json", "application/x-amz-json-1.1"),
        ("cloudformation", "application/xml", "text/xml"),
        ("ec2", "application/xml", "text/xml;charset=UTF-8"),
        ("s3", "application/xml", "application/xml"),
    ],
)
def test_the_content_type_of_an_answer_loads_no_model(
    monkeypatch: pytest.MonkeyPatch, service: str, emitted: str, expected: str
) -> None:
    monkeypatch.setattr(responses, "_service_model", responses._service_model)
    monkeypatch.setattr(Loader, "load_service_model", lambda *_, **__: pytest.fail("a model was loaded"))
    responses_door.service_model.original().cache_clear()  # type: ignore[attr-defined]
    install_metadata()
    assert responses.expected_success_content_type(service, emitted) == expected
