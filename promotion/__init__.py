"""From a reviewed release to a served model, and back: deployment, verification, teardown."""
