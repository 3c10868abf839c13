"""`[hosting.capture]`: when requests are stored, and what would be stored in the wrong place or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from project_files import SMALLEST, problems, write
from samples import DIGEST, environment

from kickstand.config.load import load_project
from kickstand.config.model import Data, Hosting, Roles, Storage
from kickstand.config.operation import Capture
from kickstand.names import Names

CONFIDENTIAL = Data(train=Path("/t"), golden_rows_in_git=False)
KEY = "arn:aws:kms:{}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.mark.parametrize(
    ("changes", "captures"),
    [
        ({}, True),
        ({"data": CONFIDENTIAL}, False),
        ({"storage": Storage(existing_bucket="our-own")}, False),
        ({"roles": Roles(hosting="arn:aws:iam::111122223333:role/host")}, False),
        ({"data": CONFIDENTIAL, "hosting": Hosting(capture=Capture(enabled=True))}, True),
        ({"hosting": Hosting(capture=Capture(enabled=False))}, False),
    ],
)
def test_requests_are_stored_unless_data_bucket_or_role_speak_against_it(
    changes: dict[str, object], captures: bool
) -> None:
    assert environment(**changes).captures is captures


def test_where_requests_are_stored_names_the_model() -> None:
    names = Names(environment(hosting=Hosting(capture=Capture(prefix="capture/live"))))
    assert names.capture_uri(DIGEST) == f"s3://bikes-dev-111122223333-us-east-1/capture/live/{DIGEST}"


def test_their_key_is_that_of_the_data_or_one_of_their_own() -> None:
    data = Storage(kms_key_arn="data")
    own = Hosting(capture=Capture(kms_key_arn="own"))
    found = [
        Names(environment(**one)).capture_key_arn for one in ({}, {"storage": data}, {"storage": data, "hosting": own})
    ]
    assert found == [None, "data", "own"]


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("percent = 0\n", "percent must be 1 to 100 per cent of the requests, not 0. Write enabled = false to store"),
        ("percent = 101\n", "percent must be 1 to 100 per cent of the requests, not 101. 100 is every request."),
        ("percent = 0.5\n", "percent must be a whole number"),
        ("days = 0\n", "days must be 1 to 3650 days, not 0."),
        ("request = false\nresponse = false\n", "request and response are both false: nothing of a request would be"),
        (
            'prefix = "models/capture"\n',
            '"models/capture". models/ is kept for something else: what is captured must not lie among it.',
        ),
        ('prefix = "models"\n', 'must be "capture" or a folder of it'),
        ('prefix = "capture/"\n', 'without a slash at its end, 200 characters at most, not "capture/"'),
        ('prefix = "s3://bucket/capture"\n', "A bucket and s3:// are not part of it."),
        ('prefix = "capture/../models"\n', 'must be "capture" or a folder of it'),
        (f'prefix = "capture/{"x" * 200}"\n', "200 characters at most"),
        ('kms_key_arn = "alias/ours"\n', "kms_key_arn must be an ARN such as"),
        (f'kms_key_arn = "{KEY.format("eu-west-1")}"\n', "kms_key_arn is in eu-west-1, but dev is in us-east-1."),
    ],
)
def test_a_capture_that_sagemaker_refuses_or_that_stores_nothing(tmp_path: Path, written: str, message: str) -> None:
    (problem,) = problems(tmp_path, f"{SMALLEST}[hosting.capture]\n{written}")
    assert message in problem


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ("[environments.dev.data]\ngolden_rows_in_git = false\n", "golden rows are kept out of git"),
        ('[storage]\nexisting_bucket = "our-own-bucket"\n', "the bucket is the organisation's"),
        ('[roles]\nhosting = "arn:aws:iam::111122223333:role/host"\n', "the endpoint's role is the organisation's"),
    ],
)
def test_a_setting_without_effect_is_named_until_the_file_says_yes_or_no(tmp_path: Path, other: str, why: str) -> None:
    text = f"{SMALLEST}{other}[hosting.capture]\npercent = 20\n"
    (problem,) = problems(tmp_path, text)
    assert f"percent has no effect: nothing is captured, since {why}" in problem
    for enabled in ("true", "false"):
        file = write(tmp_path, f"{text}enabled = {enabled}\n")
        assert load_project(file).environments["dev"].captures is (enabled == "true")
