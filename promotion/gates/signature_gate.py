"""The gate `signature`: the source's release is signed by somebody whom the target trusts."""

from __future__ import annotations

from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict


def judge(contest: Contest, _: Evidence | None = None) -> Verdict:
    """Passed where the signature fits the release and is trusted. Else KickstandError with what is wrong."""
    from promotion.signing.verify import verify_signature

    target = contest.target.environment
    where = target.where("signing.required")
    signed = verify_signature(contest.release, contest.source.release_file, target.signing, where=where)
    return Verdict(True, signed.sentence(), (f"{contest.source.release_file} {signed.sentence()}.",))


GATE = Gate(
    name="signature",
    # On the way back the release is not in its place yet: its signature was verified as it was read from git.
    asked=lambda contest: contest.target.environment.signing.required and contest.newer,
    limit=lambda contest: f"one that {contest.target.environment.name} trusts",
    see=lambda contest: contest.typed(f"release verify {contest.source.environment.name}"),
    judge=judge,
)
