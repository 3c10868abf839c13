"""Conditional copies between buckets of different keys: what all of promotion rests on."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from acceptance.project import SOURCE, TARGET
from acceptance.step import Assumption, NotRun, Observed, Step, World
from kickstand.aws.errors import DENIED, error_code
from kickstand.aws.s3 import ReadObject, S3Location, artifact_bucket, keep_copy, parse_location, stored_object
from kickstand.errors import KickstandError, Problem
from promotion.release_role import caller_arn, release_session

ROLE, KEPT, GRANTS = "infra/constructs/release_role.py", "kickstand/aws/s3.py", "infra/policies/statement.py"
EXISTS = "PreconditionFailed"
"""S3's answer where `IfNoneMatch="*"` finds an object (412)."""
_KEY = "models/acceptance/copy"


def copy(world: World) -> Observed:
    """Copy the artifact as the target's release role: once as Kickstand does, then in each way that must be refused."""
    target = world.workspace(TARGET)
    s3 = release_session(target, caller_arn(target.session)).client("s3")
    location = parse_location(world.workspace(SOURCE).release().artifact.s3_uri)
    found = stored_object(s3, location)
    if found is None:
        raise KickstandError(Problem("The release role does not see the source's artifact.", location.uri))
    bucket = artifact_bucket(target.environment)
    keep_copy(s3, ReadObject(location, found.sha256, found.size, found.etag), bucket, _KEY)
    key = s3.head_object(Bucket=bucket.name, Key=_KEY).get("SSEKMSKeyId", "none")
    source = {"Bucket": location.bucket, "Key": location.key}
    answers = {
        "the same copy once more": _answer(
            s3.copy_object, **bucket.writes, Key=_KEY, CopySource=source, IfNoneMatch="*"
        ),
        "a copy without If-None-Match": _answer(s3.copy_object, **bucket.writes, Key=f"{_KEY}-2", CopySource=source),
        "a PutObject without If-None-Match": _answer(s3.put_object, **bucket.writes, Key=f"{_KEY}-3", Body=b"other"),
    }
    return evaluate_copies(
        answers,
        encrypted=key == world.keys[TARGET],
        key=key,
        copied=stored_object(s3, S3Location(bucket.name, _KEY)) == found,
    )


def evaluate_copies(answers: dict[str, str], *, encrypted: bool, key: str, copied: bool) -> Observed:
    """What the answers (codes, `done` where S3 did it) say of both modules."""
    again, *unconditional = answers.values()
    wrong = {
        *({KEPT} if not copied or again != EXISTS else ()),
        *({ROLE} if any(code not in DENIED for code in unconditional) else ()),
        *({KEPT} if not encrypted else ()),
    }
    kept = "kept the same bytes" if copied else "lost bytes"
    with_key = "the key of the target" if encrypted else f"another key than the target’s: {key}"
    lines = (
        f"CopyObject with If-None-Match from one bucket to the other {kept}",
        f"the copy is encrypted with {with_key}",
        *(f"{what}: {code}" for what, code in answers.items()),
    )
    return Observed(lines, frozenset(wrong))


def _answer(call: Any, **request: Any) -> str:
    try:
        call(**request)
    except ClientError as error:
        return error_code(error)
    return "done"


def across(world: World) -> Observed:
    """The promotion itself was across accounts; what is left is to say so."""
    if not world.plan.two_accounts:
        raise NotRun("Both environments are in one account. Needs a second account: name its environment (TO=…).")
    source, target = (world.workspace(name) for name in (SOURCE, TARGET))
    where = f"from account {source.environment.account} to {target.environment.account}"
    return Observed((f"the promotion and the copies of the step before went {where}, between two customer keys",))


COPY = Step(
    "copy",
    "The conditional copy, between two customer keys",
    "Does CopyObject with If-None-Match work for a role that may write on that condition alone (Null "
    "s3:if-none-match false), source and target with different KMS keys?",
    (
        Assumption(KEPT, "A conditional CopyObject makes the object once, and answers 412 from then on."),
        Assumption(ROLE, "A write without If-None-Match is refused by the policy's Null condition."),
    ),
    copy,
    "All of promotion rests on it. Where the condition is not known to CopyObject, the role must be allowed "
    "s3:PutObject without it, and what protects `models/` is then the object's digest alone.",
    needs=("promote",),
    number=1,
)
ACROSS = Step(
    "across-accounts",
    "The same across accounts",
    "Does it work from one account into another?",
    (Assumption(GRANTS, "Bucket policy and key policy that name the account, narrowed to the role, suffice."),),
    across,
    "Compare the source's bucket policy and key policy with infra/policies/statement.py.",
    needs=("copy",),
    number=1,
)
