"""The kinds of jobs, with the names of their operations, members and ARNs; and the tag that interrupts a spot job."""

from __future__ import annotations

from dataclasses import dataclass

INTERRUPT_TAG = "kickstand:interrupt"
"""Whoever may tag a spot job can interrupt it, with any client; on AWS it is a tag and no more."""


@dataclass(frozen=True, slots=True)
class JobKind:
    """noun: as it stands in the operations and members (`TrainingJob`). resource: the kind in its ARN."""

    noun: str
    resource: str


TRAINING = JobKind("TrainingJob", "training-job")
TRANSFORM = JobKind("TransformJob", "transform-job")
