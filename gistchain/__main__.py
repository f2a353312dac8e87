"""`python -m gistchain` is the command line."""

from gistchain.cli.start import start

start()
