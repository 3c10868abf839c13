"""The tables that promotion reads: `[signing]`, `[gates]` and its metric limits, `[pipeline]`, `[policy_exceptions]`."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from project_files import SMALLEST, problems, write

from kickstand.config.load import load_project
from kickstand.config.promotion_rules import LimitError, MetricLimit, limit_fault, parse_limit

# ruff: noqa: E501 (a message is compared whole, on one line)


WHOLE = """\
[signing]
required = true
private_key = "keys/dev.pem"
public_keys = ["keys/dev.pub", "/etc/keys/team.pub"]
[gates]
metrics = ["validation:rmse <= 0.35"]
metric = "original:rmsle"
max_regression = 0
confidence = 0.9
min_age_hours = 24
approval = true
[review]
require_review = true
[policy]
require_kms_key = true
[policy_exceptions]
"AwsSolutions-S1" = "  Logged by CloudTrail.  "
[pipeline]
repository = "acme/bikes.model"
"""


def test_every_table_is_read(tmp_path: Path) -> None:
    dev = load_project(write(tmp_path, SMALLEST + WHOLE)).environments["dev"]
    assert dev.signing.required
    assert dev.signing.private_key == tmp_path / "keys/dev.pem"
    assert dev.signing.public_keys == (tmp_path / "keys/dev.pub", Path("/etc/keys/team.pub"))
    assert dev.gates.metrics == ("validation:rmse <= 0.35",)
    assert (dev.gates.max_regression, dev.gates.confidence, dev.gates.min_age_hours) == (0, 0.9, 24)
    assert dev.gates.approval
    assert dev.review.require_review
    assert dev.policy.require_kms_key
    assert dev.policy_exceptions == {"AwsSolutions-S1": "Logged by CloudTrail."}
    assert dev.pipeline.repository == "acme/bikes.model"


LINE = SMALLEST.count("\n") + 2
"""Of the first line after a table's name."""


@pytest.mark.parametrize(
    ("table", "setting", "told"),
    [
        ("gates", 'metrics = ["rmse = 3"]', "metrics has an item that "),
        ("gates", 'metric = "rmsle"', 'metric names a metric that kickstand evaluate does not report: "rmsle".'),
        ("gates", "max_regression = 2", "max_regression must be from 0 up to, not including, 1, not 2. A share, not per cent: 0.02 is 2 %."),
        ("gates", "max_regression = -0.1", "max_regression must be from 0 up to, not including, 1, not -0.1. 0.02 is 2 %."),
        ("gates", "max_regression = nan", "max_regression must be a number, not the number nan."),
        ("gates", "confidence = 95", "confidence must be from 0.5 up to, not including, 1, not 95. A share, not per cent: 0.95."),
        ("gates", "latency_requests = 20", "latency_requests must be 100 to 100000, not 20."),
        ("gates", "max_p99_ms = 0", "max_p99_ms must be greater than 0, not 0. For example 200."),
        ("gates", "min_age_hours = 9000", "min_age_hours must be greater than 0 and at most 8760, not 9000. For example 24."),
        ("gates", 'min_age_hours = "24"', 'min_age_hours must be a number, not the text "24". Write 24, without quotes.'),
        ("gates", 'slices = ["season"]\nmax_slice_regression = 0.1\nmetric = "model:mae"', "slices are columns by name, and [data] names no columns. Write [data] columns, in file order."),
        ("gates", "max_regression = 0.1", '[gates] names none. For example metric = "original:rmse".'),
        ("signing", "required = true", "[signing] demands a signature in dev and trusts nobody's. Name public_keys, or keyless_identity and keyless_issuer."),
        ("signing", 'keyless_identity = "ana@example.com"', "[signing] has keyless_identity without keyless_issuer: anyone can get a certificate from another issuer. Add keyless_issuer."),
        ("signing", 'private_key = "a"', "[signing] has private_key and no public_keys: nobody would trust what it signs. Write public_keys = [\"keys/dev.pub\"], then: kickstand release public-key dev > keys/dev.pub"),
        ("signing", 'public_keys = ["b"]\nprivate_key = "a"\nkms_key_arn = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"', "[signing] has private_key and kms_key_arn; a release is signed in one way. Keep one of them."),
        ("signing", 'public_keys = [1]', "public_keys must be a list of texts; it holds the number 1. Put each of them in quotes."),
        ("known_faults", 'class-metrics = "ok"', "class-metrics needs a reason of at least 10 characters. Say why the finding is accepted."),
        ("policy_exceptions", 'AwsSolutions-S1 = "ok"', "AwsSolutions-S1 needs a reason of at least 10 characters. Say why the finding is accepted."),
        ("pipeline", 'repository = "https://github.com/acme/bikes.git"', 'repository must be OWNER/NAME of a repository on GitHub, not "https://github.com/acme/bikes.git". Write "acme/bikes".'),
        ("pipeline", 'repository = "https://github.acme.com/acme/bikes"', "GitHub Enterprise Server and ghe.com issue tokens of their own, which the pipeline does not support."),
        ("pipeline", 'repository = "a/b"\nowner_id = 7', "[pipeline] has owner_id without repository_id: GitHub's subjects hold both ids or none. Add repository_id: gh api repos/a/b --jq '.owner.id, .id' prints both."),
        ("pipeline", 'owner_id = 7\nrepository_id = 8', '[pipeline] has owner_id and repository_id without repository. Add repository = "OWNER/NAME".'),
        ("pipeline", 'repository = "a/b"\nowner_id = 7\nrepository_id = "8"', 'repository_id must be a whole number, not the text "8". Write 8, without quotes.'),
        ("pipeline", 'repository = "a/b"\nowner_id = 7\nrepository_id = 0', "repository_id must be 1 to 9223372036854775807, not 0."),
        ("pipeline", 'repository = "a/b"\noidc_provider_arn = "arn:aws:iam::444455556666:oidc-provider/token.actions.githubusercontent.com"', "oidc_provider_arn is of account 444455556666, but dev is in 111122223333."),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(tmp_path: Path, table: str, setting: str, told: str) -> None:
    (found,) = problems(tmp_path, f"{SMALLEST}[{table}]\n{setting}\n")
    assert told in found
    assert int(found.partition(":")[0]) >= LINE


def test_one_account_takes_one_oidc_provider(tmp_path: Path) -> None:
    prod = '[environments.prod]\naccount = "111122223333"\nregion = "us-east-1"\n'
    assert problems(tmp_path, f'{SMALLEST}{prod}[pipeline]\nrepository = "acme/bikes"\n') == [
        f"{LINE + 3}: dev and prod share account 111122223333, which takes one OIDC provider of GitHub. "
        "Give prod oidc_provider_arn: the one that dev's pipeline stack makes."
    ]


def test_no_model_goes_from_one_partition_to_another(tmp_path: Path) -> None:
    prod = '[environments.prod]\naccount = "444455556666"\nregion = "us-gov-west-1"\npromotes_from = "dev"\n'
    assert problems(tmp_path, SMALLEST + prod) == [
        "11: promotes_from of prod (aws-us-gov) names dev (aws): nothing is copied between partitions. "
        "Accounts of one partition cannot be given access to another's; use a project of its own there."
    ]


def test_a_slice_is_a_column(tmp_path: Path) -> None:
    text = SMALLEST.replace("[data]\n", '[data]\ncolumns = ["count", "season"]\n')
    gates = '[gates]\nmetric = "model:rmse"\nslices = ["seson"]\nmax_slice_regression = 0.1\n'
    assert problems(tmp_path, text + gates) == [
        f'{LINE + 2}: slices names "seson", which is no column of [data]. Did you mean season?'
    ]


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("validation:rmse <= 0.35", MetricLimit("validation:rmse", "<=", 0.35)),
        ("validation:rmse<=0.35", MetricLimit("validation:rmse", "<=", 0.35)),
        ("  train:auc   >  .9 ", MetricLimit("train:auc", ">", 0.9)),
        ("validation:ndcg@5- >= 1e-1", MetricLimit("validation:ndcg@5-", ">=", 0.1)),
        ("validation:gamma-deviance < -2.", MetricLimit("validation:gamma-deviance", "<", -2.0)),
    ],
)
def test_a_limit(text: str, limit: MetricLimit) -> None:
    assert parse_limit(text) == limit
    assert limit_fault(text) is None


@pytest.mark.parametrize(
    ("sign", "below", "at", "above"),
    [("<=", True, True, False), ("<", True, False, False), (">=", False, True, True), (">", False, False, True)],
)
def test_what_holds(sign: str, below: bool, at: bool, above: bool) -> None:
    limit = MetricLimit("validation:rmse", sign, 2.0)
    assert (limit.holds(1.9), limit.holds(2.0), limit.holds(2.1)) == (below, at, above)
    assert not limit.holds(float("nan"))
    assert limit.demand == f"{sign} 2.0"


EXAMPLE = "Write it as validation:rmse <= 0.35, with <=, <, >= or >."


@pytest.mark.parametrize(
    ("text", "fault", "fix"),
    [
        ("", 'must be a metric, a sign and a number, not ""', EXAMPLE),
        ("validation:rmse", 'must be a metric, a sign and a number, not "validation:rmse"', EXAMPLE),
        (
            "validation:rmse == 1",
            'must be a metric, a sign and a number, not "validation:rmse == 1"',
            EXAMPLE,
        ),
        (
            "validation:rmse <= 1 <= 2",
            'must be a metric, a sign and a number, not "validation:rmse <= 1 <= 2"',
            EXAMPLE,
        ),
        (
            "rmse <= 1",
            'must name a metric as CHANNEL:METRIC, not "rmse"',
            "For example validation:rmse, as a release does.",
        ),
        ("validation:rmse <= nan", 'must end in a finite number, not "nan"', EXAMPLE),
        ("validation:rmse <= 1e999", 'must end in a finite number, not "1e999"', EXAMPLE),
        ("validation:rmse <= 0,35", 'must end in a finite number, not "0,35"', EXAMPLE),
    ],
)
def test_what_is_no_limit(text: str, fault: str, fix: str) -> None:
    assert limit_fault(text) == (fault, fix)
    with pytest.raises(LimitError) as refused:
        parse_limit(text)
    assert str(refused.value) == f"The limit {fault}. {fix}"


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["<=", "<", ">=", ">"]))
def test_every_finite_number_is_read_exactly(value: float, sign: str) -> None:
    assert parse_limit(f"validation:rmse {sign} {value!r}") == MetricLimit("validation:rmse", sign, value)
