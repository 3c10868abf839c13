"""`kickstand release history` and `show`: the whole story of a model, from git alone, legible at 80 columns."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from release_repository import Repository
from typed import Screen, Terminal

from kickstand.release.history import lineage, trained_in
from kickstand.release.model import GateResult, Override, Promotion, Release
from kickstand.text import COLUMNS, labelled

ANA, BO = "arn:aws:iam::444455556666:user/ana", "arn:aws:iam::777788889999:user/bo"
METRICS = GateResult(name="metrics", passed=True, figure="validation:rmse 0.29", limit="<= 0.35")
LATENCY = GateResult(name="latency", passed=False, figure="p99 312 ms", limit="<= 200 ms")
APPROVAL = GateResult(
    name="approval",
    passed=True,
    figure=f"Approved by {ANA}: Looked at the errors on rainy days: as before.",
    limit="Approved, by somebody else than who promotes",
)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    made = Repository.make(tmp_path)
    monkeypatch.chdir(made.folder)
    return made


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(monkeypatch, capsys)


def promotion(source: Release, *gates: GateResult, **changes: Any) -> Promotion:
    fields = {"by": ANA, "at": "2026-11-24T09:00:00Z", "overrides": ()} | changes
    return Promotion(environment=source.environment, release_sha256=source.sha256, gates=gates, **fields)


def all_the_way(repository: Repository) -> tuple[Release, Release, Release]:
    """From dev, past a failed gate, to staging; with an approval to prod. A commit each."""
    first = repository.release()
    repository.commit("dev: the first model")
    why = Override(gate="latency", reason="a cold\x1b endpoint", by=ANA)
    into_staging = promotion(first, LATENCY, METRICS, overrides=(why,))
    staged = repository.release("staging", promoted_from=into_staging)
    repository.commit("staging: the first model, from dev")
    into_prod = promotion(staged, APPROVAL, METRICS, by=BO, at="2026-11-25T09:00:00Z")
    served = repository.release("prod", promoted_from=into_prod, earlier_promotions=(into_staging,))
    repository.commit("prod: the first model, from staging", author="Grace Hopper")
    return first, staged, served


def lines(screen: Screen) -> list[str]:
    assert (screen.code, screen.err) == (0, "")
    return screen.out.splitlines()


def test_history_tells_the_whole_story(terminal: Terminal, repository: Repository) -> None:
    first, staged, served = all_the_way(repository)
    commits = [repository.git("rev-parse", f"HEAD~{back}")[:12] for back in (0, 1, 2)]
    digests = [channel.sha256[:12] for channel in served.channels]
    told = lines(terminal.type("release", "history", "prod"))
    assert told == [
        f"2026-03-04T05:04:00+01:00  {commits[0]}  Grace Hopper <grace@example.com>",
        "  prod: the first model, from staging",
        f"  release       {served.sha256[:12]}",
        f"  model         {'a' * 12}",
        "  metric        validation:rmse 0.29",
        "  trained       in dev, account 111122223333, by the job",
        f"                bikes-dev-20261123-101112-abcd, {first.training_job.ended}, commit",
        f"                {first.source_commit[:12]}",
        f"  data          train {digests[0]} (7,620 rows), validation {digests[1]} (3,266",
        f"                rows), test {digests[2]} (6,493 rows)",
        f"  promoted      from staging into prod: release {staged.sha256[:12]}, brought by commit",
        f"                {commits[1]}",
        f"    by          {BO}, 2026-11-25T09:00:00Z",
        f"    approved    by {ANA}: Looked at the errors on",
        "                rainy days: as before.",
        "    gates       2 passed: approval, metrics",
        "    figures     metrics: validation:rmse 0.29 (<= 0.35)",
        f"  before that   from dev into staging: release {first.sha256[:12]}, brought by commit",
        f"                {commits[2]}",
        f"    by          {ANA}, 2026-11-24T09:00:00Z",
        "    approved    by nobody: staging did not require an approval",
        "    gates       1 passed: metrics; 1 failed: latency",
        "    figures     latency: p99 312 ms (<= 200 ms); metrics: validation:rmse 0.29",
        "                (<= 0.35)",
        "  OVERRIDDEN    latency from dev: p99 312 ms, limit <= 200 ms; a cold\\x1b",
        f"                endpoint ({ANA})",
        "",
    ]
    assert max(map(len, told)) <= COLUMNS


def test_history_for_a_program_has_all_of_it(terminal: Terminal, repository: Repository) -> None:
    first, staged, _ = all_the_way(repository)
    (told,) = json.loads(terminal.type("release", "history", "prod", "--json").out)
    assert (told["promoted_from"]["by"], told["promoted_from"]["release_sha256"]) == (BO, staged.sha256)
    assert told["promoted_from"]["gates"][0]["figure"] == APPROVAL.figure
    assert told["promoted_from"]["commit"] == repository.git("rev-parse", "HEAD~1")
    (earlier,) = told["earlier_promotions"]
    assert (earlier["overrides"][0]["reason"], earlier["release_sha256"]) == ("a cold\x1b endpoint", first.sha256)
    assert earlier["commit"] == repository.git("rev-parse", "HEAD~2")
    assert told["data"] == {channel.name: channel.sha256 for channel in first.channels}
    assert (told["training_job_arn"], told["source_commit"]) == (first.training_job.arn, first.source_commit)


def test_show_lists_every_promotion_and_every_gate(terminal: Terminal, repository: Repository) -> None:
    _, staged, _ = all_the_way(repository)
    shown = lines(terminal.type("release", "show", "prod"))
    assert "  promoted      dev to staging to prod" in shown
    # What was overridden stands at the top too, of every release that came of it.
    assert shown.index("  OVERRIDDEN    latency from dev: p99 312 ms, limit <= 200 ms; a cold\\x1b") < 12
    last, before = (shown.index(f"promoted from {way}") for way in ("staging into prod", "dev into staging"))
    assert shown[last + 1 : before] == [
        f"  by            {BO}, 2026-11-25T09:00:00Z",
        f"  its release   {staged.sha256}",
        f"  approved      by {ANA}: Looked at the errors on",
        "                rainy days: as before.",
        "  gates         2 passed: approval, metrics",
        f"    approval       Approved by {ANA}: Looked at the",
        "                   errors on rainy days: as before.; limit: Approved, by",
        "                   somebody else than who promotes",
        "    metrics        validation:rmse 0.29; limit: <= 0.35",
    ]
    assert shown[before + 5 : before + 9] == [
        "    latency        FAILED: p99 312 ms; limit: <= 200 ms",
        "    metrics        validation:rmse 0.29; limit: <= 0.35",
        "  OVERRIDDEN    latency from dev: p99 312 ms, limit <= 200 ms; a cold\\x1b",
        f"                endpoint ({ANA})",
    ]


def test_history_of_a_promotion_a_program_and_of_trouble(terminal: Terminal, repository: Repository) -> None:
    first = repository.release(letter="a")
    repository.commit("Serve a")
    promoted = repository.promote(first)
    repository.commit("Promote a to staging", author="Grace Hopper")
    repository.path("staging").write_text("{}\n")
    repository.commit("Break it")
    repository.path("staging").unlink()
    repository.commit("Delete it")
    gone, broken, story = json.loads(terminal.type("release", "history", "staging", "--json").out)
    assert (gone["release"], gone["problems"]) == (None, [])
    assert broken["problems"] == ["A release has a whole number as schema_version; this has none."]
    assert story["commit"]["author"] == "Grace Hopper"
    assert (story["release"], story["model"]) == (promoted.sha256, "a" * 64)
    told = terminal.type("release", "history", "staging").out.splitlines()
    assert "  UNREADABLE    A release has a whole number as schema_version; this has none." in told
    assert "  deleted       releases/staging.json: no release from here on" in told


def test_history_notes_what_is_not_committed_beside_the_answer(terminal: Terminal, repository: Repository) -> None:
    repository.release()
    repository.commit("Serve a")
    repository.release(letter="b")
    screen = terminal.type("release", "history", "dev")
    assert screen.code == 0
    assert screen.err.startswith(f"note: {repository.path('dev')} in the working folder is not what HEAD has;")
    assert "  model         aaaaaaaaaaaa\n" in screen.out


def test_where_a_model_was_trained_and_its_way(repository: Repository) -> None:
    first, _, served = all_the_way(repository)
    assert lineage(first) == ()
    assert [(step.promotion.environment, step.into) for step in lineage(served)] == [
        ("dev", "staging"),
        ("staging", "prod"),
    ]
    assert trained_in(first) == trained_in(served) == "dev, account 111122223333"


@pytest.mark.parametrize(
    ("gates", "told"),
    [
        ((METRICS,), "by nobody: prod did not require an approval"),
        ((APPROVAL,), f"by {ANA}: Looked at the errors on rainy days: as before."),
        # A Kickstand of before recorded that somebody had, and not who.
        ((APPROVAL.model_copy(update={"figure": ""}),), "by whom is not recorded"),
        (
            (APPROVAL.model_copy(update={"passed": False, "figure": "Rejected"}),),
            "by nobody: Rejected; the gate was overridden",
        ),
    ],
)
def test_who_approved(repository: Repository, gates: tuple[GateResult, ...], told: str) -> None:
    source = repository.release("staging")
    (step,) = lineage(repository.release("prod", promoted_from=promotion(source, *gates)))
    assert step.approval() == told


def test_a_digest_ends_at_the_last_column_and_is_never_broken() -> None:
    assert [len(line) for line in labelled("model", "a" * 64)] == [COLUMNS]
    assert list(labelled("model", f"its {'a' * 70} is long")) == [
        "  model         its",
        f"{' ' * 16}{'a' * 70}",
        f"{' ' * 16}is long",
    ]
    assert list(labelled("by", "", indent=4)) == ["    by"]


def test_show_says_what_a_model_was_accepted_with_and_how_many_rounds_it_has(
    terminal: Terminal, repository: Repository
) -> None:
    model = repository.release().artifact.model_copy(update={"rounds": (1500,)})
    repository.release(artifact=model, warnings=("train.csv: 3 labels are above\x1b 16777216.",))
    shown = lines(terminal.type("release", "show", "dev"))
    assert "                1,500 boosting rounds" in shown
    assert "  accepted with train.csv: 3 labels are above\\x1b 16777216." in shown
