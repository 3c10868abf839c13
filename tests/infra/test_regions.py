"""Every region of the image table: its stacks pass the CDK's validation by the registry's schemas, or it is refused.

The stacks are synthesised and validated whole in one region of each kind: each partition, and a region that the
schemas do not list. In every region the types of the stacks are validated; their schemas are the same in all.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from samples import environment, release
from synthesis import ROOT, VARIANTS, synthesised

from infra.stacks.environment_stage import EnvironmentStage, PipelineStage
from kickstand.aws.github_oidc import Repository
from kickstand.config.model import Training
from kickstand.config.promotion import Pipeline
from kickstand.config.rules import RULES
from kickstand.images import image_table, image_uri, regions
from kickstand.names import partition
from kickstand.release.model import Release

REPOSITORY = Repository("rides/bikes", 123456, 456789)


def released(region: str) -> Release:
    bucket = f"bikes-dev-111122223333-{region}"
    plain = release()
    return release(
        region=region,
        bucket=bucket,
        algorithm=plain.algorithm.model_copy(update={"image_uri": image_uri(region, "3.2-0")}),
        artifact=plain.artifact.model_copy(update={"s3_uri": f"s3://{bucket}/models/x/model.tar.gz"}),
    )


def new_app(folder: Path, **more: object) -> cdk.App:
    context = {**json.loads((ROOT / "cdk.json").read_text())["context"], **more}
    return cdk.App(analytics_reporting=False, stack_traces=False, context=context, outdir=str(folder))


def synthesise(names: Iterable[str], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The templates of training, hosting and pipeline stack in each region, by region: one app, validated once."""
    app = new_app(folder)
    for region in names:
        settings = environment(
            region=region,
            training=Training(schedule="rate(7 days)", on_new_data=True),
            pipeline=Pipeline(repository="rides/bikes", owner_id=123456, repository_id=456789),
        )
        place = cdk.Stage(app, region)
        EnvironmentStage(place, environment=settings, release=released(region))
        PipelineStage(place, environment=settings, repository=REPOSITORY)
    app.synth()
    return {
        region: [
            json.loads(file.read_text()) for file in sorted(folder.rglob(f"{region.replace('-', '')}*.template.json"))
        ]
        for region in names
    }


def missing_types(names: Iterable[str], types: Iterable[str], folder: Path) -> dict[str, tuple[str, ...]]:
    """By region, the types that the CDK's validation refuses there; regions that have all are left out."""
    # A resource without properties is refused too, for these: the report is read, and no error raised.
    app = new_app(folder, **{"@aws-cdk/core:failSynthOnValidationErrors": False})
    for region in names:
        stack = cdk.Stack(app, region, env=cdk.Environment(account="111122223333", region=region))
        for number, kind in enumerate(types):
            cdk.CfnResource(stack, f"R{number}", type=kind)
    app.synth()
    report = json.loads((folder / "validation-report.json").read_text())
    violations = [one for plugin in report["pluginReports"] for one in plugin["violations"]]
    found: dict[str, set[str]] = {}
    for one in violations:
        if refused := re.search(r"Resource type '(.+)' does not exist in '(.+)'", one["description"]):
            found.setdefault(refused[2], set()).add(refused[1])
    return {region: tuple(sorted(kinds)) for region, kinds in found.items()}


def types_of(templates: Iterable[Mapping[str, Any]]) -> set[str]:
    return {one["Type"] for template in templates for one in template["Resources"].values()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """The templates of a region of each kind, and of one more of the first; that they are there says that they pass."""
    kinds: dict[tuple[str, bool], str] = {}
    for region in regions():
        kinds.setdefault((partition(region), region in image_table().unlisted_regions), region)
    assert [*kinds] == [
        *(("aws", False), ("aws", True)),
        *(("aws-us-gov", False), ("aws-iso", False), ("aws-iso-b", False), ("aws-iso-f", False)),
    ]
    return synthesise((*kinds.values(), "us-east-1"), tmp_path_factory.mktemp("whole"))


def test_all_regions_that_are_accepted_have_the_types_and_all_others_are_refused_by_the_configuration(
    whole: dict[str, list[dict[str, Any]]], tmp_path: Path
) -> None:
    """The CDK's own validation (F3006: a type that is not in a region) would end a synthesis."""
    rule = RULES["environments.region"]
    every = sorted(image_table().accounts)
    accepted = tuple(region for region in every if rule(region) is None)
    assert (len(every), len(accepted)) == (37, 31)
    assert accepted == regions()
    for region, templates in whole.items():
        types = types_of(templates)
        assert {"AWS::SageMaker::ModelPackageGroup", "AWS::SageMaker::Endpoint", "AWS::IAM::OIDCProvider"} <= types
        assert len(templates) == 3, region
        assert types == types_of(whole["us-east-1"])
    assert missing_types(every, sorted(types_of(whole["us-east-1"])), tmp_path) == image_table().missing_types


def test_regions_of_a_partition_differ_in_their_names_and_the_images_account(
    whole: dict[str, list[dict[str, Any]]],
) -> None:
    first, other = next(iter(whole)), "us-east-1"

    def alike(region: str) -> str:
        text = json.dumps(whole[region]).replace(image_table().accounts[region], "IMAGES").replace(region, "REGION")
        # In logical ids, which begin with the construct path, and in the ids that the CDK makes of the template.
        text = text.replace(region.replace("-", ""), "REGION")
        return re.sub(r"(?<=[A-Za-z])[0-9A-F]{8}\b", "HASH", text)

    assert first != other
    assert alike(first) == alike(other)


def test_regions_differ_in_no_schema_of_a_type_of_the_stacks(whole: dict[str, list[dict[str, Any]]]) -> None:
    """So that the properties that are valid in one region are in all; by cfn-lint's tables, the registry's schemas."""
    folder = Path(str(distribution("cfn-lint").locate_file("cfnlint/data/schemas/providers")))
    listed = [region for region in regions() if region not in image_table().unlisted_regions]
    assert len(listed) == 30
    schemas = [json.loads((folder / f"{region}.json").read_text()) for region in listed]
    types = types_of(whole["us-east-1"])
    assert {kind: len({one[kind] for one in schemas}) for kind in types} == dict.fromkeys(types, 1)


def test_the_cdks_validation_refuses_a_region_that_the_configuration_refuses(tmp_path: Path) -> None:
    """So that the test above can fail."""
    with pytest.raises(Exception, match="Resource type 'AWS::SageMaker::Endpoint' does not exist in 'me-central-1'"):
        synthesise(("me-central-1",), tmp_path)


def test_the_script_of_the_table_knows_every_type_of_the_stacks() -> None:
    script = (ROOT / "scripts" / "make_image_table.py").read_text()
    types = {one["Type"] for variant in VARIANTS for one in synthesised(variant).all_resources()}
    assert {one for one in types if f'"{one}"' not in script} == set()
    assert "AWS::SageMaker::Endpoint" in types
