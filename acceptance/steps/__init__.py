"""The steps of a run, in their order."""

from __future__ import annotations

from acceptance.step import Step
from acceptance.steps.change_sets import PREPARE, RETAG
from acceptance.steps.copies import ACROSS, COPY
from acceptance.steps.first_deployments import AGAIN, DESTROY, IAM_RACES, LOG_GROUP, TRAINING_STACKS
from acceptance.steps.jobs import STOPPED
from acceptance.steps.main_job import HOST, HOST_PROMOTED, PREDICT, PROMOTE, READY, REVIEW, ROLL_BACK, TRAIN, TRANSFORM
from acceptance.steps.personas import DETECT, REGISTER
from acceptance.steps.registry import REGISTRY

STEPS: tuple[Step, ...] = (
    READY,
    REGISTRY,
    TRAINING_STACKS,
    TRAIN,
    STOPPED,
    REGISTER,
    PREPARE,
    HOST,
    PREDICT,
    TRANSFORM,
    DETECT,
    RETAG,
    AGAIN,
    PROMOTE,
    COPY,
    ACROSS,
    HOST_PROMOTED,
    REVIEW,
    ROLL_BACK,
    DESTROY,
    LOG_GROUP,
    IAM_RACES,
)
"""What costs nothing comes before what does, and no endpoint is made before it is known that a model trains."""
