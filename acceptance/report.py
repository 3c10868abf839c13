"""The report of a run, as Markdown: for somebody who has an account and ten minutes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from acceptance.leftovers import Leftover
from acceptance.project import SOURCE, TARGET, Plan
from acceptance.step import Outcome, Verdict

_MARKS = {Verdict.PROVEN: "proven", Verdict.CORRECTED: "**corrected**", Verdict.NOT_RUN: "not run"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What a report says of the run as a whole.

    local: whether it ran against the local cloud. version: of Kickstand. commit: of the repository.
    spent: dollars, and how they come about. show_accounts: account ids whole instead of their last four digits.
    """

    plan: Plan
    began: datetime
    ended: datetime
    spent: Decimal
    how: str
    version: str
    commit: str
    local: bool
    show_accounts: bool = False


def report(facts: Facts, outcomes: Sequence[Outcome], left: Sequence[Leftover], problems: Sequence[str]) -> str:
    """The whole report. The same facts give the same text."""
    text = "\n".join([*_head(facts, outcomes, left), *_summary(outcomes), *_left(left, problems), *_steps(outcomes)])
    if not facts.show_accounts:
        for account in {facts.plan.source.account, facts.plan.target.account}:
            text = text.replace(account, f"********{account[-4:]}")
    return f"{text}\n"


def counts(outcomes: Iterable[Outcome]) -> str:
    """`19 proven, 1 corrected, 2 not run`."""
    verdicts = [outcome.verdict for outcome in outcomes]
    return ", ".join(f"{verdicts.count(verdict)} {verdict}" for verdict in Verdict)


def _head(facts: Facts, outcomes: Sequence[Outcome], left: Sequence[Leftover]) -> Iterator[str]:
    source, target = facts.plan.source, facts.plan.target
    yield f"# Acceptance of {source.project} {source.name}, {facts.began:%Y-%m-%d}"
    yield ""
    if facts.local:
        yield (
            "> **This run proves nothing about AWS.** It ran against the local cloud, on one machine. It shows that "
            "the steps work and how the report reads; what AWS says, an account shows: `make acceptance ENV=…`."
        )
        yield ""
    yield f"**{counts(outcomes)}.** {'Nothing was left behind.' if not left else 'Something was left: see below.'}"
    yield ""
    minutes = (facts.ended - facts.began).total_seconds() / 60
    for label, value in (
        (SOURCE, f"account {source.account}, {source.region}"),
        (TARGET, f"account {target.account}, {target.region}"),
        ("Began", f"{facts.began:%Y-%m-%d %H:%M} UTC, took {minutes:.0f} minutes"),
        ("Cost", "nothing (local cloud)" if facts.local else f"about ${facts.spent}: {facts.how}"),
        ("Kickstand", f"{facts.version}, commit {facts.commit}"),
        ("Project", f"`{facts.plan.name}`, made for this run and removed after it"),
    ):
        yield f"- {label}: {value}"
    if not facts.show_accounts:
        yield "- Account ids show their last four digits only (`--show-accounts` writes them whole)."
    yield ""
    yield (
        "How to read it: each step puts assumptions of Kickstand's modules to AWS. *Proven*: AWS did as the module "
        "assumes. *Corrected*: it did otherwise; the step says what was seen and what to change. *Not run*: the reason "
        "stands in its place."
    )
    yield ""


def _summary(outcomes: Sequence[Outcome]) -> Iterator[str]:
    yield "| | step | verdict | assumptions of |"
    yield "|---:|---|---|---|"
    for number, one in enumerate(outcomes, 1):
        modules = ", ".join(f"`{module}`" for module in dict.fromkeys(each.module for each in one.step.assumptions))
        question = f" (question {one.step.number})" if one.step.number else ""
        yield f"| {number} | {one.step.title}{question} | {_MARKS[one.verdict]} | {modules} |"
    yield ""


def _left(left: Sequence[Leftover], problems: Sequence[str]) -> Iterator[str]:
    if left:
        yield "## Left behind"
        yield ""
        yield "The next run removes it first; `--remove` removes it and does nothing else. By hand:"
        yield ""
        for one in left:
            yield f"- {one.line()}: `{one.command}`"
        yield ""
    if problems:
        yield "## Not removed at once"
        yield ""
        for problem in problems:
            yield f"- {' '.join(problem.split())}"
        yield ""
    yield (
        "AWS keeps of every run, without charge: the records of its jobs in SageMaker, two KMS keys for the seven days "
        "until they are deleted, and the templates in the bucket of the CDK's bootstrap stack."
    )
    yield ""


def _steps(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for number, one in enumerate(outcomes, 1):
        step = one.step
        yield f"## {number}. {step.title}: {one.verdict}"
        yield ""
        yield step.question
        yield ""
        for assumption in step.assumptions:
            yield f"- {_MARKS[one.of(assumption)]}: {assumption.sentence} (`{assumption.module}`)"
        yield ""
        yield "Not run, because:" if one.verdict is Verdict.NOT_RUN else f"Seen (in {one.seconds:.0f} s):"
        yield ""
        for line in one.lines:
            yield from _item(line)
        yield ""
        if one.verdict is Verdict.CORRECTED:
            yield f"What to do: {step.if_corrected}"
            yield ""


def _item(line: str) -> Iterator[str]:
    """A list item; what a command printed stays in its lines."""
    first, *rest = line.splitlines() or [""]
    yield f"- {first}"
    if rest:
        yield from ("", "  ```text", *(f"  {each}" for each in rest), "  ```")
