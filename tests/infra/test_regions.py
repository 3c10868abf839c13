"""Every region of the image table: its stacks pass the CDK's validation by the registry's schemas, or it is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
import pytest
from samples import environment, release
from synthesis import ROOT, VARIANTS, synthesised

from infra.stacks.environment_stage import EnvironmentStage, PipelineStage
from kickstand.aws.github_oidc import Repository
from kickstand.config.model import Pipeline, Training
from kickstand.config.rules import RULES
from kickstand.images import image_table, image_uri, regions
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


def synthesise(names: tuple[str, ...], folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The templates of training, hosting and pipeline stack in each region, by region: one app, validated once."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = cdk.App(analytics_reporting=False, stack_traces=False, context=context, outdir=str(folder))
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


def test_all_regions_that_are_accepted_synthesise_and_all_others_are_refused_by_the_configuration(
    tmp_path: Path,
) -> None:
    """Half a minute for all; the CDK's own validation (F3006: a type that is not in a region) ends a synthesis."""
    rule = RULES["environments.region"]
    every = sorted(image_table().accounts)
    accepted = tuple(region for region in every if rule(region) is None)
    assert (len(every), len(accepted)) == (37, 31)
    assert accepted == regions()
    found = synthesise(accepted, tmp_path)
    for region, templates in found.items():
        types = {one["Type"] for template in templates for one in template["Resources"].values()}
        assert {"AWS::SageMaker::ModelPackageGroup", "AWS::SageMaker::Endpoint", "AWS::IAM::OIDCProvider"} <= types
        assert len(templates) == 3, region


def test_the_cdks_validation_refuses_a_region_that_the_configuration_refuses(tmp_path: Path) -> None:
    """So that the test above can fail."""
    with pytest.raises(Exception, match="Resource type 'AWS::SageMaker::Endpoint' does not exist in 'me-central-1'"):
        synthesise(("me-central-1",), tmp_path)


def test_the_script_of_the_table_knows_every_type_of_the_stacks() -> None:
    script = (ROOT / "scripts" / "make_image_table.py").read_text()
    types = {one["Type"] for variant in VARIANTS for one in synthesised(variant).all_resources()}
    assert {one for one in types if f'"{one}"' not in script} == set()
    assert "AWS::SageMaker::Endpoint" in types
