"""Two environments and what lies in their accounts, in memory: where a promotion is tried."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from memory_s3 import MemoryS3, Stored, refusal
from release_repository import made_for
from samples import environment
from workspaces import workspace

from kickstand.bucket import RELEASE_LOCK
from kickstand.names import Names
from kickstand.release.file import write_release
from kickstand.release.model import Artifact, GoldenRows, LearningCurve, Override, Release
from promotion.gates.gate import Outcome
from promotion.promote import PromotionWork
from training.model.golden_rows import golden_digest

DEV = environment()
STAGING = environment(name="staging", account="444455556666", promotes_from="dev")
FROM, TO = Names(DEV).bucket, Names(STAGING).bucket
MODEL, CURVE = b"a model", b'{"rounds": []}\n'
SHA, CURVE_SHA = hashlib.sha256(MODEL).hexdigest(), hashlib.sha256(CURVE).hexdigest()
GOLDEN = golden_digest(("1,2",), (3.5,))
PACKAGE = "arn:aws:sagemaker:us-east-1:444455556666:model-package/bikes-staging/1"
BY = "arn:aws:iam::444455556666:user/ana"
PASSED = Outcome("metrics", True, "validation:rmse 0.29", "<= 0.35", "kickstand gate staging")
LATE = Outcome("latency", False, "312 ms", "<= 200 ms", "kickstand gate staging")


@dataclass
class Cloud(MemoryS3):
    """The buckets of both accounts, the lock with its conditions, and the target's model registry."""

    packages: list[dict[str, Any]] = field(default_factory=list)
    stop_at: str = ""
    """The call that kills the promotion, or `denied:` before it, that AWS refuses."""

    @property
    def lock(self) -> Stored | None:
        return self.objects.get((TO, RELEASE_LOCK))

    def client(self, service: str) -> Any:
        return self

    def _reach(self, call: str) -> None:
        if self.stop_at == call:
            raise KeyboardInterrupt
        if self.stop_at == f"denied:{call}":
            raise refusal("AccessDenied", "CopyObject", 403, "not authorized to perform: s3:GetObject")
        if self.stop_at == f"expired:{call}":
            raise refusal("ExpiredToken", "CreateModelPackage", 400, "The security token has expired")

    def put_object(self, **keys: Any) -> Any:
        if keys["Key"] == RELEASE_LOCK:
            assert keys["ExpectedBucketOwner"] == STAGING.account
        else:
            self._reach(f"put {keys['Key'].partition('/')[0]}")
        return super().put_object(**keys)

    def copy_object(self, **keys: Any) -> Any:
        self._reach("copy")
        return super().copy_object(**keys)

    def list_model_packages(self, **request: Any) -> dict[str, Any]:
        shown = [{**one, "ModelPackageStatus": "Completed", "ModelPackageArn": PACKAGE} for one in self.packages]
        return {"ModelPackageSummaryList": shown}

    def create_model_package(self, **request: Any) -> dict[str, Any]:
        self._reach("register")
        self.packages.append(request)
        return {"ModelPackageArn": PACKAGE}


@dataclass
class Stage:
    """dev serves a model; staging is to take it."""

    folder: Path
    cloud: Cloud = field(default_factory=Cloud)
    told: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        beside = f"s3://{FROM}/models/{SHA}"
        self.cloud.put(f"{beside}/model.tar.gz", MODEL)
        self.cloud.put(f"{beside}/learning_curve.json", CURVE)
        self.release()

    def release(self, **changes: Any) -> Release:
        beside = f"s3://{FROM}/models/{SHA}"
        fields = {
            "artifact": Artifact(s3_uri=f"{beside}/model.tar.gz", sha256=SHA, size=len(MODEL)),
            "learning_curve": LearningCurve(s3_uri=f"{beside}/learning_curve.json", sha256=CURVE_SHA),
            "golden_rows": GoldenRows(sha256=GOLDEN, rows=("1,2",), predictions=(3.5,)),
        }
        return write_release(self.folder / "dev.json", made_for("dev", "a", **{**fields, **changes}))

    @property
    def file(self) -> Path:
        return self.folder / "staging.json"

    @property
    def work(self) -> PromotionWork:
        session: Any = self.cloud
        return PromotionWork(
            source=workspace(session, self.folder, of=DEV, others=(STAGING,)),
            target=workspace(session, self.folder, of=STAGING, others=(DEV,)),
            by=BY,
            clock=lambda: datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
            report=lambda what, text: self.told.append((what, text)),
        )

    def promote(self, outcomes: tuple[Outcome, ...] = (PASSED,), overrides: tuple[Override, ...] = ()) -> Release:
        release, candidate = self.work.candidate()
        self.work.prove_source(release)
        role: Any = self.cloud
        return self.work.carry_out(release, candidate, outcomes, overrides, role)

    def in_target(self) -> dict[str, bytes]:
        """What a promotion has written, its lock aside."""
        objects = self.cloud.objects.items()
        return {key: stored.body for (bucket, key), stored in objects if bucket == TO and key != RELEASE_LOCK}
