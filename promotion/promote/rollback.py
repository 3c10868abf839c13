"""The way back: an earlier release checked as if it were new, then put in its place byte for byte."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError
from kickstand.release import Release
from kickstand.release_file import read_release
from promotion.gates.outcome import Outcome
from promotion.promote.earlier import Earlier
from promotion.signing.signature_file import signature_path
from promotion.signing.verify import require_signature


def require_good(earlier: Earlier, path: Path, environment: Environment) -> Release:
    """The earlier release, with every check that the environment makes of a release of now, its signature included.

    InputError: of another project, account or bucket by now; its signature is missing or not trusted any more.
    """
    with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
        draft = Path(folder, path.name)
        _place(earlier, draft)
        try:
            release = read_release(draft, environment)
            require_signature(release, draft, environment)
        except InputError as error:
            place = f"{earlier.commit[:12]}:{path.name}"
            problems = (
                replace(each, where=place, fix="Go back to another one: --to N or COMMIT.") for each in error.problems
            )
            raise InputError(*problems) from None
    return release


def require_gates(outcomes: Sequence[Outcome], release: Release) -> None:
    """Raise KickstandError where a gate refuses the earlier release.

    A gate that was overridden when that release was promoted stays overridden: the release says so for ever, and
    by whom. A new override has no place in a release that is restored byte for byte.
    """
    origin = release.promoted_from
    overridden = {one.gate for one in origin.overrides} if origin is not None else set()
    refused = [outcome.gate for outcome in outcomes if not outcome.passed and outcome.gate not in overridden]
    if refused:
        told = f"The gate {refused[0]} refuses" if len(refused) == 1 else f"The gates {', '.join(refused)} refuse"
        raise KickstandError(
            f"{told} the earlier release. Nothing was changed. Go back to another one: --to N or COMMIT."
        )


def restore(earlier: Earlier, path: Path) -> None:
    """Put the release in its place, and its signature; a signature that the commit has not is taken away.

    The release comes last: until then the present one stays, without a signature that fits it.
    """
    _place(earlier, path)


def _place(earlier: Earlier, path: Path) -> None:
    from kickstand.atomic_file import atomic_file, put_on_disk

    signature = signature_path(path)
    with atomic_file(path) as stream:
        stream.write(earlier.text.encode("utf-8"))
        put_on_disk(stream)  # without room for it the signature is not touched either
        if earlier.signature is None:
            signature.unlink(missing_ok=True)
        else:
            with atomic_file(signature) as beside:
                beside.write(earlier.signature.encode("utf-8"))
