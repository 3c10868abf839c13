"""What a user is told when something is wrong: every problem at once, each with its place and its fix."""

from __future__ import annotations

from dataclasses import dataclass, replace

from kickstand.text import plain, plain_lines


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    message: what was expected and what was found, in one or two sentences.
    where:   the place, as a user can find it: `kickstand.toml:12`, `train.csv:3:2`, `s3://…`,
             `stack bikes-dev-training`. Empty where there is none.
    fix:     what to do next: a command to type or a thing to change, then a text to paste, if any, on lines of its own.
             Empty where the message says it.
    details: what belongs to it, a line each: the last lines of a log, what a command grants.
    then:    what to do after the fix.
    """

    message: str
    where: str = ""
    fix: str = ""
    details: tuple[str, ...] = ()
    then: str = ""

    def followed_by(self, step: str) -> Problem:
        """The same problem with a step after its fix; as the fix where it has none."""
        return replace(self, then=step) if self.fix else replace(self, fix=step)


class KickstandError(Exception):
    """An operation failed for a reason that the user can act on. Shown without a traceback; exit code 1."""

    exit_code = 1

    def __init__(self, *problems: Problem | str) -> None:
        self.problems = tuple(p if isinstance(p, Problem) else Problem(p) for p in problems)
        super().__init__(*self.problems)

    def __str__(self) -> str:
        """A line a problem; made when it is read, since a file can have a hundred thousand."""
        return "\n".join(_line(p) for p in self.problems)


class InputError(KickstandError):
    """What the user gave (configuration, data, release, argument) is wrong. Nothing was changed; exit code 2."""

    exit_code = 2


def _line(problem: Problem) -> str:
    place = f"{plain(problem.where)}: " if problem.where else ""
    steps = "".join(f" {plain_lines(step)}" for step in (problem.fix, problem.then) if step)
    return "\n  ".join([f"{place}{plain(problem.message)}", *map(plain, problem.details)]) + steps
