"""What `kickstand demo-promotion` does, as values: scenes, and the commands that a person would type in each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ENVIRONMENTS: Final = ("dev", "staging", "prod")
SECOND_TRY: Final = (("num_round = 150", "num_round = 20"), ("max_depth = 5", "max_depth = 2"))
"""What makes the second model: quicker to train, and worse."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command line.

    ends: its exit code, and the story stops where it is another. by: whose credentials it has.
    """

    line: str
    ends: int = 0
    by: str = "ana"


@dataclass(frozen=True, slots=True)
class Hire:
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
class Scene:
    """A step of the story: its name, why it is there, what is typed."""

    name: str
    why: str
    acts: tuple[Command | Edit | Hire, ...]


def story(bootstraps: tuple[str, ...]) -> tuple[Scene, ...]:
    """The whole story. bootstraps: the command that bootstraps each account."""
    return (
        Scene(
            "A signing key",
            "every release says who vouches for it; the private half stays out of git",
            (
                Command("kickstand release key keys/rentals.pem"),
                *_commit("keys/rentals.pub", "Trust the key of the rentals team"),
            ),
        ),
        Scene(
            "Three accounts",
            "each gets the CDK's own bucket and roles, once",
            tuple(map(Command, bootstraps)),
        ),
        Scene(
            "Training stacks for dev and staging",
            "buckets, roles, the role that pulls a promoted model",
            (Command("kickstand deploy dev --yes"), Command("kickstand deploy staging --yes")),
        ),
        Scene(
            "prod is reviewed from its first stack on",
            "the change set that was reviewed is the one that is executed",
            _reviewed_deployment(),
        ),
        Scene(
            "A model",
            "trained and served in dev; its release is signed and committed",
            (
                Command("kickstand fit dev"),
                *_commit("releases", "dev: the first model"),
                Command("kickstand deploy dev --yes"),
            ),
        ),
        Scene(
            "From dev to staging",
            "gates, then the same artifact under the same digest in another account",
            (
                Command("kickstand promote dev staging --yes"),
                *_commit("releases", "staging: the first model, from dev"),
                Command("kickstand deploy staging --yes"),
            ),
        ),
        Scene(
            "Somebody else looks at it",
            "prod demands an approval, by another person than who promotes",
            (
                Command("kickstand promote staging prod --yes", ends=1),
                Hire("ben", "staging", "approver"),
                Command('kickstand approve staging --reason "Errors on rainy days are as before."', by="ben"),
            ),
        ),
        Scene(
            "From staging to prod",
            "promoted, reviewed, and deployed by the change set of the review",
            (
                Command("kickstand promote staging prod --yes"),
                *_commit("releases", "prod: the first model, from staging"),
                *_reviewed_deployment(),
            ),
        ),
        Scene(
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
        Scene(
            "staging refuses it",
            "a gate compares both models on the same rows; nothing is written",
            (Command("kickstand promote dev staging --yes", ends=1), Command("git status --short")),
        ),
        Scene(
            "Back to the first model",
            "dev's release of before, byte for byte, in one deployment",
            (
                Command('kickstand rollback dev --reason "The quicker model is worse." --yes'),
                *_commit("releases", "dev: back to the first model"),
            ),
        ),
        Scene(
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
