"""How often a password, a code or an API secret may be guessed (A3).

Only failures count: neither successes nor refused tries. An attacker must not lock a user out, so
the limits stand on the pair of account and address, on the address, and, far higher, on the
account. A device on which the user signed in before has a limit of its own instead.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from prometheus_client import Counter

from dasi.audit import ClientInfo
from dasi.auth_limits import auth_limit_store
from dasi.auth_limits.known_devices import is_known_device
from dasi.engine import Engine
from dasi.foundation.errors import NotAllowed, NotAuthenticated, Unavailable
from dasi.foundation.ids import token_hash
from dasi.http.client_address import network_of, parse_address

_SHORT = timedelta(minutes=15)
_DAY = timedelta(hours=24)
_OF_PAIR_MAX = 8
_OF_ADDRESS_MAX = 40
_OF_ACCOUNT_MAX = 100
"""NIST SP 800-63B-4, 3.2.2: at most 100 consecutive failures of one account."""
_OF_API_KEY_MAX = 20
_OF_API_ADDRESS_MAX = 100
_API_KEY = "API key"
_FAILED = Counter(
    "dasi_authentication_failures_total",
    "Wrong API secrets, passwords and codes, by interface: api or console",
    ["interface"],
)
_REFUSED = Counter(
    "dasi_authentication_refused_total",
    "Sign-ins and tokens refused unread, because a limit on failures was reached",
    ["interface"],
)
for _interface in ("api", "console"):  # a rate is known from the first failure on
    _FAILED.labels(_interface)
    _REFUSED.labels(_interface)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """The most failures of a subject within a time."""

    subject: str
    failures_max: int
    within: timedelta
    reason: Literal["too_many_attempts", "too_many_of_account"] = "too_many_attempts"


@asynccontextmanager
async def limit_failures(engine: Engine, limits: Sequence[Limit]) -> AsyncIterator[None]:
    """Count the body as a failure of each subject, unless it ends without an exception.

    The failure is written before the body runs, so that concurrent guesses count. A success also
    clears the first subject. Raise `NotAllowed` with the reason of the limit that is reached.
    """
    failure_ids, reached = await _insert_failures(engine, limits)
    _refuse_reached(limits, reached)
    try:
        yield
    except Unavailable:
        await auth_limit_store.delete_failures_any_merchant(
            engine.database, failure_ids, cleared_subject=None
        )
        raise
    except NotAuthenticated:
        _FAILED.labels(_interface_of(limits)).inc()
        raise
    await auth_limit_store.delete_failures_any_merchant(
        engine.database, failure_ids, cleared_subject=limits[0].subject
    )


async def check_limits(engine: Engine, limits: Sequence[Limit]) -> None:
    """Raise `NotAllowed` if a limit is reached. It only reads.

    With `count_failure` after a failure it takes the place of `limit_failures` where most calls
    succeed and must not write. Concurrent guesses may then exceed the limit by their number.
    """
    reached = await auth_limit_store.reached_any_merchant(
        engine.database,
        subjects=[limit.subject for limit in limits],
        maxima=[limit.failures_max for limit in limits],
        now=engine.clock.now(),
    )
    _refuse_reached(limits, reached)


async def count_failure(engine: Engine, limits: Sequence[Limit]) -> None:
    """Count a failure of each subject."""
    _FAILED.labels(_interface_of(limits)).inc()
    await _insert_failures(engine, limits)


async def _insert_failures(engine: Engine, limits: Sequence[Limit]) -> tuple[list[int], set[str]]:
    return await auth_limit_store.insert_failures_any_merchant(
        engine.database,
        subjects=[limit.subject for limit in limits],
        maxima=[limit.failures_max for limit in limits],
        seconds=[int(limit.within.total_seconds()) for limit in limits],
        now=engine.clock.now(),
    )


def _refuse_reached(limits: Sequence[Limit], reached: Collection[str]) -> None:
    for limit in limits:
        if limit.subject in reached:
            _REFUSED.labels(_interface_of(limits)).inc()
            raise NotAllowed(limit.reason, minutes=limit.within // timedelta(minutes=1))


async def limits_of_user(
    engine: Engine, secret: Literal["password", "code"], email: str, client: ClientInfo
) -> tuple[Limit, ...]:
    """Return the limits on guessing a secret of a user, whether the user exists or not."""
    account = f"{secret} of {email}"
    if await is_known_device(engine, email, client.device):
        device = token_hash(client.device).hex()
        return (_short(f"{account} on device {device}", _OF_PAIR_MAX),)
    address = _network(client.address)
    return (
        _short(f"{account} from {address}", _OF_PAIR_MAX),
        _short(f"console from {address}", _OF_ADDRESS_MAX),
        Limit(
            subject=account,
            failures_max=_OF_ACCOUNT_MAX,
            within=_DAY,
            reason="too_many_of_account",
        ),
    )


def limits_of_session(session_hash: bytes) -> tuple[Limit, ...]:
    """Return the limit on guessing the password in an open session."""
    return (_short(f"session {session_hash.hex()}", _OF_PAIR_MAX),)


def limits_of_api_key(api_key: str, address: str) -> tuple[Limit, ...]:
    """Return the limits on guessing an API secret.

    There is none on the key alone: failures at other addresses must not keep the merchant's server
    from its token. Private addresses have none of their own: all clients of a proxy that is not
    trusted share one.
    """
    network = _network(address)
    pair = _short(f"{_API_KEY} {api_key.lower()} from {network}", _OF_API_KEY_MAX)
    if not _is_global(address):
        return (pair,)
    return (pair, _short(f"API from {network}", _OF_API_ADDRESS_MAX))


def _interface_of(limits: Sequence[Limit]) -> Literal["api", "console"]:
    return "api" if limits[0].subject.startswith(_API_KEY) else "console"


def _short(subject: str, failures_max: int) -> Limit:
    return Limit(subject=subject, failures_max=failures_max, within=_SHORT)


def _network(address: str) -> str:
    """Return what a client is counted by; the address itself if it is none that can be read."""
    parsed = parse_address(address)
    return address if parsed is None else network_of(parsed)


def _is_global(address: str) -> bool:
    parsed = parse_address(address)
    return parsed is not None and parsed.is_global
