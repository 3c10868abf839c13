"""What a client of the local cloud runs with: the variables that point it here, and a Python that has it.

The variables are the only switch between AWS and the laptop. A client that does not fit into the project's own
environment gets one of its own, made on demand from its lock file.
"""

from __future__ import annotations

from pathlib import Path

from kickstand.errors import InputError, Problem
from kickstand.programs import CACHE, LockedEnvironment


def client_environment(
    url: str,
    ca: Path,
    *,
    access_key_id: str,
    secret_access_key: str,
    region: str,
    config: Path | None = None,
    credentials: Path | None = None,
) -> dict[str, str]:
    """Variables for boto3, the `aws` command, sagemaker-core and the CDK CLI, with an access key.

    url:     `https://127.0.0.1:PORT`.
    ca:      the certificate authority of the state folder.
    region:  an AWS region.
    config, credentials: the files with the profiles of the project; absent: left as they are.
    """
    environment = {
        "AWS_ENDPOINT_URL": url,
        "AWS_CA_BUNDLE": str(ca),
        "NODE_EXTRA_CA_CERTS": str(ca),
        "AWS_ACCESS_KEY_ID": access_key_id,
        "AWS_SECRET_ACCESS_KEY": secret_access_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        # Without it a client with no credentials asks the metadata address of EC2 and waits for its timeouts.
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "1",
        # A proxy of the company's network cannot reach this machine's loopback.
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }
    if config is not None:
        environment["AWS_CONFIG_FILE"] = str(config)
    if credentials is not None:
        environment["AWS_SHARED_CREDENTIALS_FILE"] = str(credentials)
    return environment


CLEARED = ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_PROFILE", "AWS_DEFAULT_PROFILE")
"""Variables of a real account that would win over or spoil the access key above; they must be unset."""


_LOCKS = Path(__file__).parent
_WHAT = {
    "model-trainer": "SageMaker's Python SDK with ModelTrainer",
    "sdk-v2": "SageMaker's Python SDK v2",
}
CLIENTS = tuple(_WHAT)
"""The clients there are, by the names of their lock files."""


def client_python(name: str, *, cache: Path = CACHE / "clients") -> Path:
    """The Python interpreter whose environment has a client.

    name: one of CLIENTS. cache: where environments are kept.
    Raises InputError for another name, KickstandError where the environment cannot be made.
    """
    if name not in _WHAT:
        raise InputError(Problem(f"There is no client {name!r}.", fix=f"Use {' or '.join(CLIENTS)}."))
    return LockedEnvironment(_LOCKS / f"{name}.lock", cache, f"The environment of {_WHAT[name]}").make()
