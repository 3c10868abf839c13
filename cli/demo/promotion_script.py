"""What `kickstand demo-promotion` does, as values: the commands that each of its people would type in each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ENVIRONMENTS: Final = ("dev", "staging", "prod")
SECOND_TRY: Final = (("num_round = 100", "num_round = 20"), ("max_depth = 5", "max_depth = 2"))
"""What makes the second model: quicker to train, and worse."""
THIRD_TRY: Final = (("num_round = 20", "num_round = 150"), ("max_depth = 2", "max_depth = 5"))
"""What makes the third one better than the first."""
NARROW: Final = (
    *((f'"data/{name}.csv"', f'"data/calm-{name}.csv"') for name in ("train", "validation", "test")),
    ('"humidity", "windspeed",', '"humidity",'),
    ("require_review = true", "require_review = false"),
)
"""What makes the fourth one: rows of one column fewer. It refuses those that callers of the third one send, and no
review is in its way to prod."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command line.

    ends: its exit code, and the story stops where it is another. by: whose credentials it has.
    """

    line: str
    ends: int = 0
    by: str = "ana"


@dataclass(frozen=True, slots=True)
class CreateUser:
    """What an account's owner does outside Kickstand: somebody gets a user there, with one policy.

    policy: the job of one of the environment's managed policies.
    """

    name: str
    environment: str
    policy: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of the project file, as a person would make it in an editor."""

    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Background:
    """A command that goes on beside those that follow, until `End`: then its person presses Ctrl-C."""

    line: str
    by: str = "ana"


@dataclass(frozen=True, slots=True)
class End:
    """Ctrl-C for the command in the background; what it printed is shown."""


Act = Command | Edit | CreateUser | Background | End


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the story: its name, why it is there, what is typed."""

    name: str
    why: str
    acts: tuple[Act, ...]


def promotion_steps(bootstraps: tuple[str, ...]) -> tuple[Step, ...]:
    """The whole story. bootstraps: the command that bootstraps each account."""
    return (
        Step(
            "A signing key",
            "every release says who vouches for it; the private half stays out of git",
            (
                Command("kickstand release key keys/rentals.pem"),
                *_commit("keys/rentals.pub", "Trust the key of the rentals team"),
            ),
        ),
        Step(
            "Three accounts",
            "each gets the CDK's own bucket and roles, once",
            tuple(map(Command, bootstraps)),
        ),
        Step(
            "Training stacks for dev and staging",
            "buckets, roles, the role that pulls a promoted model",
            (Command("kickstand deploy dev --yes"), Command("kickstand deploy staging --yes")),
        ),
        Step(
            "prod is reviewed from its first stack on",
            "the change set that was reviewed is the one that is executed",
            _reviewed_deployment(),
        ),
        Step(
            "A model",
            "trained and served in dev; its release is signed and committed",
            (
                Command("kickstand fit dev"),
                *_commit("releases", "dev: the first model"),
                Command("kickstand deploy dev --yes"),
            ),
        ),
        Step(
            "From dev to staging",
            "gates, then the same artifact under the same digest in another account",
            (
                Command("kickstand promote dev staging --yes"),
                *_commit("releases", "staging: the first model, from dev"),
                Command("kickstand deploy staging --yes"),
            ),
        ),
        Step(
            "Somebody else looks at it",
            "prod demands an approval, by another person than who promotes",
            (
                Command("kickstand promote staging prod --yes", ends=1),
                CreateUser("ben", "staging", "approver"),
                Command('kickstand approve staging --reason "Errors on rainy days are as before."', by="ben"),
            ),
        ),
        Step(
            "From staging to prod",
            "promoted, reviewed, and deployed by the change set of the review",
            (
                Command("kickstand promote staging prod --yes"),
                *_commit("releases", "prod: the first model, from staging"),
                *_reviewed_deployment(),
            ),
        ),
        Step(
            "A second, worse model",
            "fewer rounds, shallower trees; dev serves it",
            (
                Edit(SECOND_TRY),
                *_commit("kickstand.toml", "Try a quicker model"),
                Command("kickstand fit dev"),
                *_commit("releases", "dev: a quicker model"),
                Command("kickstand deploy dev --yes"),
            ),
        ),
        Step(
            "staging refuses it",
            "a gate compares both models on the same rows; nothing is written",
            (Command("kickstand promote dev staging --yes", ends=1), Command("git status --short")),
        ),
        Step(
            "A better model",
            "more rounds; it passes each gate on its way to prod's release",
            (
                Edit(THIRD_TRY),
                *_commit("kickstand.toml", "Try more rounds"),
                Command("kickstand fit dev"),
                *_commit("releases", "dev: a better model"),
                Command("kickstand deploy dev --yes"),
                Command("kickstand promote dev staging --yes"),
                *_commit("releases", "staging: a better model, from dev"),
                Command("kickstand deploy staging --yes"),
                Command('kickstand approve staging --reason "Better on every slice."', by="ben"),
                Command("kickstand promote staging prod --yes"),
                *_commit("releases", "prod: a better model, from staging"),
            ),
        ),
        Step(
            "prod tries it on one of two instances",
            "a canary under traffic: five minutes with half of it, five with all; AWS's minutes are seconds here",
            (CALLERS, *_reviewed_deployment(), End()),
        ),
        Step(
            "A model that no gate has seen",
            "trained in prod itself, in a hurry, without a review; it lacks the wind speed, which callers still send",
            (
                CALLERS,
                Command(
                    'sh -c "for name in train validation test; do '
                    'cut -d, -f1-8,10- data/$name.csv > data/calm-$name.csv; done"'
                ),
                Edit(NARROW),
                *_commit("kickstand.toml", "Leave out the wind speed"),
                Command("kickstand fit prod"),
                *_commit("releases", "prod: a model without the wind speed"),
            ),
        ),
        Step(
            "prod rolls it back by itself",
            "the new instance refuses its callers' rows; an alarm sees it, and all traffic returns",
            (Command("kickstand deploy prod --yes", ends=1), End()),
        ),
        Step(
            "Git says what prod serves",
            "verify fails until the release before is restored, byte for byte; then there is nothing to deploy",
            (
                Command("kickstand verify prod", ends=1),
                Command('kickstand rollback prod --reason "Callers send the wind speed." --yes'),
                Edit(tuple((after, before) for before, after in NARROW)),
                *_commit("kickstand.toml releases", "prod: back to the better model"),
            ),
        ),
        Step(
            "What an auditor sees",
            "who approved what, from git alone; what it may read, what it cost, whether anyone swapped it",
            (
                Command("kickstand release history prod"),
                Command("kickstand access prod"),
                Command("kickstand cost prod"),
                Command("kickstand verify prod"),
                Command("git log --oneline"),
            ),
        ),
    )


def _commit(paths: str, subject: str) -> tuple[Command, Command]:
    return Command(f"git add {paths}"), Command(f'git commit --quiet -m "{subject}"')


def _reviewed_deployment() -> tuple[Command, ...]:
    return (
        Command("kickstand review prod"),
        Command("kickstand review prod --prepare"),
        Command("kickstand deploy prod --reviewed review/prod/review.json"),
    )


CALLERS: Final = Background("kickstand traffic prod --rate 10 --for 30m")
"""Rows of the model that prod serves when it begins; Ctrl-C ends it."""
