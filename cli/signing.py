"""`kickstand release sign | verify | key | public-key`: the signature of a release, made and read.

Offline with a key file; a KMS key is asked in the environment's account, a keyless signature needs the network.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kickstand.console import echo, echo_text

if TYPE_CHECKING:
    import boto3

    from cli.context import Root
    from kickstand.config.model import Environment, Project, Signing
    from kickstand.release.model import Release

Name = Annotated[str, typer.Argument(metavar="ENV", help="dev, staging or prod.")]


class Algorithm(StrEnum):
    """What a new key may be."""

    ED25519 = "ed25519"
    P256 = "p256"


def sign(ctx: typer.Context, environment: Name) -> None:
    """Sign the release as it is, by what [signing] names."""
    from kickstand.errors import InputError, Problem
    from kickstand.signing.sign import sign_release
    from kickstand.signing.verify import verify_signature

    chosen, file, session = _opened(ctx, environment)
    release = _release(file, chosen)
    signature = sign_release(release, file, chosen, session)
    if signature is None:
        message = f"There is nothing to sign releases of {chosen.name} with: [signing] names no key and no identity."
        fix = "Make a key and name it there: kickstand release key NAME.pem"
        raise InputError(Problem(message, chosen.where("signing.private_key"), fix))
    signed = verify_signature(release, file, chosen.signing, where=chosen.where("signing.public_keys"))
    echo(f"{short(signature)}: release {release.sha256[:12]} of {chosen.name} is {signed.sentence()}.")


def verify(
    ctx: typer.Context,
    environment: Name,
    key: Annotated[
        Path | None,
        typer.Option("--key", metavar="FILE", help="Trust this public key (PEM) alone, whatever [signing] says."),
    ] = None,
    bundle: Annotated[
        Path | None,
        typer.Option("--bundle", metavar="FILE", help="Write a keyless signature's sigstore bundle, for other tools."),
    ] = None,
) -> None:
    """Verify the release's signature, and tell what is signed and by whom. Exit code 2 where it is not right."""
    from cli.context import choose, load, root_of
    from kickstand.release.file import release_path
    from kickstand.signing.envelope import signature_path
    from kickstand.signing.verify import signature_lines, verify_signature

    root, project = root_of(ctx), load(ctx)
    chosen = choose(project, environment)
    file = release_path(releases_of(root, project), chosen.name)
    release = _release(file, chosen)
    trusted, where = _trusted(chosen, key)
    signed = verify_signature(release, file, trusted, where=where)
    echo(f"{short(signature_path(file))}: good, {signed.sentence()}.")
    for line in signature_lines(release, file, signed):
        echo(line)
    if bundle is not None:
        _write_bundle(bundle, signature_path(file), signed.key_id)


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
    from cli.context import root_of
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


def show_public_key(ctx: typer.Context, environment: Name) -> None:
    """Print the public half of the environment's private_key or KMS key, in PEM: to be committed."""
    from kickstand.errors import InputError, Problem
    from kickstand.signing.sign import signing_key

    chosen, _, session = _opened(ctx, environment)
    key = signing_key(chosen, session)
    if key is None:
        message = f"{chosen.name} has no key that signs: [signing] names neither private_key nor kms_key_arn."
        fix = "A keyless identity has no key; name keyless_identity and keyless_issuer to trust it."
        raise InputError(Problem(message, chosen.where("signing.private_key"), fix))
    echo_text(key.pem)


def releases_of(root: Root, project: Project) -> Path:
    """The folder of the releases, without opening anything."""
    if not root.local:
        return project.releases
    from localcloud.cloud import LocalCloud

    return LocalCloud.default().releases_folder(project.name)


def short(path: Path) -> str:
    """A path as it is typed from here."""
    return below(path, Path.cwd())


def below(path: Path, folder: Path) -> str:
    """A path as it is named from a folder, where it is below it."""
    whole, top = path.resolve(), folder.resolve()
    return whole.relative_to(top).as_posix() if whole.is_relative_to(top) else str(path)


def _opened(ctx: typer.Context, environment: str) -> tuple[Environment, Path, boto3.Session | None]:
    """The environment, its release file, and its session where a KMS key is asked; offline otherwise."""
    from cli.context import choose, load, root_of, workspace_of
    from kickstand.release.file import release_path
    from kickstand.signing.sign import needs_session

    root, project = root_of(ctx), load(ctx)
    chosen = choose(project, environment)
    session = workspace_of(root, project, chosen.name).session if needs_session(chosen.signing) else None
    return chosen, release_path(releases_of(root, project), chosen.name), session


def _write_bundle(bundle: Path, signature_file: Path, key_id: str) -> None:
    from kickstand.atomic_file import atomic_file
    from kickstand.errors import InputError, Problem
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
    from kickstand.config.model import Signing

    if key is None:
        return environment.signing, environment.where("signing.public_keys")
    return Signing(public_keys=(key,)), "--key"


def _release(file: Path, environment: Environment) -> Release:
    from kickstand.release.file import read_release

    return read_release(file, environment)
