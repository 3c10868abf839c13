"""The main job: train, host, predict, transform, review, promote, roll back, destroy. By Kickstand's own commands."""

from __future__ import annotations

import json

from acceptance.commands import CommandError
from acceptance.project import ENVIRONMENTS, FEWER_ROUNDS, SOURCE, TARGET, features
from acceptance.step import Assumption, NotReady, Observed, Step, World

DEPLOY_MINUTES = 40
FIT_MINUTES = 30


def ready(world: World) -> Observed:
    names = ENVIRONMENTS if world.plan.two_accounts else (SOURCE,)
    try:
        said = world.commands.together(*(("doctor", name) for name in names), minutes=10)
    except CommandError as error:
        raise NotReady(f"The account is not ready. {error}") from error
    return Observed(tuple(line for each in said for line in _begin(each, "warning", "0 problems")))


def train(world: World) -> Observed:
    said = world.commands.kickstand("fit", SOURCE, minutes=FIT_MINUTES)
    world.commands.commit(f"{SOURCE}: the first model")
    release = world.workspace().release()
    metrics = ", ".join(f"{name} {value:g}" for name, value in sorted(release.metrics.items()))
    job = release.training_job
    return Observed(
        (
            f"the training job {job.name} completed with {metrics}, {job.billable_seconds} billable seconds",
            f"its artifact of {release.artifact.size:,} bytes lies at models/SHA-256/ of the environment's own bucket",
            "the model is registered as a model package" if "registered" in said else "no model package was registered",
        )
    )


def host(world: World) -> Observed:
    world.host(SOURCE)
    said = world.commands.kickstand("deploy", SOURCE, "--yes", minutes=DEPLOY_MINUTES)
    return Observed(_lines(said, "InService", "golden rows"))


def predict(world: World) -> Observed:
    rows = world.commands.folder / "rows.csv"
    rows.write_text(features(), encoding="utf-8")
    answers = world.commands.folder / "answers.csv"
    world.commands.kickstand("predict", SOURCE, str(rows), "-o", str(answers), minutes=5)
    said = world.commands.kickstand("verify", SOURCE, minutes=5)
    count = len(answers.read_text("utf-8").splitlines())
    wrong = (
        frozenset() if count == len(features().splitlines()) else frozenset({"training/prediction/endpoint_client.py"})
    )
    return Observed((f"{count} rows were sent and {count} predictions came back", *_begin(said, "endpoint")), wrong)


def transform(world: World) -> Observed:
    rows = world.commands.folder / "rows.csv"
    rows.write_text(features(), encoding="utf-8")
    answers, single = world.commands.folder / "transformed.csv", world.commands.folder / "answers.csv"
    world.commands.kickstand("transform", SOURCE, str(rows), "-o", str(answers), minutes=30)
    found, expected = (_numbers(path.read_text("utf-8")) for path in (answers, single))
    same = len(found) == len(expected) and all(
        abs(a - b) <= 1e-5 * max(1.0, abs(b)) for a, b in zip(found, expected, strict=False)
    )
    line = f"{len(found)} rows were transformed; they are {'' if same else 'not '}what the endpoint answers"
    return Observed((line,), frozenset() if same else frozenset({"training/transform/rows.py"}))


def review(world: World) -> Observed:
    """A second model, reviewed, prepared, and deployed by the very change sets of its review."""
    world.write(rounds=FEWER_ROUNDS)
    world.commands.kickstand("fit", SOURCE, minutes=FIT_MINUTES)
    world.commands.commit(f"{SOURCE}: a second model, of fewer rounds")
    world.commands.kickstand("review", SOURCE, minutes=20)
    built = world.assembled(SOURCE)
    world.commands.kickstand("review", SOURCE, "--prepare", *built, minutes=20)
    file = world.commands.folder / "review" / SOURCE / "review.json"
    bundle = json.loads(file.read_bytes())
    changed = [one["stack"] for one in bundle["change_sets"] if not one["empty"]]
    said = world.commands.kickstand("deploy", SOURCE, "--reviewed", str(file), *built, minutes=DEPLOY_MINUTES)
    return Observed(
        (
            f"the review predicted a change of {', '.join(changed) or 'nothing'}, and CloudFormation's change sets "
            "were equal to it, resource by resource",
            *_lines(said, "executing", "InService", "golden rows"),
        )
    )


def promote(world: World) -> Observed:
    said = world.commands.kickstand("promote", SOURCE, TARGET, "--yes", minutes=20)
    world.commands.commit(f"{TARGET}: the first model, from {SOURCE}")
    same = world.workspace(SOURCE).release().artifact.sha256 == world.workspace(TARGET).release().artifact.sha256
    line = f"{TARGET} has {'the same artifact, by its SHA-256' if same else 'another artifact'}"
    wrong = frozenset() if same else frozenset({"promotion/candidate.py"})
    return Observed((line, *_lines(said, "model artifact", "registered")), wrong)


def host_promoted(world: World) -> Observed:
    """Deployed, proven, and destroyed at once: it has shown what it has to."""
    world.host(TARGET)
    said = world.commands.kickstand("deploy", TARGET, "--yes", minutes=DEPLOY_MINUTES)
    world.commands.kickstand("destroy", TARGET, "--hosting", "--yes", minutes=20)
    world.unhost(TARGET)
    return Observed(_lines(said, "InService", "golden rows"))


def roll_back(world: World) -> Observed:
    before = world.workspace().release().artifact.sha256
    words = ("rollback", SOURCE, "--reason", "The acceptance run goes back.", "--yes")
    said = world.commands.kickstand(*words, minutes=DEPLOY_MINUTES)
    verified = world.commands.kickstand("verify", SOURCE, minutes=5)
    other = world.workspace().release().artifact.sha256 != before
    line = f"{SOURCE} serves {'the former artifact' if other else 'the same artifact as before'} again"
    wrong = frozenset() if other else frozenset({"promotion/rollback.py"})
    return Observed((line, *_lines(said, "InService"), *_begin(verified, "endpoint")), wrong)


def _lines(said: str, *words: str) -> tuple[str, ...]:
    """The lines of a command's words that hold one of some words, each once."""
    found = (" ".join(line.split()) for line in said.splitlines() if not line.startswith("$"))
    return tuple(dict.fromkeys(line for line in found if any(word in line for word in words)))[:4]


def _begin(said: str, *words: str) -> tuple[str, ...]:
    """The lines of a command's words that begin with one of some words."""
    return tuple(" ".join(line.split()) for line in said.splitlines() if line.startswith(words))


def _numbers(text: str) -> list[float]:
    return [float(value) for value in text.split()]


READY = Step(
    "ready",
    "The account is ready",
    "Does `kickstand doctor` find region, bootstrap stack, image and quotas as the run needs them?",
    (Assumption("deployment/doctor/quotas.py", "SageMaker's quotas are found by the names that the module writes."),),
    ready,
    "The lines above say what the account lacks. A quota is raised in the Service Quotas console; then run again.",
)
TRAIN = Step(
    "train",
    "Upload, train, release",
    "Does `kickstand fit` end with a release?",
    (
        Assumption(
            "infra/state_machines/training_definition.py",
            "A Step Functions execution trains by createTrainingJob.sync.",
        ),
        Assumption("infra/policies/execution.py", "The training role suffices to read data, write the model, and log."),
        Assumption("kickstand/aws/s3.py", "CopyObject with If-None-Match keeps the artifact by its digest."),
        Assumption("training/model/artifact.py", "The model package group takes the artifact."),
    ),
    train,
    "The command's last lines name the call that AWS refused: its role or request is in the module beside it.",
    needs=("ready", "training-stacks"),
)
HOST = Step(
    "host",
    "Deploy the endpoint",
    "Does `kickstand deploy` end with an endpoint that serves the release?",
    (
        Assumption(
            "infra/stacks/hosting_stack.py", "Model, EndpointConfig and Endpoint come up in this order, unnamed."
        ),
        Assumption(
            "infra/policies/execution.py", "The hosting role suffices to read the model, pull the image, and log."
        ),
        Assumption("deployment/endpoint/verify.py", "The endpoint answers the golden rows as the release has them."),
    ),
    host,
    "The stack's events name the resource that failed; the endpoint's log group says why a container did not start.",
    needs=("train",),
)
PREDICT = Step(
    "predict",
    "Predict and verify",
    "Do all test rows get a prediction, and are the golden rows equal?",
    (Assumption("training/prediction/endpoint_client.py", "InvokeEndpoint answers as many lines as rows were sent."),),
    predict,
    "Compare `kickstand predict` with `aws sagemaker-runtime invoke-endpoint` on the same rows.",
    needs=("host",),
)
TRANSFORM = Step(
    "transform",
    "Batch transform",
    "Does a transform job answer as the endpoint does?",
    (
        Assumption(
            "infra/state_machines/transform_definition.py",
            "A Step Functions execution transforms by createTransformJob.sync.",
        ),
        Assumption("training/transform/rows.py", "The job's output has one line for each row, in order."),
    ),
    transform,
    "The job's FailureReason is in the command's last lines.",
    needs=("predict",),
)
PROMOTE = Step(
    "promote",
    "Promote to staging",
    "Does `kickstand promote` bring the same bytes into the other environment's bucket?",
    (
        Assumption("infra/constructs/release_role.py", "The release role suffices to pull and to register the model."),
        Assumption("promotion/candidate.py", "The copy's SHA-256, as S3 reports it, is that of the bytes."),
        Assumption("promotion/lock.py", "Conditional writes of S3 make the lock."),
    ),
    promote,
    "The command's last lines name the refused call. Between accounts, S3 and KMS look at key and bucket policy too: "
    "docs/promotion.md.",
    needs=("host",),
)
HOST_PROMOTED = Step(
    "host-promoted",
    "Serve the promoted model",
    "Does staging serve what dev served?",
    (Assumption("infra/policies/execution.py", "The target's hosting role reads what the release role has copied."),),
    host_promoted,
    "See “Deploy the endpoint”.",
    needs=("promote",),
)
REVIEW = Step(
    "review",
    "Review, prepare, deploy what was reviewed",
    "Is the change set that CloudFormation makes the one that the review predicts, and is it the one executed?",
    (
        Assumption("review/change_set_content.py", "CloudFormation lists the changes that the review predicts."),
        Assumption("deployment/change_set.py", "A prepared change set stays executable until it is executed."),
        Assumption(
            "infra/constructs/hosting.py", "Another model replaces Model and EndpointConfig; the Endpoint is updated."
        ),
    ),
    review,
    "The refusal names the differing resource: review/changes/ predicts it.",
    needs=("host",),
)
ROLL_BACK = Step(
    "roll-back",
    "Roll back",
    "Does `kickstand rollback` bring the former model back in one deployment?",
    (Assumption("promotion/rollback.py", "The former artifact is still there, and one deployment serves it."),),
    roll_back,
    "The command's last lines say where it stopped.",
    needs=("review",),
)
