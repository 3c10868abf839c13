"""The review bundle: everything that a person must see before an environment changes, and what machines compare."""
