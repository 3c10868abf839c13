"""A promotion: evaluated first, then written in the target, its release last.

Nothing is written before every gate was asked. Each step after that can be done again without harm, and the release
file takes its place at the very end: whatever is interrupted is completed by doing it all again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.atomic_file import atomic_file, put_on_disk
from kickstand.aws.errors import explained
from kickstand.aws.s3 import artifact_bucket
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.images import image_uri
from kickstand.release.file import write_release
from kickstand.release.model import Override, Release
from kickstand.workspace import Workspace
from promotion.candidate import (
    Piece,
    candidate_release,
    is_confidential,
    is_promotion_of,
    pieces_of,
    promoted_release,
    pull,
    require_source,
)
from promotion.gates.gate import Outcome
from promotion.lock import Owner, release_lock
from promotion.release_role import grants_needed, with_key_grant
from training.job.jobs import utc_text
from training.model.artifact import Registration, model_quality, register, write_metrics
from training.model.golden_rows import keep_confidential, read_golden

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient


@dataclass(frozen=True, slots=True)
class PackagedJob:
    """The job of a promoted model, as its package tells of it."""

    name: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class PromotionWork:
    """One promotion: from where, to where, and how it speaks.

    by:      ARN of who promotes, as the target's account knows them.
    clock:   the time, UTC and aware.
    report:  told of each step when it is done: its name, and what came of it.
    """

    source: Workspace
    target: Workspace
    by: str
    clock: Callable[[], datetime]
    report: Callable[[str, str], None]

    @property
    def command(self) -> str:
        """The words of the command: `promote dev staging`."""
        return f"promote {self.source.environment.name} {self.target.environment.name}"

    def candidate(self) -> tuple[Release, Release]:
        """The source's release, checked, and what it would be in the target.

        InputError: there is none, it or the target's present one does not pass its checks, its signature is not one
        that the source itself would take, or it is there already.
        """
        from kickstand.signing.verify import require_signature

        release = self.source.release()
        require_signature(release, self.source.release_file, self.source.environment)
        self._refuse_what_is_there(release)
        image = image_uri(self.target.environment.region, release.algorithm.version)
        return release, candidate_release(release, self.target.environment, image_uri=image)

    def prove_source(self, release: Release) -> None:
        """Raise KickstandError where what lies in the source's bucket is not what its release names."""
        s3 = self.source.session.client("s3")
        for piece in pieces_of(release):
            original = require_source(s3, piece)
            self.report(piece.what, f"{original.size:,} bytes in {original.location.bucket}, SHA-256 as released")

    def carry_out(
        self,
        release: Release,
        candidate: Release,
        outcomes: Sequence[Outcome],
        overrides: Sequence[Override],
        role: boto3.Session,
    ) -> Release:
        """Copy, register, sign and write; the target's release as it was written.

        outcomes: every gate that was asked; those that failed are overridden. role: a session of the target's
        release role. KickstandError: AWS refuses a step; of a key, with the statement that its policy needs.
        """
        try:
            return self._carried_out(release, candidate, outcomes, overrides, role)
        except KickstandError as error:
            raise with_key_grant(error, self.source, self.target) from error.__cause__

    def _carried_out(
        self,
        release: Release,
        candidate: Release,
        outcomes: Sequence[Outcome],
        overrides: Sequence[Override],
        role: boto3.Session,
    ) -> Release:
        bucket = artifact_bucket(self.target.environment)
        s3 = role.client("s3")
        doing = f"{self.command}, model {release.artifact.sha256[:12]}"
        owner = Owner.here(by=self.by, at=utc_text(self.clock()), doing=doing)
        with release_lock(s3, bucket, owner, lambda text: self.report("note", text)) as lock:
            self._require_unchanged(release)
            for piece in pieces_of(release):
                self._pull(s3, piece)
            if is_confidential(release.golden_rows, self.target.environment):
                golden = keep_confidential(
                    s3, read_golden(self.source.session.client("s3"), release.golden_rows), bucket
                )
                self.report("golden rows", f"kept in {golden.s3_uri}")
            package = self._register(s3, role.client("sagemaker"), candidate)
            self.report("registered", f"{package}, pending approval")
            made = promoted_release(
                candidate,
                model_package_arn=package,
                gates=[outcome.record() for outcome in outcomes],
                overrides=overrides,
                by=self.by,
                at=self.clock(),
            )
            lock.require()
            return self._write(made)

    def _refuse_what_is_there(self, release: Release) -> None:
        """A promotion that was done already has nothing to do; one whose signature is not good is done again."""
        from kickstand.signing.verify import require_signature

        target = self.target
        if not target.release_file.exists():
            return
        present = target.release()
        if not is_promotion_of(present, release):
            return
        name = target.environment.name
        try:
            require_signature(present, target.release_file, target.environment)
        except InputError as error:
            self.report("signature", f"{error.problems[0].message} It is promoted again.")
            return
        when = f" on {present.promoted_from.at}" if present.promoted_from and present.promoted_from.at else ""
        message = (
            f"{name} has it already: its release is {release.environment}'s {release.sha256[:12]}, promoted{when}. "
            "Nothing was changed."
        )
        fix = f"Commit it where it is not yet, then deploy: {target.command('review')}, {target.command('deploy')}"
        raise InputError(Problem(message, str(target.release_file), fix))

    def _require_unchanged(self, release: Release) -> None:
        """The gates were asked about this very release; somebody may have written another one since."""
        if self.source.release() != release:
            message = "The release was changed while its gates were checked. Nothing was written."
            raise KickstandError(Problem(message, str(self.source.release_file), "Run it again."))

    def _pull(self, s3: S3Client, piece: Piece) -> None:
        original = require_source(self.source.session.client("s3"), piece)
        bucket = artifact_bucket(self.target.environment)
        pull(s3, original, bucket, piece.key, lambda: grants_needed(self.source, self.target))
        self.report(piece.what, f"{original.size:,} bytes in {bucket.name}, SHA-256 the same")

    def _register(self, s3: S3Client, sagemaker: SageMakerClient, candidate: Release) -> str:
        bucket = artifact_bucket(self.target.environment)
        quality = model_quality(candidate.metrics, candidate.hyperparameters.get("objective", ""))
        registration = Registration(
            group=self.target.names.model_package_group,
            image_uri=candidate.algorithm.image_uri,
            artifact=candidate.artifact,
            job=PackagedJob(candidate.training_job.name, candidate.metrics),
            metrics_uri=write_metrics(s3, quality, bucket),
        )
        return register(sagemaker, registration, deploy_command=self.target.command("deploy"))

    def _write(self, made: Release) -> Release:
        """Sign, then write: the file in its place is the last that changes, and never without its signature.

        The signature is made of the very bytes beside their place, so that killing leaves the former release, and
        the same command makes both anew. The release is on the disk before the signature takes its place: a disk
        that is full leaves both as they were.
        """
        from kickstand.signing.envelope import signature_path
        from kickstand.signing.sign import sign_release

        file, environment = self.target.release_file, self.target.environment
        with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
            draft = Path(folder, file.name)
            sealed = write_release(draft, made)
            with explained("signing the release"):
                signature = sign_release(sealed, draft, environment, self.target.session)
            with atomic_file(file) as stream:
                stream.write(draft.read_bytes())
                put_on_disk(stream)
                put_signature(signature_path(file), signature)
        if signature is not None:
            self.report("signed", str(signature_path(file)))
        return sealed


def put_signature(place: Path, signature: Path | None) -> None:
    """Put a signature's file in its place, whole or not at all; None takes a former one away."""
    if signature is None:
        place.unlink(missing_ok=True)
        return
    with atomic_file(place) as stream:
        stream.write(signature.read_bytes())
