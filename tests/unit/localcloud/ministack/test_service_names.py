"""The names of AWS's services are read without their models, and are the ones that ministack finds in them."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from ministack.core import router

from localcloud.ministack.corrections import install_service_names, service_names
from localcloud.ministack.door.core import router as door


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
