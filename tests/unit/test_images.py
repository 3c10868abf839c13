"""The image table gives the SageMaker SDK's own answers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infra.images import image_uri, regions, repository_arn, versions
from kickstand.errors import InputError

_ROOT = Path(__file__).parents[2]

# Runs in a process of its own: the SDK takes 4 s and 200 MB to import and warns while it does. Its lookup reads
# botocore's endpoints anew for each answer (40 ms), so that one reader is kept; the answers are the SDK's.
_ASK_SDK = """
import functools, json
from sagemaker.core import image_uris
image_uris.utils._botocore_resolver = functools.cache(image_uris.utils._botocore_resolver)
config = json.loads(open(image_uris.__file__.replace("image_uris.py", "image_uri_config/xgboost.json")).read())
print(json.dumps({
    scope: {
        version: {region: image_uris.retrieve("xgboost", region, version, image_scope=scope)
                  for region in entry["registries"]}
        for version, entry in config[scope]["versions"].items()
    }
    for scope in ("training", "inference")
}))
"""


@pytest.fixture(scope="module")
def sdk_answers() -> dict[str, dict[str, dict[str, str]]]:
    """The SDK's URI by scope, version and region."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ASK_SDK], capture_output=True, text=True, check=True, timeout=120
    )
    answers: dict[str, dict[str, dict[str, str]]] = json.loads(done.stdout.splitlines()[-1])
    return answers


@pytest.mark.contract("R01", "R02", "R03")
@pytest.mark.parametrize("scope", ["training", "inference"])
def test_every_region_and_version_is_the_sdks(sdk_answers: dict[str, dict[str, dict[str, str]]], scope: str) -> None:
    theirs = {v: by_region for v, by_region in sdk_answers[scope].items() if v != "1"}  # the legacy image
    ours = {version: {region: image_uri(region, version) for region in regions()} for version in versions()}
    assert ours == theirs


@pytest.mark.contract("R04")
def test_the_table_in_git_is_what_the_script_writes(tmp_path: Path) -> None:
    script, output = _ROOT / "scripts/make_image_table.py", tmp_path / "table.json"
    subprocess.run([sys.executable, str(script), str(output)], check=True, capture_output=True, timeout=60)
    assert output.read_bytes() == (_ROOT / "infra/xgboost_images.json").read_bytes()


@pytest.mark.contract("R02", "R03")
@pytest.mark.parametrize(
    ("region", "version", "uri"),
    [
        ("us-east-1", "3.2-0", "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.2-0"),
        ("eu-west-1", "1.0-1", "141502667606.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-xgboost:1.0-1-cpu-py3"),
        ("cn-north-1", "1.7-1", "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/sagemaker-xgboost:1.7-1"),
        ("us-iso-east-1", "3.2-0", "833128469047.dkr.ecr.us-iso-east-1.c2s.ic.gov/sagemaker-xgboost:3.2-0"),
    ],
)
def test_partitions_have_their_own_domain(region: str, version: str, uri: str) -> None:
    assert image_uri(region, version) == uri


def test_the_repository_is_in_the_account_of_the_uri() -> None:
    assert repository_arn("us-east-1") == "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost"
    assert repository_arn("cn-north-1") == "arn:aws-cn:ecr:cn-north-1:450853457545:repository/sagemaker-xgboost"
    with pytest.raises(InputError, match="no built-in XGBoost image in region 'mars-north-1'"):
        repository_arn("mars-north-1")


@pytest.mark.contract("V01")
def test_versions_are_ordered_oldest_first() -> None:
    assert versions()[0] == "0.90-1"
    assert versions()[-1] == "3.2-0"


@pytest.mark.contract("V03")
@pytest.mark.parametrize("legacy", ["1", "latest", "9.9-9"])
def test_a_version_that_is_not_pinned_is_refused(legacy: str) -> None:
    with pytest.raises(InputError) as caught:
        image_uri("mars-north-1", legacy)
    assert [p.message for p in caught.value.problems] == [
        "SageMaker has no built-in XGBoost image in region 'mars-north-1'.",
        f"SageMaker has no built-in XGBoost image of version '{legacy}'.",
    ]
    assert caught.value.problems[1].fix.endswith("3.0-5 or 3.2-0.")
