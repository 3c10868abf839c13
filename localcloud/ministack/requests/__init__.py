"""Requests as they arrive: their signatures and their bodies."""
