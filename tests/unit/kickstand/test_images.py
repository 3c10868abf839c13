"""The image table gives the SageMaker SDK's own answers, and refuses the regions that lack a resource type."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kickstand.errors import InputError
from kickstand.images import image_table, image_uri, region_fault, regions, repository_arn, versions
from kickstand.names import partition

_ROOT = Path(__file__).parents[3]

# Runs in a process of its own, with the SDK's lookup alone: its packages, and what the lookup imports for JumpStart's
# models, load the whole SDK, in 2 s of CPU. It reads botocore's endpoints anew for each answer (40 ms), so that one
# reader is kept; the answers are the SDK's.
_ASK_SDK = """
import functools, importlib.util, json, sys, types
def module(name, **members):
    sys.modules[name] = types.ModuleType(name)
    vars(sys.modules[name]).update(members)
for name in ("sagemaker", "sagemaker.core", "sagemaker.core.spark"):
    module(name, __path__=[*importlib.util.find_spec(name).submodule_search_locations])
module("sagemaker.core.jumpstart", artifacts=None)
module("sagemaker.core.jumpstart.constants", DEFAULT_JUMPSTART_SAGEMAKER_SESSION=None, JUMPSTART_LOGGER=None)
module("sagemaker.core.jumpstart.enums", JumpStartModelType=types.SimpleNamespace(OPEN_WEIGHTS="open_weights"))
module("sagemaker.core.jumpstart.utils", is_jumpstart_model_input=lambda model, version: bool(model and version))
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


_ASK_SCHEMAS = """
import json, sys, types
from importlib.util import find_spec
package = find_spec("cfnlint")
sys.modules["cfnlint"] = types.ModuleType("cfnlint")
sys.modules["cfnlint"].__path__ = list(package.submodule_search_locations)
from cfnlint.helpers import load_resource
from cfnlint.data.schemas import providers
types = [f"AWS::SageMaker::{one}" for one in ("Endpoint", "EndpointConfig", "Model", "ModelPackageGroup")]
types += [f"AWS::{one}" for one in ("S3::Bucket", "StepFunctions::StateMachine", "Scheduler::Schedule", "Events::Rule")]
answers = {}
for region in sys.argv[1:]:
    try:
        known = load_resource(providers, f"{region}.json")
    except FileNotFoundError:
        known = types
    answers[region] = [one for one in types if one not in known]
print(json.dumps(answers))
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
    ours = {version: {r: image_uri(r, version) for r in image_table().accounts} for version in versions()}
    assert ours == theirs


@pytest.mark.contract("R04")
def test_the_tables_in_git_are_what_the_script_writes(tmp_path: Path) -> None:
    script = _ROOT / "scripts/make_image_table.py"
    subprocess.run([sys.executable, str(script), str(tmp_path)], check=True, capture_output=True, timeout=60)
    for table in ("kickstand/xgboost_images.json", "kickstand/aws/instance_types.json"):
        assert (tmp_path / table).read_bytes() == (_ROOT / table).read_bytes()


def test_every_region_of_the_image_has_the_stacks_types_or_is_refused_by_those_that_it_lacks() -> None:
    """Read from cfn-lint's schemas by cfn-lint itself, in a process of its own, without what its package imports."""
    done = subprocess.run(
        [sys.executable, "-c", _ASK_SCHEMAS, *image_table().accounts], capture_output=True, text=True, check=True
    )
    missing: dict[str, list[str]] = json.loads(done.stdout)
    assert len(image_table().accounts) == 37
    for region in image_table().accounts:
        fault = region_fault(region)
        assert (fault is None) == (missing[region] == []), region
        assert (region in regions()) == (missing[region] == []), region
        assert fault is None or all(one in fault[0] for one in missing[region])
    assert {region for region, types in missing.items() if types} == {
        *("ap-south-2", "ap-southeast-4", "cn-north-1", "cn-northwest-1", "me-central-1", "us-gov-east-1"),
    }


def test_a_region_that_lacks_a_type_is_refused_with_others_near() -> None:
    """Literals: what AWS's registry has no schema for."""
    assert region_fault("ap-south-2") == (
        "names a region where CloudFormation has no AWS::SageMaker::ModelPackageGroup, which the stacks need: "
        '"ap-south-2"',
        "Choose ap-south-1. (By the registry's schemas of cfn-lint; after an upgrade of it: make images.)",
    )
    message, fix = region_fault("us-gov-east-1") or ("", "")
    assert "no AWS::SageMaker::Endpoint, AWS::SageMaker::EndpointConfig, AWS::SageMaker::Model and " in message
    assert fix.startswith("Choose us-gov-west-1.")
    assert (region_fault("cn-north-1") or ("", ""))[1].startswith("No region of the partition aws-cn has them.")
    assert region_fault("us-east1") == (
        'names a region that SageMaker has no XGBoost image for: "us-east1"',
        "Did you mean us-east-1 or us-west-1 or us-east-2?",
    )


def test_the_partitions_of_the_regions_are_those_that_the_pipeline_and_the_doctor_know() -> None:
    """China's would need another audience of GitHub's tokens, `sts.amazonaws.com.cn`, and other service principals."""
    known = {"aws", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-f"}
    assert {partition(region) for region in regions()} == known


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
