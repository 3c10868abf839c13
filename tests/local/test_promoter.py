"""A promotion by somebody who holds the promoter policies alone, with a profile an environment, as on AWS."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from gate_world import train
from sagemaker_world import REGION
from samples import release
from three_accounts import ACCOUNTS, ThreeAccounts, make_three_accounts
from typed_command import Typed, type_here

from kickstand.release.file import read_release, write_release
from kickstand.release.model import Artifact, Channel, DataFile
from localcloud.cloud import LocalCloud

MODEL = train(5)
KEY = f"models/{MODEL.sha256}/model.tar.gz"
OVERRIDE = ("--override", "golden-rows", "--reason", "There is no endpoint in this test.", "--yes")


@pytest.fixture
def accounts(cloud: LocalCloud, tmp_path: Path) -> ThreeAccounts:
    """dev has a release; every environment is entered by a profile, whose user has that environment's policy."""
    made = make_three_accounts(tmp_path, cloud)
    names = made.names("dev")
    made.client("s3", "dev").put_object(Bucket=names.bucket, Key=KEY, Body=MODEL.archive)
    channel = Channel(
        name="train",
        s3_uri=f"s3://{names.bucket}/data/{'c' * 64}/train/",
        content_type="text/csv",
        sha256="c" * 64,
        rows=200,
        columns=3,
        files=(DataFile(name="train.csv", sha256="d" * 64, size=5000, rows=200),),
    )
    write_release(
        tmp_path / "releases" / "dev.json",
        release(
            project=names.environment.project,
            bucket=names.bucket,
            target_transform="none",
            channels=(channel,),
            artifact=Artifact(s3_uri=f"s3://{names.bucket}/{KEY}", sha256=MODEL.sha256, size=len(MODEL.archive)),
            golden_rows=MODEL.golden,
        ),
    )
    return made


def promote(accounts: ThreeAccounts) -> Typed:
    """`kickstand promote dev staging` by a person who has the promoter policy of each environment."""
    text, profiles = accounts.toml.read_text(), ""
    for name in ACCOUNTS:
        text = text.replace(f"[environments.{name}]\n", f'[environments.{name}]\nprofile = "{name}"\n')
        key = accounts.user(name, "promoter")
        profiles += f"[profile {name}]\naws_access_key_id = {key['AccessKeyId']}\n"
        profiles += f"aws_secret_access_key = {key['SecretAccessKey']}\n"
    toml, config = accounts.folder / "profiles.toml", accounts.folder / "aws-config"
    toml.write_text(text)
    config.write_text(profiles)
    variables = {**os.environ, **accounts.cloud.environment(ACCOUNTS["dev"], REGION), "AWS_CONFIG_FILE": str(config)}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        variables.pop(name, None)
    return type_here(accounts.folder, variables, "--config", toml, "promote", "dev", "staging", *OVERRIDE)


def test_the_promoter_policies_are_enough(accounts: ThreeAccounts) -> None:
    done = promote(accounts)
    assert (done.code, done.err) == (0, ""), done.out
    staged = read_release(accounts.folder / "releases" / "staging.json", accounts.names("staging").environment)
    assert staged.promoted_from is not None
    assert staged.promoted_from.by.startswith(f"arn:aws:iam::{ACCOUNTS['staging']}:user/promoter-")
    copied = accounts.client("s3", "staging").get_object(Bucket=accounts.names("staging").bucket, Key=KEY)
    assert copied["Body"].read() == MODEL.archive
    package = accounts.client("sagemaker", "staging").describe_model_package(ModelPackageName=staged.model_package_arn)
    who = package["CreatedBy"]["IamIdentity"]["Arn"]
    assert who.startswith(f"arn:aws:sts::{ACCOUNTS['staging']}:assumed-role/{accounts.names('staging').release_role}/")
