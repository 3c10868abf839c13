"""`kickstand release …`: the release of an environment, looked at, checked, compared, its history, its signature.

Files and git alone: no session is opened, nothing is started, under `--local` neither. The exceptions: a KMS key is
asked in the environment's account, a keyless signature needs the network.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.context import ReleaseFile, below, open_workspace, release_file, short
from cli.options import AS_JSON, ENV, root_of
from kickstand.atomic_file import atomic_file
from kickstand.console import echo, echo_json, echo_text
from kickstand.errors import InputError, Problem
from kickstand.git import GitFile
from kickstand.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    import boto3

    from kickstand.config.model import Environment
    from kickstand.config.promotion import Signing

app = typer.Typer(
    help="The release of an environment: show, check, diff, history, from files and git; sign and verify.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


class Algorithm(StrEnum):
    """What a new key may be."""

    ED25519 = "ed25519"
    P256 = "p256"


@app.command()
def show(ctx: typer.Context, environment: ENV, as_json: AS_JSON = False) -> None:
    """Show the release, once it has passed every check."""
    from kickstand.release.file import canonical
    from kickstand.release.view import release_lines

    file = release_file(ctx, environment)
    release = file.release()
    if as_json:
        echo_json(canonical(release.model_dump()))
    else:
        _print(release_lines(release, short(file.path)))


@app.command()
def check(ctx: typer.Context, environment: ENV) -> None:
    """Check the release file: its seal, its schema, that it is of this environment. Exit code 2 with all problems."""
    from kickstand.release.file import parse_fields, release_text
    from kickstand.release.schema import check_release

    file = release_file(ctx, environment)
    release = check_release(file.path, file.environment)
    written = parse_fields(release_text(file.path, file.environment), file.path)["schema_version"]
    read_as = f", read as {release.schema_version}" if written != release.schema_version else ""
    echo(
        f"{short(file.path)}: good. Release {release.sha256[:12]} of {release.project} {release.environment}, "
        f"model {release.artifact.sha256[:12]}, schema version {written}{read_as}."
    )


@app.command()
def diff(
    ctx: typer.Context,
    environment: ENV,
    source: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="COMMIT|ENV|FILE",
            help="What to compare with: an environment of the project, else a file, else a commit. Default: the "
            "release that is committed; where that is the very same, the one before it.",
        ),
    ] = None,
    as_json: AS_JSON = False,
) -> None:
    """Show what the release changes, field by field."""
    from kickstand.release.history import earlier_release, named_release
    from kickstand.release.view import diff_lines, differences

    file = release_file(ctx, environment)
    release = file.release()
    if source is None:
        _require_history(ctx, file, "Name what to compare with: --from ENV or --from FILE.")
        place, before = earlier_release(file.path, release)
    else:
        place, before = named_release(source, file.path, file.project)
    changes = differences(before, release)
    if as_json:
        rows = [{"field": c.field, "before": c.before, "after": c.after, "delta": c.delta} for c in changes]
        echo_json(json.dumps({"from": place, "to": str(file.path), "changes": rows}, indent=2))
        return
    echo(plain(f"{place} -> {short(file.path)}"))
    echo(f"release {before.sha256[:12]} -> {release.sha256[:12]}")
    _print(map(plain, diff_lines(changes) or ["They are the same."]))


@app.command()
def history(ctx: typer.Context, environment: ENV, as_json: AS_JSON = False) -> None:
    """Show from git who changed the release, when, to which model, promoted from where."""
    from kickstand.release.history import environment_history
    from kickstand.release.history_view import history_fields, history_lines
    from kickstand.signing.envelope import signatures_in_git

    file = release_file(ctx, environment)
    _require_history(ctx, file, "Ask for that of the repository's releases, without --local.")
    found = environment_history(GitFile.of(file.path), file.path, file.project.environments)
    for note in found.notes:
        echo(plain(f"note: {note}"), err=True)
    signatures = signatures_in_git(file.path)
    if as_json:
        echo_json(json.dumps(history_fields(found.revisions, found.sources, signatures), indent=2))
    else:
        _print(history_lines(found.revisions, found.sources, signatures))


@app.command()
def sign(ctx: typer.Context, environment: ENV) -> None:
    """Sign the release as it is, by what [signing] names."""
    from kickstand.signing.sign import sign_release
    from kickstand.signing.verify import verify_signature

    file, session = _opened(ctx, environment)
    chosen, release = file.environment, file.release()
    signature = sign_release(release, file.path, chosen, session)
    if signature is None:
        message = f"There is nothing to sign releases of {chosen.name} with: [signing] names no key and no identity."
        fix = "Make a key and name it there: kickstand release key NAME.pem"
        raise InputError(Problem(message, chosen.where("signing.private_key"), fix))
    signed = verify_signature(release, file.path, chosen.signing, where=chosen.where("signing.public_keys"))
    echo(f"{short(signature)}: release {release.sha256[:12]} of {chosen.name} is {signed.sentence()}.")


@app.command()
def verify(
    ctx: typer.Context,
    environment: ENV,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Trust this public key (PEM) alone, whatever [signing] says."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="Write a keyless signature's sigstore bundle, for other tools."),
    ] = None,
) -> None:
    """Verify the release's signature, and show what is signed and by whom. Exit code 2 where it is not right."""
    from kickstand.signing.envelope import signature_path
    from kickstand.signing.verify import signature_lines, verify_signature

    file = release_file(ctx, environment)
    release = file.release()
    trusted, where = _trusted(file.environment, key)
    signed = verify_signature(release, file.path, trusted, where=where)
    echo(f"{short(signature_path(file.path))}: good, {signed.sentence()}.")
    _print(signature_lines(release, file.path, signed))
    if bundle is not None:
        _write_bundle(bundle, signature_path(file.path), signed.key_id)


@app.command("key")
def new_key(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The private key to write, for example keys/dev.pem.")],
    algorithm: Annotated[Algorithm, typer.Option("--algorithm", help="What kind of key.")] = Algorithm.ED25519,
    encrypt: Annotated[
        bool,
        typer.Option("--encrypt", help="Encrypt it under KICKSTAND_SIGNING_PASSWORD, else a password asked for."),
    ] = False,
) -> None:
    """Make a key pair to sign with: FILE, for its owner alone, and FILE's name with .pub, for git."""
    from kickstand.signing.private_key import is_exposed_to_git, make_key, new_password

    pair = make_key(file, algorithm.value, new_password() if encrypt else None)
    folder = root_of(ctx).config.parent
    echo(f"{pair.private}: the private key ({pair.key.algorithm}), mode 0600. Keep it; nobody can make it again.")
    echo(f"{pair.public}: its public half, key {pair.key.id}. Commit it.")
    echo("Sign and trust with it, in kickstand.toml:")
    echo("  [signing]")
    echo(f'  private_key = "{below(pair.private, folder)}"')
    echo(f'  public_keys = ["{below(pair.public, folder)}"]')
    if is_exposed_to_git(pair.private):
        echo(f"git does not ignore the private key yet: echo '{pair.private.name}' >> .gitignore")


@app.command("public-key")
def show_public_key(ctx: typer.Context, environment: ENV) -> None:
    """Print the public half of the environment's private_key or KMS key, in PEM: to be committed."""
    from kickstand.signing.sign import signing_key

    file, session = _opened(ctx, environment)
    chosen = file.environment
    key = signing_key(chosen, session)
    if key is None:
        message = f"{chosen.name} has no key that signs: [signing] names neither private_key nor kms_key_arn."
        fix = "A keyless identity has no key; name keyless_identity and keyless_issuer to trust it."
        raise InputError(Problem(message, chosen.where("signing.private_key"), fix))
    echo_text(key.pem)


def _opened(ctx: typer.Context, environment: str) -> tuple[ReleaseFile, boto3.Session | None]:
    """The environment's release file, and its session where a KMS key is asked; offline otherwise."""
    from kickstand.signing.sign import needs_session

    file = release_file(ctx, environment)
    signing = file.environment.signing
    return file, open_workspace(ctx, environment)[0].session if needs_session(signing) else None


def _write_bundle(bundle: Path, signature_file: Path, key_id: str) -> None:
    from kickstand.signing.envelope import read_envelope
    from kickstand.signing.keyless import bundle_json, is_keyless

    envelope = read_envelope(signature_file, "")
    signature = envelope.signatures[key_id]
    if not is_keyless(signature):
        message = "A key signed it, and only keyless signatures have a sigstore bundle."
        raise InputError(Problem(message, "--bundle", "Verify it with openssl: docs/signing.md."))
    with atomic_file(bundle) as stream:
        stream.write(bundle_json(envelope, signature).encode("utf-8"))
    echo(f"  {'sigstore bundle':<16} {short(bundle)}")


def _trusted(environment: Environment, key: Path | None) -> tuple[Signing, str]:
    from kickstand.config.promotion import Signing

    if key is None:
        return environment.signing, environment.where("signing.public_keys")
    return Signing(public_keys=(key,)), "--key"


def _require_history(ctx: typer.Context, file: ReleaseFile, fix: str) -> None:
    """Raises InputError for the local cloud, whose state folder git does not keep."""
    if root_of(ctx).local:
        message = "The local cloud keeps only the last release of an environment, out of git: it has no history."
        raise InputError(Problem(message, str(file.path), fix))


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        echo(line)
