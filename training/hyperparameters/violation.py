"""One broken rule of the algorithm's hyperparameters, in our words and in the container's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken rule.

    name:      the hyperparameter, spelt as the user did.
    message:   what was expected and what was found.
    fix:       what to write instead; empty where the message says it.
    container: the words in which AWS's container fails the job for it (`UserError`); empty where the
               container lets it pass, and it fails later or is silently ignored.
    """

    name: str
    message: str
    fix: str = ""
    container: str = ""
