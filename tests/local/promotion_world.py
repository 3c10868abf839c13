"""Three accounts with a model in dev, and everything in them that a promotion may change."""

from __future__ import annotations

from pathlib import Path

from gate_world import train
from samples import release
from three_accounts import ThreeAccounts

from kickstand.release.file import read_release, write_release
from kickstand.release.model import Artifact, Channel, DataFile, Release

MODEL = train(5)
KEY = f"models/{MODEL.sha256}/model.tar.gz"
OVERRIDE = ("--override", "golden-rows", "--reason", "There is no endpoint in this test.", "--yes")


class Stage(ThreeAccounts):
    """Three accounts, and releases in the local cloud's own folder."""

    def file(self, name: str) -> Path:
        return self.cloud.releases_folder(self.names("dev").environment.project) / f"{name}.json"

    def released(self, name: str) -> Release:
        return read_release(self.file(name), self.names(name).environment)

    def put(self, name: str, key: str, body: bytes) -> None:
        self.client("s3", name).put_object(Bucket=self.names(name).bucket, Key=key, Body=body)

    def body(self, name: str, key: str = KEY) -> bytes:
        answer = self.client("s3", name).get_object(Bucket=self.names(name).bucket, Key=key)
        return bytes(answer["Body"].read())

    def keys(self, name: str) -> set[str]:
        listed = self.client("s3", name).list_objects_v2(Bucket=self.names(name).bucket)
        return {one["Key"] for one in listed["Contents"] if "/one/test/" not in one["Key"]}

    def release_in_dev(self, commit: str) -> Release:
        """The model in dev's bucket, and a release of it that no other test has."""
        names = self.names("dev")
        self.put("dev", KEY, MODEL.archive)
        channel = Channel(
            name="train",
            s3_uri=f"s3://{names.bucket}/data/{'c' * 64}/train/",
            content_type="text/csv",
            sha256="c" * 64,
            rows=200,
            columns=3,
            files=(DataFile(name="train.csv", sha256="d" * 64, size=5000, rows=200),),
        )
        made = release(
            project=names.environment.project,
            bucket=names.bucket,
            target_transform="none",
            channels=(channel,),
            artifact=Artifact(s3_uri=f"s3://{names.bucket}/{KEY}", sha256=MODEL.sha256, size=len(MODEL.archive)),
            golden_rows=MODEL.golden,
            source_commit=commit,
        )
        return write_release(self.file("dev"), made)
