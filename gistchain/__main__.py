"""`python -m gistchain` is the command line."""

from gistchain.cli import main

main()
