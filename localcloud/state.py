"""The state folder of the local cloud, laid out here and nowhere else, and the switches that are kept in it.

A switch is how the local cloud behaves where nobody outside AWS knows what AWS does, or where AWS does now one, now the
other. Each stands at its first value, at which less succeeds, until somebody sets it: `kickstand local switch`. It
outlives a restart and can be set before a start.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kickstand.atomic_file import atomic_file
from kickstand.errors import InputError, Problem

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
    def known_faults(self) -> Path:
        """The faults of AWS's image that the projects accept: `{"PROJECT-ENV": {FAULT: REASON}}`."""
        return self.root / "known_faults.json"

    def accept_faults(self, accepted: Mapping[str, Mapping[str, str]]) -> None:
        """Take over what these environments accept; what others accept stays. Written where it differs."""
        known = self._known_faults()
        merged = {name: faults for name, faults in {**known, **accepted}.items() if faults}
        if merged != known:
            with atomic_file(self.known_faults) as stream:
                stream.write((json.dumps(merged, indent=2, sort_keys=True) + "\n").encode())

    def faults_accepted_for(self, job: str) -> Mapping[str, str]:
        """What the environment of a job accepts; its name begins with PROJECT-ENV and a hyphen."""
        known = self._known_faults()
        owners = [name for name in known if job.startswith(f"{name}-")]
        return known[max(owners, key=len)] if owners else {}

    def _known_faults(self) -> dict[str, Mapping[str, str]]:
        return dict(json.loads(self.known_faults.read_text("utf-8"))) if self.known_faults.exists() else {}

    @property
    def lock(self) -> Path:
        """Held by the server as long as it lives; a server that was killed holds nothing."""
        return self.root / "server.lock"

    @property
    def server(self) -> Path:
        """Written when the server is ready: pid, port, url, started, token, time_factor."""
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
        """How the local cloud behaves where it can be chosen: `localcloud.state`."""
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


@dataclass(frozen=True, slots=True)
class Switch:
    """values: what it can be set to, the default first. meaning: a sentence for people."""

    name: str
    values: tuple[str, ...]
    meaning: str


STOPPED_JOB = Switch(
    "stopped-job",
    ("fails", "completes"),
    "What a state machine's `.sync` task makes of a job that ends as Stopped: AWS does not say.",
)
MODEL_ROLE = Switch(
    "model-role",
    ("at-once", "late"),
    "late: the next CreateModel is refused once, as where a new role's policy is not in force yet.",
)
MACHINE_ROLE = Switch(
    "machine-role",
    ("at-once", "late"),
    "late: the next state machine that logs is refused once, as where a new role's policy is not in force yet.",
)
IDLE_METRICS = Switch(
    "idle-metrics",
    ("none", "zeros"),
    "zeros: an endpoint without requests sends Invocations of 0 each minute; AWS's pages say both.",
)
ONE_INSTANCE_STEP = Switch(
    "one-instance-step",
    ("refused", "accepted"),
    "An update in steps (canary, linear, rolling) of a variant with one instance: AWS does not say.",
)
ROLLED_BACK_UPDATE = Switch(
    "rolled-back-update",
    ("fails", "succeeds"),
    "What CloudFormation makes of an update of an endpoint that was rolled back: AWS does not say.",
)
UNREADABLE_ALARMS = Switch(
    "unreadable-alarms",
    ("roll-back", "ignored"),
    "What a rollback alarm does that is not there, or that the execution role may not describe: AWS does not say.",
)
DELETION_IN_UPDATE = Switch(
    "deletion-in-update",
    ("fails", "waits"),
    "What CloudFormation's deletion of an endpoint does while somebody updates it: AWS does not say.",
)
RETAINED_CAPTURE = Switch(
    "retained-capture",
    ("kept", "replaced"),
    "What RetainAllVariantProperties makes of an endpoint's data capture: AWS's pages leave it open.",
)
SWITCHES = (
    STOPPED_JOB,
    MODEL_ROLE,
    MACHINE_ROLE,
    IDLE_METRICS,
    ONE_INSTANCE_STEP,
    ROLLED_BACK_UPDATE,
    UNREADABLE_ALARMS,
    DELETION_IN_UPDATE,
    RETAINED_CAPTURE,
)


class Switches:
    """The switches of one local cloud; whoever sets them and the server share a file."""

    def __init__(self, folder: StateFolder) -> None:
        self._file = folder.switches

    def value(self, switch: Switch) -> str:
        """What it stands at; its default where nobody set it, or to what is no longer known."""
        found = self._read().get(switch.name)
        return found if found in switch.values else switch.values[0]

    def set(self, name: str, value: str) -> None:
        """Set a switch by name. Raises InputError for a name or a value that there is not."""
        switch = next((one for one in SWITCHES if one.name == name), None)
        if switch is None:
            names = ", ".join(one.name for one in SWITCHES)
            raise InputError(Problem(f"There is no switch {name}.", "kickstand local switch", f"Known ones: {names}."))
        if value not in switch.values:
            fix = f"It takes: {', '.join(switch.values)}."
            raise InputError(Problem(f"The switch {name} cannot be set to {value}.", "kickstand local switch", fix))
        self._write({**self._read(), name: value})

    def take(self, switch: Switch) -> bool:
        """Whether a switch stands at another value than its default; it is put back, so this happens once."""
        if self.value(switch) == switch.values[0]:
            return False
        self._write({name: value for name, value in self._read().items() if name != switch.name})
        return True

    def _read(self) -> Mapping[str, str]:
        try:
            found = json.loads(self._file.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _write(self, values: Mapping[str, str]) -> None:
        with atomic_file(self._file) as out:
            out.write(json.dumps(values, sort_keys=True, indent=2).encode() + b"\n")


_serving: Switches | None = None


def serve(folder: StateFolder) -> None:
    """Make the switches of a folder those of this process, which is its server."""
    global _serving
    _serving = Switches(folder)


def stands_at(switch: Switch) -> str:
    """What a switch of this process's server stands at; its default in a process that serves nothing."""
    return switch.values[0] if _serving is None else _serving.value(switch)


def taken(switch: Switch) -> bool:
    """`Switches.take` of this process's server; False in a process that serves nothing."""
    return _serving is not None and _serving.take(switch)
