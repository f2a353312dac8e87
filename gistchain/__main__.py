"""`python -m gistchain` is the command line."""

from gistchain.cli.app import main

main()
