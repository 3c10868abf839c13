"""The report of an acceptance run: what somebody reads who has an account and ten minutes."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from acceptance.leftovers import Leftover
from acceptance.project import Plan
from acceptance.report import Facts, report
from acceptance.step import Assumption, Observed, Outcome, Step, Verdict, World
from kickstand.config.load import load_project

TOML = """\
[project]
name = "bikes"
[data]
train = "train.csv"
[hyperparameters]
objective = "reg:squarederror"
num_round = 9
[environments.dev]
account = "111122223333"
region = "us-east-1"
[environments.staging]
account = "444455556666"
region = "us-east-1"
"""


def nothing(world: World) -> Observed:
    raise AssertionError("a report runs nothing")


COPY = Step(
    "copy",
    "The copy",
    "Does the copy work?",
    (Assumption("training/kept.py", "It is made once."), Assumption("infra/role.py", "It is refused otherwise.")),
    nothing,
    "Change the role.",
    number=1,
)
FAR = Step("far", "Across accounts", "There too?", (Assumption("infra/grants.py", "They suffice."),), nothing, "Look.")
OUTCOMES = (
    Outcome(
        COPY,
        Verdict.CORRECTED,
        ("done in 111122223333", "`kickstand fit` ended:\nerror: no"),
        3.4,
        frozenset({"infra/role.py"}),
    ),
    Outcome(FAR, Verdict.NOT_RUN, ("Needs a second account.",)),
)


@pytest.fixture
def facts(tmp_path: Path) -> Facts:
    return make(tmp_path)


def make(folder: Path, *, local: bool = False, show_accounts: bool = False) -> Facts:
    file = folder / "kickstand.toml"
    file.write_text(TOML)
    found = load_project(file).environments
    return Facts(
        Plan(found["dev"], found["staging"], "20261128T202600Z"),
        datetime(2026, 11, 28, 20, 26, tzinfo=UTC),
        datetime(2026, 11, 28, 21, 40, 20, tzinfo=UTC),
        Decimal("0.09"),
        "50.0 minutes of ml.t2.medium (hosting)",
        "0.4.0",
        "4b8cacf",
        local,
        show_accounts,
    )


def test_the_whole_report(facts: Facts) -> None:
    assert report(facts, OUTCOMES, (), ()) == (
        """\
# Acceptance of bikes dev, 2026-11-28

**0 proven, 1 corrected, 1 not run.** Nothing was left behind.

- dev: account ********3333, us-east-1
- staging: account ********6666, us-east-1
- Began: 2026-11-28 20:26 UTC, took 74 minutes
- Cost: about $0.09: 50.0 minutes of ml.t2.medium (hosting)
- Kickstand: 0.4.0, commit 4b8cacf
- Project: `ks-accept-42cf`, made for this run and removed after it
- Account ids show their last four digits only (`--show-accounts` writes them whole).

How to read it: each step puts assumptions of Kickstand's modules to AWS. *Proven*: AWS did as the module assumes. \
*Corrected*: it did otherwise; the step says what was seen and what to change. *Not run*: the reason stands in its \
place.

| | step | verdict | assumptions of |
|---:|---|---|---|
| 1 | The copy (question 1) | **corrected** | `training/kept.py`, `infra/role.py` |
| 2 | Across accounts | not run | `infra/grants.py` |

AWS keeps of every run, without charge: the records of its jobs in SageMaker, two KMS keys for the seven days until \
they are deleted, and the templates in the bucket of the CDK's bootstrap stack.

## 1. The copy: corrected

Does the copy work?

- proven: It is made once. (`training/kept.py`)
- **corrected**: It is refused otherwise. (`infra/role.py`)

Seen (in 3 s):

- done in ********3333
- `kickstand fit` ended:

  ```text
  error: no
  ```

What to do: Change the role.

## 2. Across accounts: not run

There too?

- not run: They suffice. (`infra/grants.py`)

Not run, because:

- Needs a second account.

"""
    )


def test_the_local_cloud_is_said_to_prove_nothing_at_the_top(tmp_path: Path) -> None:
    text = report(make(tmp_path, local=True), OUTCOMES, (), ())
    assert text.splitlines()[2].startswith("> **This run proves nothing about AWS.**")
    assert "- Cost: nothing (local cloud)" in text
    assert "proves nothing" not in report(make(tmp_path), OUTCOMES, (), ())


def test_account_ids_are_whole_only_where_they_are_asked_for(tmp_path: Path) -> None:
    masked, whole = (report(make(tmp_path, show_accounts=shown), OUTCOMES, (), ()) for shown in (False, True))
    assert "111122223333" not in masked
    assert "done in 111122223333" in whole
    assert "last four digits" not in whole


def test_what_is_left_stands_there_with_the_command_that_removes_it(facts: Facts) -> None:
    one = Leftover("stack", "ks-accept-42cf-dev-hosting", "account …3333, us-east-1", "aws cloudformation delete-stack")
    text = report(facts, OUTCOMES, (one,), ("deleting the stack:\n  refused",))
    assert "Something was left: see below." in text
    assert "- stack ks-accept-42cf-dev-hosting (account …3333, us-east-1): `aws cloudformation delete-stack`" in text
    assert "- deleting the stack: refused" in text
