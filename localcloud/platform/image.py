"""Which container images the local cloud can stand in for."""

from __future__ import annotations

import re

_IMAGE = re.compile(r"^[^/]+/(?P<repository>[^:@]+)(?::(?P<tag>[^@]+))?(?:@.+)?$")
SUPPORTED_TAG = "3.2-0"


def unsupported_image(image: str) -> str:
    """Why this image cannot run on the local cloud, as one sentence; empty where it can.

    image: a registry path such as `683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0`.
    """
    match = _IMAGE.match(image)
    if match is None:
        return f"Image {image!r} is not a registry path such as ACCOUNT.dkr.ecr.REGION.amazonaws.com/sagemaker-xgboost:{SUPPORTED_TAG}."
    if match["repository"] != "sagemaker-xgboost":
        return f"The local cloud cannot run image {image!r}: it stands in for sagemaker-xgboost:{SUPPORTED_TAG} alone."
    if match["tag"] != SUPPORTED_TAG:
        return (
            f"The local cloud cannot run sagemaker-xgboost:{match['tag'] or '(no tag)'}: "
            f"it stands in for version {SUPPORTED_TAG} alone."
        )
    return ""
