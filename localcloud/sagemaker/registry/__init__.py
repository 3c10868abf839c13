"""The model registry, and Search."""
