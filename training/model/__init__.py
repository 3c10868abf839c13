"""From a completed job to a release: evidence, artifact, golden rows, registry."""
