"""Write docs/release.schema.json: the JSON Schema of a release, made from the models in kickstand/release/model.py.

Usage: `python scripts/make_release_schema.py [OUTPUT]`, after a change in those models.
"""

from __future__ import annotations

import sys
from pathlib import Path

from kickstand.release.schema import PUBLISHED, canonical_schema, release_schema


def main(arguments: list[str]) -> None:
    output = Path(arguments[0]) if arguments else PUBLISHED
    schema = release_schema()
    output.write_bytes(canonical_schema(schema))
    print(f"{output}: {schema['title']}")


if __name__ == "__main__":
    main(sys.argv[1:])
