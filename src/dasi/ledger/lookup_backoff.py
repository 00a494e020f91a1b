"""When to ask about a doubt, and until when (M5). Pure: moments in, moments out.

KICC answers about yesterday and today only, in Korean days. So a request is asked about until the
end of the day after its own; what is not settled a little before that goes to a person.
"""

from datetime import date, datetime, time, timedelta

from dasi.foundation.clock import KST

LADDER = tuple(timedelta(seconds=s) for s in (2, 10, 60, 300, 1_800))
"""After the request was sent; then hourly."""

SETTLING_TIME = LADDER[-1]
"""The issuer's leg may run this long: only then does "not found" mean that nothing happened."""

IN_FLIGHT = timedelta(seconds=40)
"""A request is over after this, whatever became of it: the PG is waited for 30 s."""

_THEN = timedelta(hours=1)
_FOR_A_PERSON = timedelta(minutes=30)


def first_look(sent_at: datetime) -> datetime:
    return sent_at + LADDER[0]


def next_look(sent_at: datetime, now: datetime) -> datetime:
    """The next rung after `now`. Rungs that passed while nobody looked are not made up for."""
    for rung in LADDER:
        if sent_at + rung > now:
            return sent_at + rung
    return now + _THEN


def deadline(day_kst: date) -> datetime:
    """When a doubt is handed to a person: half an hour before the PG stops answering about it."""
    end = datetime.combine(day_kst + timedelta(days=2), time.min, tzinfo=KST)
    return end - _FOR_A_PERSON
