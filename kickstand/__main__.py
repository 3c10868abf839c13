"""`python -m kickstand`: the command line."""

from kickstand.cli import main

main()
