"""Runs the command: `python -m dasi --help`."""

from dasi.cli import main

if __name__ == "__main__":
    main()
