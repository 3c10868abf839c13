"""The demonstrations: the main job on this machine, and a model's promotion through three local accounts."""
