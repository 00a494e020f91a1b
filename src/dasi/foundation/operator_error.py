"""An error for the operator: the problem, its cause, and a hint for the next step.

Start-up, shutdown and set-up raise it; the command line prints the three parts and ends.
Requests of merchants have `dasi.foundation.errors`.
"""


class OperatorError(Exception):
    """Problem, cause and hint, none of which holds a secret."""

    def __init__(self, problem: str, *, cause: str, hint: str) -> None:
        self.problem = problem
        self.cause = cause
        self.hint = hint
        super().__init__(f"{problem}\nWhy we think so: {cause}\nWhat to do next: {hint}")
