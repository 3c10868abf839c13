"""Hostile inputs of every kind, each given to the command that a user would run with it.

    PYTHONPATH=tests:tests/unit .venv/bin/python -m hostile [--kind KIND] [--seed NUMBER] [--mutants COUNT] [--json]

Every input is made by a function, the same in each run; `--mutants` adds so many damaged copies of a good input to each
kind, by the seed. The tests run it with a few mutants; more are tried by hand.
"""
