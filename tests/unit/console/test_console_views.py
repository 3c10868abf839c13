"""Metrics, releases, bucket and cost in the console."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from console_world import NOW, TOKEN, ask, reads, refused, source
from release_repository import Repository
from sample_bundle import calm, dangerous
from sample_cloud import JOB, NEW, OLD, OTHER_DIGEST, SampleCloud
from samples import BUCKET, DIGEST, environment, release

from console.server import VIEWS
from console.views.bucket import read_bucket
from console.views.costs import read_cost
from console.views.metrics import read_metrics
from console.views.releases import read_releases
from kickstand.release.file import write_release
from kickstand.release.model import GateResult, Override, Promotion
from review.bundle import bundle_json

MARKUP = '<img src=x onerror="alert(1)">'


@pytest.fixture
def releases(tmp_path: Path) -> Path:
    folder = tmp_path / "releases"
    write_release(folder / "dev.json", release())
    return folder


def test_metrics_are_one_question_of_the_hours_that_are_asked_for() -> None:
    clients = SampleCloud().clients()
    found = read_metrics(reads(clients, hours="12"))
    (asked,) = [sent for name, sent in clients.calls if name == "cloudwatch.get_metric_data"]
    assert (asked["StartTime"], asked["EndTime"]) == (NOW - timedelta(hours=12), NOW)
    assert {query["MetricStat"]["Period"] for query in asked["MetricDataQueries"]} == {300}
    assert found.hours == 12
    assert read_metrics(reads(clients, hours="99999")).hours == 3


def test_a_latency_is_in_milliseconds_and_has_the_limit_of_its_alarm() -> None:
    found = read_metrics(reads(SampleCloud().clients()))
    charts = {chart.title: chart for chart in found.charts}
    latency = charts["Latency"]
    assert [(line.label, line.last) for line in latency.lines] == [
        ("model, p50", "60 ms"),
        ("model, p99", "60 ms"),
        ("SageMaker's own, p99", "6 ms"),
    ]
    assert [(one.label, one.text) for one in latency.limits] == [("model p99 rolls an update back", "500 ms")]
    failed = charts["Share of requests that failed, per cent"]
    assert (failed.lines[0].label, failed.lines[0].last) == ("5xx: the model failed", "3 %")
    assert [one.text for one in failed.limits] == ["1 %", "5 %"]


def test_of_an_update_both_configurations_are_drawn() -> None:
    clients = SampleCloud(step="Baking for 300 seconds").clients()
    charts = {chart.title: chart for chart in read_metrics(reads(clients)).charts}
    assert [line.label for line in charts["Requests, by endpoint configuration"].lines] == ["that serves", "new"]
    (asked,) = [sent for name, sent in clients.calls if name == "cloudwatch.get_metric_data"]
    dimensions = [query["MetricStat"]["Metric"]["Dimensions"] for query in asked["MetricDataQueries"]]
    configs = [one[0]["Value"] for one in dimensions if one[0]["Name"] == "EndpointConfigName"]
    assert configs == [OLD, NEW]


def test_pages_of_metrics_are_put_together() -> None:
    clients = SampleCloud().clients()
    first = clients.answers["cloudwatch.get_metric_data"]

    def paged(**sent: Any) -> Any:
        return first(**sent) | ({} if "NextToken" in sent else {"NextToken": "more"})

    clients.answers["cloudwatch.get_metric_data"] = paged
    charts = {chart.title: chart for chart in read_metrics(reads(clients)).charts}
    assert len(charts["Requests"].lines[0].dots) == 6


def test_without_an_endpoint_there_are_the_jobs_metrics() -> None:
    found = read_metrics(reads(SampleCloud(hosted=False).clients()))
    assert found.sentence == (
        "There is no endpoint bikes-dev, and so no metric of one. Deploy it: kickstand --local deploy dev"
    )
    assert [chart.title for chart in found.charts] == ["Training jobs", "Transform jobs"]


def test_the_bucket_by_digest_what_the_release_uses_first(releases: Path) -> None:
    found = read_bucket(reads(SampleCloud().clients(), releases))
    data, models = (one.value for one in found.listings)
    assert data is not None
    assert models is not None
    assert [(group.digest, group.uses, group.size) for group in models.groups] == [
        (DIGEST, ("model",), 95_500),
        (OTHER_DIGEST, (), 95_500),
    ]
    assert (found.name, data.prefix, models.prefix) == (BUCKET, "data/", "models/")
    assert found.released[0] == ("model", "models/", f"models/{DIGEST}")
    assert [name for name, _, _ in found.released[1:]] == [channel.name for channel in release().channels]
    (model,) = read_bucket(
        reads(SampleCloud().clients(), releases, prefix="models/", after=f"models/{DIGEST}")
    ).listings
    assert model.value is not None
    assert model.value.groups[0].objects[0].key == f"models/{DIGEST}/model.tar.gz"
    assert [row for row in found.prefixes if row[0] in ("data/", "capture/")] == [
        ("data/", "channels by the digest of their files", "nothing expires"),
        (
            "capture/",
            "requests to the endpoint and its answers, by the digest of the model",
            "deleted after 90 days",
        ),
    ]


def test_a_prefix_goes_on_where_its_page_ended() -> None:
    clients = SampleCloud().clients()
    (first,) = read_bucket(reads(clients, prefix="models/")).listings
    assert first.value is not None
    assert first.value.more == f"models/{OTHER_DIGEST}/all is well"
    (second,) = read_bucket(reads(clients, prefix="models/", after=first.value.more)).listings
    assert second.value is not None
    assert (second.value.groups, second.value.more) == ((), "")
    assert clients.calls[-1] == (
        "s3.list_objects_v2",
        {"Bucket": BUCKET, "Prefix": "models/", "MaxKeys": 200, "StartAfter": first.value.more},
    )


def test_no_other_prefix_and_no_key_of_another_is_asked_for() -> None:
    clients = SampleCloud().clients()
    read_bucket(reads(clients, prefix="../secrets/", after="zzz"))
    read_bucket(reads(clients, prefix="locks", after="data/x"))
    asked = [(sent["Prefix"], sent.get("StartAfter")) for _, sent in clients.calls]
    assert asked == [("data/", None), ("models/", None), ("locks/", None)]


def test_an_absent_bucket_and_one_that_is_refused() -> None:
    absent = read_bucket(reads(SampleCloud(hosted=False).clients()))
    assert (
        absent.sentence
        == f"There is no bucket {BUCKET}: dev was never deployed. Deploy it: kickstand --local deploy dev"
    )
    clients = SampleCloud().clients()
    clients.answers["s3.list_objects_v2"] = refused("ListObjectsV2", "AccessDenied", "Access Denied")
    found = read_bucket(reads(clients))
    assert [one.problems[0].message for one in found.listings] == [
        "Failed while listing data/: ListObjectsV2: AccessDenied: Access Denied.",
        "Failed while listing models/: ListObjectsV2: AccessDenied: Access Denied.",
    ]


def test_a_release_with_its_approval_and_without_promotions(releases: Path) -> None:
    found = read_releases(reads(SampleCloud(text="it is better").clients(), releases))
    assert found.sentence == "dev is to serve model abababababab, trained in dev, account 111122223333."
    assert found.package.value is not None
    assert found.package.value.decision() == "Approved by arn:aws:iam::111122223333:user/ann: it is better"
    assert (found.steps, found.review.value, found.differences.value, found.history.value) == ((), None, None, ())


def test_gates_and_overrides_of_a_promotion_are_shown(tmp_path: Path) -> None:
    gates = (
        GateResult(name="approval", passed=True, figure="Approved by ann", limit="by another person"),
        GateResult(name="latency", passed=False, figure="p99 312 ms", limit="<= 200 ms"),
    )
    override = Override(gate="latency", reason="a batch customer", by="arn:aws:iam::111122223333:user/bob")
    promotion = Promotion(
        environment="dev", release_sha256=DIGEST, gates=gates, overrides=(override,), by="arn:bob", at=""
    )
    write_release(tmp_path / "dev.json", release(promoted_from=promotion))
    page = ask(VIEWS, source(SampleCloud().clients(), tmp_path), f"/{TOKEN}/releases").body
    text = " ".join(re.sub(r"<[^>]+>", " ", page).split())
    assert "latency failed p99 312 ms &lt;= 200 ms" in text
    assert "overridden latency from dev: p99 312 ms, limit &lt;= 200 ms; a batch customer" in text


def test_history_and_differences_come_from_git(tmp_path: Path) -> None:
    repository = Repository.make(tmp_path)
    first = repository.release(letter="a")
    repository.commit("first")
    repository.release(letter="b")
    second = repository.commit("second")
    found = read_releases(reads(SampleCloud().clients(), repository.path("dev").parent))
    assert found.history.value is not None
    assert [one.commit.subject for one in found.history.value] == ["second", "first"]
    assert found.differences.value is not None
    changed = {one.field: (one.before, one.after) for one in found.differences.value.changes}
    assert changed["artifact.sha256"] == ("a" * 64, "b" * 64)
    assert first.sha256 != second
    for wrong in ("--output=x", "HEAD", "/etc/passwd", "dev.json"):
        wanted: dict[str, Any] = {"from": wrong}
        refused_one = read_releases(reads(SampleCloud().clients(), repository.path("dev").parent, **wanted))
        assert refused_one.differences.problems[0].message == (
            f"There is no environment and no commit {wrong!r} to compare with."
        )


def test_no_release_says_what_makes_one(tmp_path: Path) -> None:
    found = read_releases(reads(SampleCloud().clients(), tmp_path))
    assert found.sentence == "dev has no release: nothing is to be served there. Make one: kickstand --local fit dev"


@pytest.mark.parametrize("made", [calm, dangerous])
def test_the_link_leads_into_the_review(releases: Path, made: Any) -> None:
    bundle = made().model_copy(
        update={"project": "bikes", "environment": "dev", "account": "111122223333", "region": "us-east-1"}
    )
    folder = releases.parent / "review" / "dev"
    folder.mkdir(parents=True)
    (folder / "review.json").write_bytes(bundle_json(bundle))
    read = source(SampleCloud().clients(), releases)
    assert f'<a href="/{TOKEN}/review">Open the review</a>' in ask(VIEWS, read, f"/{TOKEN}/releases").body
    page = ask(VIEWS, read, f"/{TOKEN}/review")
    assert page.status == 200
    (inside,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page.body)
    assert page.headers["content-security-policy"] == f"{inside.replace('&#39;', chr(39))}; frame-ancestors 'none'"
    (folder / "review.json").write_bytes(bundle_json(bundle).replace(b"bikes", b"trikes"))
    assert ask(VIEWS, read, f"/{TOKEN}/review").status == 404


def test_what_it_costs_is_what_the_command_says(releases: Path) -> None:
    found = read_cost(reads(SampleCloud().clients(), releases))
    assert found.spent.value is not None
    assert [one.what.split(" since")[0] for one in found.spent.value] == ["training the model", "hosting bikes-dev"]
    assert found.month.value is not None
    assert found.month.value.after == 251.85
    assert (
        found.sentence
        == f"It costs 251.85 USD a month as it is deployed, and has cost about {found.together:,.2f} USD so far."
    )


def test_one_sum_stays_where_the_other_is_refused(releases: Path) -> None:
    clients = SampleCloud().clients()
    clients.answers["cloudformation.get_template"] = refused("GetTemplate", "AccessDenied", "no")
    found = read_cost(reads(clients, releases))
    assert found.month.problems[0].message.startswith("Failed while asking what is deployed: GetTemplate: AccessDenied")
    assert found.spent.value is not None
    assert found.sentence.startswith("It costs about ")


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("path", [*(view.name for view in VIEWS), f"jobs/{JOB}"])
def test_markup_of_aws_is_text_in_every_view(path: str, training: bool, releases: Path) -> None:
    clients = SampleCloud(text=MARKUP, step=f"Baking {MARKUP}", log=[MARKUP], training=training).clients()
    page = ask(VIEWS, source(clients, releases), f"/{TOKEN}/{path}").body
    assert "<img" not in page
    assert "This view could not be read" not in page
    if path not in ("cost", "metrics", "jobs"):
        assert "&lt;img src=x onerror=&#34;alert(1)&#34;&gt;" in page


@pytest.mark.parametrize(
    "path", [*(view.name for view in VIEWS if view.name not in ("releases", "cost")), f"jobs/{JOB}"]
)
def test_a_view_whose_credentials_have_expired_says_what_to_do(
    path: str, releases: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    page = ask(VIEWS, source(SampleCloud(expired=True, text=MARKUP).clients(), releases), f"/{TOKEN}/{path}").body
    assert "This view could not be read" in page or "ExpiredTokenException" in page
    assert "Sign in again" in page
    assert "<img" not in page
    assert environment().profile is None


def test_data_of_a_promoted_release_are_in_another_bucket(tmp_path: Path) -> None:
    channels = tuple(
        one.model_copy(update={"s3_uri": one.s3_uri.replace(BUCKET, "another")}) for one in release().channels
    )
    promotion = Promotion(environment="staging", release_sha256=DIGEST, gates=(), overrides=(), by="", at="")
    write_release(tmp_path / "dev.json", release(channels=channels, promoted_from=promotion))
    assert [name for name, _, _ in read_bucket(reads(SampleCloud().clients(), tmp_path)).released] == ["model"]
