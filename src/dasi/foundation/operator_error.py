"""A failure told to a person: what happened, why we think so, what to do next.

Raised by whatever starts, stops or sets up; the command line prints the three parts and ends. Not
for requests of merchants: those are `dasi.foundation.errors`.
"""


class Trouble(Exception):
    """Three sentences or more, none of them with a secret in it."""

    def __init__(self, what: str, *, why: str, next_step: str) -> None:
        self.what = what
        self.why = why
        self.next_step = next_step
        super().__init__(f"{what}\nWhy we think so: {why}\nWhat to do next: {next_step}")
