"""What can go wrong, and who can do something about it.

    Refused              the caller can act: nothing was done, the answer says what to change
      NotAuthenticated     who are you?
      Invalid              a field breaks a rule; `field` and `rule` are named
      NotFound             no such thing for this merchant
      Conflict             it exists already, or is in a state that forbids this
      NotAllowed           this merchant, channel or PG does not do that
    Unavailable          try later: nothing is wrong with the request
    OperatorError        the operator can act: problem, cause and next step, for the command line
    AssertionError       a bug: never caught, always alarmed

Outcomes of asking a PG are values, not exceptions: see `dasi.providers.port`.

`reason` is a slug of our own; each face translates it once, in one table, into its own codes and
texts. `facts` fill the blanks of that text and must never hold a secret.
"""


class Refused(Exception):
    """The request was not done, and the caller can do something about it."""

    def __init__(self, reason: str, **facts: object) -> None:
        self.reason = reason
        self.facts = facts
        told = ", ".join(f"{name}={value!r}" for name, value in facts.items())
        super().__init__(f"{reason} ({told})" if told else reason)


class NotAuthenticated(Refused):
    """No valid credentials were given."""


class Invalid(Refused):
    """A field breaks a rule.

    `rule` is a code such as `length_between`; `facts` fill the blanks of its text, which every
    interface reads from `dasi.http.rule_texts`.
    """

    def __init__(self, field: str, rule: str, **facts: object) -> None:
        self.field = field
        self.rule = rule
        self.rule_facts = facts
        super().__init__("invalid", field=field, rule=rule, **facts)


class NotFound(Refused):
    """There is no such thing for this merchant."""


class Conflict(Refused):
    """It exists already, or is in a state that forbids this."""


class NotAllowed(Refused):
    """This merchant, channel or PG does not do that."""


class Unavailable(Exception):
    """Nothing is wrong with the request; something it needs is not there now. Try later."""

    def __init__(self, what: str, retry_after_s: int) -> None:
        self.what = what
        self.retry_after_s = retry_after_s
        super().__init__(f"{what} is unavailable; try again in {retry_after_s} s")


class OperatorError(Exception):
    """A program cannot start, stop or be set up: the problem, its cause and the next step.

    The command line prints the three parts and ends. None of them holds a secret.
    """

    def __init__(self, problem: str, *, cause: str, hint: str) -> None:
        self.problem = problem
        self.cause = cause
        self.hint = hint
        super().__init__(f"{problem}\nWhy we think so: {cause}\nWhat to do next: {hint}")
