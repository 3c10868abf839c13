"""The three kinds of failure of SageMaker's algorithms, by whose fault it is."""

from __future__ import annotations


class ContainerError(Exception):
    """A failure whose message is for the user. The class's name stands before the message."""

    def __str__(self) -> str:
        return f"{type(self).__name__}: {super().__str__()}"


class UserError(ContainerError):
    """What the user gave (hyperparameters, channels, data) is wrong."""


class AlgorithmError(ContainerError):
    """The algorithm failed for a reason of its own."""


class PlatformError(ContainerError):
    """What the platform owes the container is missing or broken."""
