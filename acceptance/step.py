"""A step of the acceptance run, as a value: its question, the assumptions that it puts to AWS, what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from acceptance.world import World


class Verdict(StrEnum):
    """What AWS said of the assumptions of a step."""

    PROVEN = "proven"
    CORRECTED = "corrected"
    NOT_RUN = "not run"


@dataclass(frozen=True, slots=True)
class Assumption:
    """What a module takes for granted of AWS.

    module: its path in the repository, `training/model/kept_object.py`.
    sentence: what it assumes, so that AWS can contradict it.
    """

    module: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a step observed. lines: a sentence each. wrong: the modules whose assumption AWS contradicted."""

    lines: tuple[str, ...]
    wrong: frozenset[str] = frozenset()


class NotRun(Exception):  # noqa: N818 - no error: a step says why it asks nothing here
    """A step cannot be run in this account or on this day; the message is the reason."""


class NotReady(NotRun):
    """The account lacks what the run needs; nothing that costs is made."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    key: a word by which later steps name it in `needs`.
    title, question: for the report.
    assumptions: what is put to AWS; at least one.
    work: does it and says what was seen. Raises NotRun; KickstandError or an AWS error where AWS refused.
    if_corrected: what to do where AWS contradicts an assumption.
    needs: keys of the steps that must be proven before.
    number: of the question among those that only an account can answer; None for the main job.
    """

    key: str
    title: str
    question: str
    assumptions: tuple[Assumption, ...]
    work: Callable[[World], Seen]
    if_corrected: str
    needs: tuple[str, ...] = ()
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step as it ended. lines: what was observed, or why it was not run. seconds: how long it took."""

    step: Step
    verdict: Verdict
    lines: tuple[str, ...]
    seconds: float = 0.0
    wrong: frozenset[str] = field(default_factory=frozenset)
    unanswered: bool = False
    """Whether it was not run although it is to be: what it needs is not proven, the time was over, the account is not
    ready, or the step itself failed."""

    def of(self, assumption: Assumption) -> Verdict:
        """The verdict on one assumption: a step that AWS refused altogether corrects all of its own."""
        if self.verdict is not Verdict.CORRECTED or not self.wrong or assumption.module in self.wrong:
            return self.verdict
        return Verdict.PROVEN
