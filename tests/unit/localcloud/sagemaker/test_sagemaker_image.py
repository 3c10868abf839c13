"""Which images the local cloud stands in for."""

from __future__ import annotations

import pytest

from kickstand.images import image_table
from localcloud.sagemaker.api.call import ServiceError
from localcloud.sagemaker.image import Images

US = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
CHINA = "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn"


def refusal(uri: str, region: str = "us-east-1") -> str:
    with pytest.raises(ServiceError) as caught:
        Images.of(image_table()).check(uri, region)
    assert caught.value.code == "ValidationException"
    return caught.value.message


def test_the_built_in_image_of_the_region() -> None:
    image = Images.of(image_table()).check(f"{US}/sagemaker-xgboost:3.2-0", "us-east-1")
    assert (image.account, image.tag) == ("683313688378", "3.2-0")
    assert Images.of(image_table()).check(f"{CHINA}/sagemaker-xgboost:3.2-0", "cn-north-1").domain == "amazonaws.com.cn"


@pytest.mark.contract("H24", "V02")
def test_other_versions_are_refused_by_name() -> None:
    assert refusal(f"{US}/sagemaker-xgboost:1.5-1") == (
        "XGBoost version 1.5-1 (the local cloud runs 1.7-1, 3.0-5, 3.2-0) is not supported by the local cloud yet."
    )
    for tag in ("1.0-1-cpu-py3", "1.2-1"):
        assert refusal(f"{US}/sagemaker-xgboost:{tag}").startswith(f"XGBoost version {tag} (the local cloud runs ")
    assert "version without a tag" in refusal(f"{US}/sagemaker-xgboost")


def test_other_images_are_refused_by_name() -> None:
    assert refusal(f"{US}/linear-learner:1") == (
        f"The image {US}/linear-learner:1 (anything but the built-in sagemaker-xgboost) "
        "is not supported by the local cloud yet."
    )
    assert "anything but" in refusal("python:3.11")


@pytest.mark.contract("R05")
@pytest.mark.parametrize(
    "uri",
    [
        "111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0",
        f"{US}.cn/sagemaker-xgboost:3.2-0",
        "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-xgboost:3.2-0",
    ],
)
def test_another_registry_is_refused(uri: str) -> None:
    assert refusal(uri) == (
        f"Cannot pull the image {uri}: the built-in XGBoost of us-east-1 is in another registry. "
        f"Expected {US}/sagemaker-xgboost:3.2-0."
    )


@pytest.mark.contract("R05")
def test_a_region_without_the_image() -> None:
    uri = "683313688378.dkr.ecr.mars-north-1.amazonaws.com/sagemaker-xgboost:3.2-0"
    assert refusal(uri, "mars-north-1") == "There is no built-in XGBoost image in mars-north-1."


def test_without_a_table_the_region_alone_is_compared() -> None:
    images = Images({})
    images.check("111122223333.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0", "us-east-1")
    with pytest.raises(ServiceError, match="another registry"):
        images.check(f"{US}/sagemaker-xgboost:3.2-0", "eu-west-1")
