"""The signatures of an environment's releases, from git alone: which release, by which key, in which commit."""

from __future__ import annotations

from pathlib import Path

from kickstand.git_file import GitFile
from promotion.signing.signature_file import claim_of, signature_path


def signatures_in_git(release_file: Path) -> dict[str, str]:
    """What the signature file claimed of each release when it first was committed, by the release's sha256.

    `by key 3f2a9c…, in commit 0123…`. Claims: `kickstand release verify` says whether the last one is true.
    """
    file = GitFile.of(signature_path(release_file))
    commits = file.commits()
    texts = file.texts([(commit.id, commit.path) for commit in commits])
    claims = [(commit, claim_of(text)) for commit, text in zip(commits, texts, strict=True) if text is not None]
    # Newest first: the oldest claim about a release is the one that stays.
    return {
        claim.release_sha256: f"{claim.sentence()}, in commit {commit.id[:12]}" for commit, claim in claims if claim
    }
