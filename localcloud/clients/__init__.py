"""Clients of the local cloud that do not fit into the project's own environment, each in one of its own."""
