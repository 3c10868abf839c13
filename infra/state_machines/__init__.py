"""Definitions of the triggers' state machines, in Amazon States Language, as values."""
