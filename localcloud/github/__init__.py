"""GitHub Actions on the laptop, as far as Kickstand's own workflows go: their commands are run, one by one, as written.

What a workflow `uses:` is stood in for (actions.py), as are `gh` (gh.py) and, unless asked otherwise, `make setup`.
"""
