"""The live endpoint in a deployment: how it is updated, proven, and what is left of the update."""
