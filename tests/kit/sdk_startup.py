"""What SageMaker's SDKs do over and over, done once: for their own Pythons, which are programs that a test starts.

Each of their sessions reads the service models of botocore again (0.1 to 0.3 s of CPU each), and SDK v2 checks, each
time that it looks up one of its defaults, that the schema of its settings is itself a schema: 0.3 s of CPU, 40 times in
a notebook. The settings are checked each time all the same.
"""

from __future__ import annotations

from pathlib import Path

_STARTUP = """\
import sys

if "clients" in sys.prefix.split("/"):
    import time

    import botocore.session
    import jsonschema

    sleep = time.sleep
    time.sleep = lambda seconds: sleep(min(seconds, LONGEST))

    read, make = {}, botocore.session.create_loader

    def create_loader(search_path_string=None):
        loader = make(search_path_string)
        loader._cache = read.setdefault(search_path_string, {})
        return loader

    botocore.session.create_loader = create_loader

    checked, check = {}, jsonschema.Draft202012Validator.check_schema

    def check_schema(schema, *more, **named):
        if id(schema) not in checked:
            check(schema, *more, **named)
            checked[id(schema)] = schema  # kept, so that no other one has its identity

    jsonschema.Draft202012Validator.check_schema = check_schema
"""


def sdk_startup(folder: Path, longest_sleep: float = 60.0) -> Path:
    """The folder, for PYTHONPATH, with a `sitecustomize` that changes nothing in other Pythons.

    longest_sleep: seconds between two looks at a job or an endpoint, at most. SDKs look every 5 to 30 seconds, and name
    a job by the second at which it begins: where one job follows another, a sleep tells them apart.
    """
    (folder / "sitecustomize.py").write_text(_STARTUP.replace("LONGEST", repr(longest_sleep)), "utf-8")
    return folder
