"""A failure told to a person: what happened, why we think so, what to do next.

Raised by whatever starts, stops or sets up; the command line prints the three parts and ends. Not
for requests of merchants: those are `dasi.foundation.errors`.
"""


class OperatorError(Exception):
    """Three sentences or more, none of them with a secret in it."""

    def __init__(self, problem: str, *, cause: str, hint: str) -> None:
        self.problem = problem
        self.cause = cause
        self.hint = hint
        super().__init__(f"{problem}\nWhy we think so: {cause}\nWhat to do next: {hint}")
