"""What a wrong project file is told: every problem at once, each on its line, each with its fix."""

# ruff: noqa: E501 (a message is compared whole, on one line)

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import botocore.session
import pytest
from project_files import SMALLEST, problems, write

from kickstand.config.load import load_project
from kickstand.config.rules import RETENTION_DAYS

EVERYTHING_WRONG = """\
[project]
name = "Bikes"
[data]
train = 3
columns = ["a", "b", "a"]
content_type = "text/libsvm;index=1"
[algoritm]
version = "3.2-0"
[training]
instance_type = "m5.xlarge"
instance_count = "3"
spot = 1
volume_size_gb = 0
[hyperparameters]
eta = [1]
num_round = 150
[environments]
dev = { account = 111122223333, region = "us-east-11", hosting = { instance_count = 0, instance_typ = "x" } }
prod.account = "1111-2222-3333"
prod.region = "us-east-1"
prod.promotes_from = "stagin"
production.region = "x"
[environments.prod.training]
schedule = "rate(1 days)"
"""


def test_all_problems_are_told_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert problems(tmp_path, EVERYTHING_WRONG) == [
        '2: name must be lowercase letters, digits and hyphens, beginning with a letter, not "Bikes". '
        "Every name in AWS begins with it, and S3 takes no others.",
        '4: train must be a path, not the number 3. Put it in quotes: "3"',
        "5: columns names a more than once. Each of them stands once.",
        '6: content_type is "text/libsvm;index=1": the image refuses parameters such as label_size. '
        'Write "text/libsvm".',
        '7: Unknown table "algoritm". Did you mean algorithm?',
        '10: instance_type must be an instance type that SageMaker trains on, not "m5.xlarge". '
        "Did you mean ml.m5.xlarge or ml.m5.4xlarge or ml.m5.2xlarge?",
        '11: instance_count must be a whole number, not the text "3". Write 3, without quotes.',
        "12: spot must be true or false, not the number 1.",
        "13: volume_size_gb must be 1 to 16384 GiB, not 0.",
        "15: eta must be text, a number, true or false, not a list; "
        "lists are for eval_metric, updater and constraints.",
        '18: account must be text, not the number 111122223333. Put it in quotes: "111122223333"',
        '18: region names a region that SageMaker has no XGBoost image for: "us-east-11". '
        "Did you mean us-east-1 or us-west-1 or us-east-2?",
        '18: Unknown key "instance_typ" in [environments.dev.hosting]. Did you mean instance_type?',
        "18: instance_count must be 1 to 1000, not 0.",
        '19: account must be the 12 digits of an AWS account, not "1111-2222-3333". Write "111122223333".',
        '21: promotes_from must be "dev" or "staging" or "prod", not "stagin". Did you mean "staging"?',
        '22: Unknown environment "production" in [environments]. Known here: dev, staging, prod.',
        "24: schedule must be rate(1 day): EventBridge wants the singular for 1 and the plural for more: "
        '"rate(1 days)". For example rate(7 days) or cron(0 6 ? * MON *).',
    ]


ACCOUNT = 'account = "111122223333"'
DEV = f'[environments.dev]\n{ACCOUNT}\nregion = "us-east-1"\n'
EXAMPLE = 'For example: [environments.dev] with account = "111122223333" and region = "us-east-1"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ['[project] needs a name. For example: name = "bikes"', f"At least one environment must be configured. {EXAMPLE}"]),
        ('[project]\nname = "x"\n[environments]\n', [f"3: At least one environment must be configured. {EXAMPLE}"]),
        ('environments = 3\nproject.name = "x"', ["1: [environments] must be a table, not the number 3."]),
        ('project.name = "x"\n[[environments]]', ["2: [environments] must be a table, not a list."]),
        ('project.name = "x"\nenvironments.dev = 3', ["2: [environments.dev] must be a table, not the number 3."]),
        (
            '[project]\n[data]\n[environments.prod]\n',
            [
                '1: [project] needs a name. For example: name = "bikes"',
                '2: [data] needs train: the path of the training data. train = "data/train.csv"',
                '3: [environments.prod] needs account. For example: account = "111122223333"',
                '3: [environments.prod] needs region. For example: region = "us-east-1"',
            ],
        ),
        (
            f'project.name = "x"\ndata.train = "t"\ntraining = 1\n{DEV}hosting = "x"\n',
            ["3: [training] must be a table, not the number 1.", '7: [environments.dev.hosting] must be a table, not the text "x".'],
        ),
    ],
)  # fmt: skip
def test_what_is_missing_or_no_table(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert problems(tmp_path, text) == expected


# Each case: lines added to the smallest project (from line 8 on, in [environments.dev]), and the one problem.
CASES = [
    ('profil = "x"', '8: Unknown key "profil" in [environments.dev]. Did you mean profile?'),
    ('profile = ""', "8: profile is empty. Take it out to get its default."),
    ('max_monthly_usd = 0', "8: max_monthly_usd must be greater than 0, not 0. For example 150."),
    ('max_monthly_usd = "150"', '8: max_monthly_usd must be a number, not the text "150". Write 150, without quotes.'),
    ('[training]\nmax_job_usd = -1', "9: max_job_usd must be greater than 0, not -1. For example 5."),
    ('[trainning]', '8: Unknown table "trainning". Did you mean training?'),
    ('[project.extra]', '8: Unknown key "extra" in [project]. Known here: name.'),
    ('[training]\ninstance_count = 2.0', "9: instance_count must be a whole number, not the number 2.0. Write 2."),
    ('[training]\ninstance_count = true', "9: instance_count must be a whole number, not true."),
    ('[training]\ninstance_count = 99999999999999999999', "9: instance_count must be 1 to 1000, not 99999999999999999999."),
    ('[training]\nspot = "true"', '9: spot must be true or false, not the text "true". Write true, without quotes.'),
    ('[training]\nmax_runtime_seconds = 2419201', "9: max_runtime_seconds must be 1 to 2419200 seconds, not 2419201."),
    ('[training]\nvolume_size_gb = 16385', "9: volume_size_gb must be 1 to 16384 GiB, not 16385."),
    ('[training]\non_new_data = 1979-05-27', "9: on_new_data must be true or false, not a date or time."),
    ('[training]\nsubnets = "subnet-01234567"', '9: subnets must be a list of texts, not the text "subnet-01234567". Put it in brackets: ["subnet-01234567"]'),
    ('[training]\nsubnets = [1]', "9: subnets must be a list of texts; it holds the number 1. Put each of them in quotes."),
    ('[training]\nsubnets = ["vpc-1"]\nsecurity_group_ids = ["sg-01234567"]', '9: subnets has an item that must be a subnet id such as subnet-0123456789abcdef0, not "vpc-1".'),
    ('[training]\nsubnets = ["subnet-01234567"]', "9: [training] has subnets without security_group_ids; a VPC needs both. Add security_group_ids, or take subnets out."),
    ('[hosting]\nsecurity_group_ids = ["sg-01234567"]', "9: [hosting] has security_group_ids without subnets; a VPC needs both. Add subnets, or take security_group_ids out."),
    ('[training]\nmax_wait_seconds = 9000', "9: max_wait_seconds is for spot training, which is off. Set spot = true, or take it out."),
    ('[training]\nspot = true\nmax_wait_seconds = 3599', "10: max_wait_seconds (3599) must be at least max_runtime_seconds (3600): it is the wait for capacity and the training together."),
    ('[algorithm]\nversion = "latest"', '9: version names a version that SageMaker has no XGBoost image for: "latest". Known are 0.90-1, 0.90-2, 1.0-1, 1.2-1, 1.2-2, 1.3-1, 1.5-1, 1.7-1, 3.0-5, 3.2-0.'),
    ('[algorithm]\nversion = "3.2"', '9: version names a version that SageMaker has no XGBoost image for: "3.2". Did you mean 3.2-0?'),
    ('[logs]\nretention_days = 100', "9: retention_days must be a number of days that CloudWatch Logs knows, not 100. The next one is 120."),
    ('[bootstrap]\nqualifier = "far-too-long"', '9: qualifier must be 1 to 10 lowercase letters and digits, not "far-too-long".'),
    ('[storage]\nexisting_bucket = "s3://mine/x"', '9: existing_bucket must be a bucket name: 3 to 63 lowercase letters, digits and hyphens, not "s3://mine/x". Give the bucket\'s name alone, without s3:// and without a folder.'),
    ('[storage]\nkms_key_arn = "alias/mine"', '9: kms_key_arn must be an ARN such as arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, not "alias/mine".'),
    ('[storage]\nkms_key_arn = "arn:aws:kms:us-east-1:111122223333:alias/mine"', '9: kms_key_arn must be an ARN such as arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, not "arn:aws:kms:us-east-1:111122223333:alias/mine". An alias can come to mean another key: aws kms describe-key prints the key\'s own ARN.'),
    ('[storage]\nkms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/mine"', '9: kms_key_arn must be an ARN such as arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, not "arn:aws:kms:us-east-1:111122223333:key/mine".'),
    ('[logs]\nkms_key_arn = "arn:aws:kms::111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"', '9: kms_key_arn must be an ARN such as arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab, not "arn:aws:kms::111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".'),
    ('[storage]\nkms_key_arn = "arn:aws:kms:eu-west-1:111122223333:key/mrk-0000000000000000000000000000000a"', "9: kms_key_arn is in eu-west-1, but dev is in us-east-1. A key works in its own region only: name one of us-east-1."),
    ('[roles]\nhosting = "arn:aws:iam::999999999999:role/x"', "9: hosting is of account 999999999999, but dev is in 111122223333. Name it in [environments.dev.roles]."),
    ('[roles]\ntraining = "arn:aws-cn:iam::111122223333:role/x"', "9: training is of partition aws-cn; us-east-1 is in aws. Begin it with arn:aws:"),
    ('[roles]\npermissions_boundary = "arn:aws:iam::111122223333:role/x"', '9: permissions_boundary must be an ARN such as arn:aws:iam::111122223333:policy/NAME, not "arn:aws:iam::111122223333:role/x".'),
    ('[roles]\ntraining = "arn:aws:iam:us-east-1:111122223333:role/x"', '9: training must be an ARN such as arn:aws:iam::111122223333:role/NAME, not "arn:aws:iam:us-east-1:111122223333:role/x".'),
    ('[roles]\ntraining = "arn:aws:iam::aws:role/x"', '9: training must be an ARN such as arn:aws:iam::111122223333:role/NAME, not "arn:aws:iam::aws:role/x".'),
    (f'[roles]\ntraining = "arn:aws:iam::111122223333:role/{"x" * 65}"', f'9: training must be an ARN such as arn:aws:iam::111122223333:role/NAME, not "arn:aws:iam::111122223333:role/{"x" * 65}".'),
    ('[roles]\ntraining = "arn:aws:iam::111122223333:role/größe"', '9: training must be an ARN such as arn:aws:iam::111122223333:role/NAME, not "arn:aws:iam::111122223333:role/größe".'),
    ('[pipeline]\nrepository = "a/b"\noidc_provider_arn = "arn:aws-us-gov:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"', "10: oidc_provider_arn is of partition aws-us-gov; us-east-1 is in aws. Begin it with arn:aws:"),
    ('[training]\nsecurity_group_ids = ["sg-012345678"]\nsubnets = ["subnet-01234567"]', '9: security_group_ids has an item that must be a security group id such as sg-0123456789abcdef0, not "sg-012345678".'),
    (f'[training]\nsubnets = ["subnet-01234567"]\nsecurity_group_ids = {[f"sg-0123456{i}" for i in range(6)]}', "10: security_group_ids has 6 items; SageMaker takes 5."),
    (f'[hosting]\nsecurity_group_ids = ["sg-01234567"]\nsubnets = {[f"subnet-0123456{i:x}" for i in range(16)] + ["subnet-11111111"]}', "10: subnets has 17 items; SageMaker takes 16."),
    ('[storage]\nexisting_bucket = "ours-s3alias"', '9: existing_bucket has "-s3alias", which S3 keeps for itself: "ours-s3alias". Name a general purpose bucket: not an alias, a directory bucket or a table bucket.'),
    ('[hyperparameters]\nobjective = "reg:\\nsquarederror"', "9: objective holds a new line or another character that cannot be printed. SageMaker takes one line."),
    ('[tags]\nteam = "a\\tb"', "9: team holds characters that AWS refuses in tags. Use letters, digits, spaces and _ . : / = + - @"),
    ('[training]\nschedule = "rate(٣ days)"', '9: schedule must be at most 256 characters of ASCII: "rate(٣ days)". For example rate(7 days) or cron(0 6 ? * MON *).'),
    ('role_arn = "arn:aws:iam::222222222222:role/x"', "8: role_arn is of account 222222222222, but dev is in 111122223333."),
    ('role_arn = "arn:aws:iam::111122223333:role/x"\nprofile = "p"', "8: profile and role_arn exclude each other. Keep one; a profile of ~/.aws/config may itself name a role_arn."),
    ('promotes_from = "staging"', '8: promotes_from names "staging", which this file does not configure. Add [environments.staging], or take promotes_from out.'),
    ('promotes_from = "dev"', "8: promotes_from of dev leads back to dev: a model could never get in. The first environment has no promotes_from."),
    ('data.golden_rows = 0', "8: golden_rows must be 1 to 100, not 0."),
    ('data.target_transform = "log"', '8: target_transform must be "none" or "log1p", not "log". Did you mean "log1p"?'),
    ('data.content_type = "text/csv;label_size=1"', '8: content_type is "text/csv;label_size=1": the image refuses parameters such as label_size. Write "text/csv". The label is the first column.'),
    ('data.content_type = "json"', '8: content_type must be "text/csv" or another type that the image trains on, not "json". They are "text/csv", "text/libsvm", "application/x-parquet", "application/x-recordio-protobuf".'),
    ('data.columns = ["y", " "]', "8: columns has an item that is empty."),
    ('data.train = "s3://bucket/train.csv"', '8: train must be a path on this machine, not "s3://bucket/train.csv". Kickstand uploads the files itself.'),
    ('data.test = "~nobody-here/test.csv"', '8: test begins with a home folder that nobody has: "~nobody-here/test.csv".'),
    ('data.test = "a\\u0000b"', "8: environments.dev.data.test holds the character NUL, which no path, name or setting can have."),
    ('data.trian = "x"', '8: Unknown key "trian" in [environments.dev.data]. Did you mean train?'),
    ('[tags]\nteam = 3', '9: team must be text, not the number 3. Put it in quotes: "3"'),
    ('[hyperparameters.deep]\neta = 1', "8: deep must be text, a number, true or false, not a table."),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), CASES, ids=[case[0].replace("\n", " ")[:50] for case in CASES])
def test_one_wrong_setting(tmp_path: Path, lines: str, expected: str) -> None:
    assert problems(tmp_path, SMALLEST + lines + "\n") == [expected]


def test_environments_that_lead_to_each_other(tmp_path: Path) -> None:
    prod = '[environments.prod]\naccount = "111122223333"\nregion = "us-east-1"\npromotes_from = "dev"\n'
    last = "a model could never get in. The first environment has no promotes_from."
    assert problems(tmp_path, SMALLEST + 'promotes_from = "prod"\n' + prod) == [
        f"8: promotes_from of dev leads back to dev: {last}",
        f"12: promotes_from of prod leads back to prod: {last}",
    ]


def test_two_environments_in_one_bucket(tmp_path: Path) -> None:
    text = SMALLEST + '[environments.prod]\naccount = "111122223333"\nregion = "us-east-1"\n'
    assert problems(tmp_path, text + '[storage]\nexisting_bucket = "shared"\n') == [
        '12: existing_bucket "shared" is the bucket of both dev and prod. '
        "Each environment needs a bucket of its own: what one may write, the other would serve."
    ]


def test_a_fault_of_the_project_is_told_once_for_all_its_environments(tmp_path: Path) -> None:
    text = SMALLEST + '[environments.prod]\naccount = "111122223333"\nregion = "us-east-1"\n'
    assert len(problems(tmp_path, text + '[training]\nmax_wait_seconds = 5\ninstance_type = "x"\n')) == 2


@pytest.mark.parametrize("name", ["bikes-dev", "bikes-prod-x", "b-staging"])
def test_a_project_named_as_another_projects_environment(tmp_path: Path, name: str) -> None:
    """Permissions on bikes-dev-* would reach into the project bikes-dev-x."""
    [told] = problems(tmp_path, SMALLEST.replace("bikes", name))
    assert told.startswith("2: name must not hold the name of an environment (")


@pytest.mark.parametrize("name", ["b", "bikes", "bike-rentals-2", "development", "my-devices", "prod-model"])
def test_project_names_that_are_taken(tmp_path: Path, name: str) -> None:
    assert load_project(write(tmp_path, SMALLEST.replace("bikes", name))).name == name


@pytest.mark.parametrize("name", ["", "2bikes", "bikes_", "-b", "b-", "bikés", "b.c"])
def test_project_names_that_are_refused(tmp_path: Path, name: str) -> None:
    [told] = problems(tmp_path, SMALLEST.replace("bikes", name))
    assert told.startswith("2: name ")


@pytest.mark.parametrize("account", ["11112222333", "1111222233334", "11112222333x", "１１１１２２２２３３３３"])
def test_accounts_that_are_refused(tmp_path: Path, account: str) -> None:
    assert problems(tmp_path, SMALLEST.replace("111122223333", account)) == [
        f'6: account must be the 12 digits of an AWS account, not "{account}".'
    ]


def test_the_retention_days_are_the_registrys() -> None:
    """By CloudFormation's schema of AWS::Logs::LogGroup, as cfn-lint brings it."""
    spec = find_spec("cfnlint")
    assert spec is not None and spec.origin is not None
    schemas = Path(spec.origin).parent / "data" / "schemas"
    file = json.loads((schemas / "providers" / "us-east-1.json").read_text())["AWS::Logs::LogGroup"]
    schema = json.loads((schemas / "resources" / f"{file}.json").read_text())
    assert schema["properties"]["RetentionInDays"]["enum"] == list(RETENTION_DAYS)


def test_the_limits_of_a_network_are_sagemakers() -> None:
    model = botocore.session.get_session().get_service_model("sagemaker")
    assert (model.shape_for("Subnets").metadata["max"], model.shape_for("VpcSecurityGroupIds").metadata["max"]) == (
        16,
        5,
    )
