"""Who signed a release, once it has been verified."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SignedBy:
    """A signature that fits the release and that is trusted."""

    key_id: str
    """SHA-256 of the public key's DER form; of a keyless signature: of its certificate's key."""
    name: str
    """The public key's file, or the identity that the certificate names."""
    algorithm: str = ""
    """`Ed25519`; empty for a keyless signature."""
    issuer: str = ""
    """Who vouched for the identity; empty for a key."""

    def sentence(self) -> str:
        """`signed by the key 3f2a9c… (Ed25519, keys/dev.pub)`, to go on behind a release's name."""
        if self.issuer:
            return f"signed by {self.name}, for whom {self.issuer} vouched"
        return f"signed by the key {self.key_id[:12]} ({self.algorithm}, {self.name})"
