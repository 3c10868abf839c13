"""dev's release in a folder, and a key to sign it with: what tests of signatures start from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from samples import environment, release

from kickstand.config.model import Environment
from kickstand.config.promotion import Signing
from kickstand.errors import InputError
from kickstand.release.file import canonical, write_release
from kickstand.release.model import Release
from kickstand.signing.envelope import signature_path
from kickstand.signing.private_key import KeyPair, make_key
from kickstand.signing.sign import sign_release
from kickstand.signing.verify import verify_signature

LINES = {"": "kickstand.toml", "signing.required": "kickstand.toml:8", "signing.public_keys": "kickstand.toml:9"}
WHERE = "kickstand.toml:8"
RESIGN = "If the release is right, sign it: kickstand release sign dev"


class SignedRelease:
    """dev's release in a folder, and a key to sign it with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "dev.json"
        self.signature = signature_path(self.file)
        self.pair: KeyPair = make_key(folder / "dev.pem", "ed25519")
        self.signing = Signing(required=True, private_key=self.pair.private, public_keys=(self.pair.public,))
        self.release: Release = write_release(self.file, release())

    @property
    def environment(self) -> Environment:
        return environment(signing=self.signing, lines=LINES)

    def sign(self) -> None:
        assert sign_release(self.release, self.file, self.environment, None) == self.signature

    def rewrite(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the envelope's fields, in the text that Kickstand writes."""
        fields = json.loads(self.signature.read_text())
        change(fields)
        self.signature.write_text(canonical(fields))

    def problems(self, signing: Signing | None = None) -> list[str]:
        with pytest.raises(InputError) as caught:
            verify_signature(self.release, self.file, signing or self.signing, where=WHERE)
        return [f"{problem.message} {problem.fix}".strip() for problem in caught.value.problems]
