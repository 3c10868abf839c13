"""Template properties as API requests."""

from __future__ import annotations

import pytest

from localcloud.sagemaker.api.service_model import operation_input
from localcloud.sagemaker.cloudformation.handlers import as_request


def test_strings_become_what_the_api_takes() -> None:
    request = as_request(
        operation_input("CreateEndpointConfig"),
        {
            "EnableNetworkIsolation": "true",
            "ProductionVariants": [
                {"VariantName": "v", "InitialInstanceCount": "2", "InitialVariantWeight": "0.5", "ModelName": "m"}
            ],
        },
    )
    assert request == {
        "EnableNetworkIsolation": True,
        "ProductionVariants": [
            {"VariantName": "v", "InitialInstanceCount": 2, "InitialVariantWeight": 0.5, "ModelName": "m"}
        ],
    }


def test_numbers_become_strings_where_the_api_takes_strings() -> None:
    properties = {"PrimaryContainer": {"Environment": {"OMP_NUM_THREADS": 1, "DEBUG": False}}}
    assert as_request(operation_input("CreateModel"), properties) == {
        "PrimaryContainer": {"Environment": {"OMP_NUM_THREADS": "1", "DEBUG": "false"}}
    }


def test_what_cannot_be_converted_is_left_for_the_service_to_refuse() -> None:
    properties = {"ProductionVariants": [{"InitialInstanceCount": "two"}]}
    assert as_request(operation_input("CreateEndpointConfig"), properties) == properties


def test_an_unknown_property_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[#/PrimaryContainer: extraneous key \[Imag\] is not permitted\]"):
        as_request(operation_input("CreateModel"), {"PrimaryContainer": {"Imag": "x"}})
