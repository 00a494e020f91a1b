"""The errors of an operation, by the party that can act on them.

    Refused              the caller can act: nothing was done, the error names the correction
      NotAuthenticated     no valid credentials
      Invalid              a field breaks a rule; `field` and `rule` are named
      NotFound             this merchant has no such object
      Conflict             it exists already, or is in a state that forbids this
      NotAllowed           this merchant, channel or PG does not do that
    Unavailable          try later: nothing is wrong with the request
    OperatorError        the operator can act: problem, cause and next step, for the command line
    AssertionError       a bug: never caught, always alarmed

Outcomes of a request to a PG are values, not exceptions: see `dasi.providers.port`.

`reason` is a slug of our own; each interface translates it in one table into its own codes
and texts. `facts` fill the blanks of that text and must never hold a secret.
"""


class Refused(Exception):
    """The request was not done, and the caller can do something about it."""

    def __init__(self, reason: str, **facts: object) -> None:
        self.reason = reason
        self.facts = facts
        text = ", ".join(f"{name}={value!r}" for name, value in facts.items())
        super().__init__(f"{reason} ({text})" if text else reason)


class NotAuthenticated(Refused):
    """The request has no valid credentials."""


class Invalid(Refused):
    """A field breaks a rule.

    `rule` is a code such as `length_between`; `facts` fill the blanks of its text, which every
    interface reads from `dasi.input_rules.rule_texts`.
    """

    def __init__(self, field: str, rule: str, **facts: object) -> None:
        self.field = field
        self.rule = rule
        self.rule_facts = facts
        super().__init__("invalid", field=field, rule=rule, **facts)


class NotFound(Refused):
    """This merchant has no such object."""


class Conflict(Refused):
    """It exists already, or is in a state that forbids this."""


class NotAllowed(Refused):
    """This merchant, channel or PG does not do that."""


class Unavailable(Exception):
    """A service that the request needs cannot be reached now. The request itself is right."""

    def __init__(self, service: str, retry_after_s: int) -> None:
        self.service = service
        self.retry_after_s = retry_after_s
        super().__init__(f"{service} is unavailable; try again in {retry_after_s} s")


class OperatorError(Exception):
    """A program cannot start, stop or be set up: the problem, its cause and the next step.

    The command line prints the three parts and ends. None of them holds a secret.
    """

    def __init__(self, problem: str, *, cause: str, hint: str) -> None:
        self.problem = problem
        self.cause = cause
        self.hint = hint
        super().__init__(f"{problem}\nCause: {cause}\nFix: {hint}")
