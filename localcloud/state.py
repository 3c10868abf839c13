"""Where the local cloud keeps what it knows: one folder, laid out here and nowhere else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "KICKSTAND_LOCAL_STATE"
"""Names another state folder; two folders are two clouds that know nothing of each other."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The paths inside one state folder. Everything in it is private to its user (mode 0700)."""

    root: Path

    @classmethod
    def default(cls) -> StateFolder:
        """The folder that KICKSTAND_LOCAL_STATE names, else `.kickstand/local` in the repository."""
        chosen = os.environ.get(VARIABLE)
        if chosen:
            return cls(Path(chosen).expanduser().resolve())
        return cls(Path(__file__).resolve().parents[1] / ".kickstand" / "local")

    @classmethod
    def of_ca(cls, ca: Path) -> StateFolder:
        """The folder whose certificate authority a client trusts (AWS_CA_BUNDLE)."""
        return cls(ca.resolve().parents[1])

    def create(self) -> None:
        """Make the folder where it is missing; readable by its user alone, for it holds keys."""
        self.root.mkdir(parents=True, exist_ok=True)
        self.root.chmod(0o700)
        for folder in (self.certificates, self.services, self.emulator, self.objects, self.work):
            folder.mkdir(mode=0o700, exist_ok=True)

    @property
    def lock(self) -> Path:
        """Held by the server as long as it lives; a server that was killed holds nothing."""
        return self.root / "server.lock"

    @property
    def server(self) -> Path:
        """Written when the server is ready: pid, port, url, started, token."""
        return self.root / "server.json"

    @property
    def port(self) -> Path:
        """The port of the last start: a restart keeps it, so that exported environments stay true."""
        return self.root / "port"

    @property
    def log(self) -> Path:
        return self.root / "server.log"

    @property
    def certificates(self) -> Path:
        return self.root / "tls"

    @property
    def ca(self) -> Path:
        """The certificate authority that clients trust (AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS)."""
        return self.certificates / "ca.pem"

    @property
    def services(self) -> Path:
        """The records of every service, saved within a second of a change."""
        return self.root / "services"

    @property
    def emulator(self) -> Path:
        """What the emulator keeps in files of its own; nothing, of the services that are served."""
        return self.root / "emulator"

    @property
    def objects(self) -> Path:
        """The bytes of S3 objects."""
        return self.root / "s3"

    @property
    def work(self) -> Path:
        """Scratch of training jobs and model servers."""
        return self.root / "work"

    @property
    def switches(self) -> Path:
        """How the local cloud behaves where it can be chosen: `localcloud.switches`."""
        return self.root / "switches.json"

    @property
    def root_secret(self) -> Path:
        """What the secrets of the accounts' roots are made from: `localcloud.root_keys`."""
        return self.root / "root-secret"

    @property
    def aws_config(self) -> Path:
        return self.root / "aws-config"

    @property
    def aws_credentials(self) -> Path:
        return self.root / "aws-credentials"

    def releases(self, project: str) -> Path:
        """The releases of a project under `--local`: never in the repository's own `releases/`."""
        return self.root / "releases" / project
