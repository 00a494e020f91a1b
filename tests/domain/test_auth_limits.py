"""Limits on guessing: bounded for an attacker, and not to be turned against the owner (A3)."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from dasi.audit import ClientInfo
from dasi.auth_limits import (
    Limit,
    check_limits,
    count_failure,
    limit_failures,
    limits_of_api_key,
    limits_of_session,
    limits_of_user,
)
from dasi.authentication import find_session, sign_in, sign_out_everywhere
from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.foundation.errors import NotAllowed, NotAuthenticated, Unavailable
from dasi.users import Role, add_user

EMAIL, PASSWORD = "owner@shop.example", "correct horse battery"
KEY, SERVER = "imp_apikey", "203.0.113.7"


@pytest.fixture(autouse=True)
async def owner(engine: Engine) -> None:
    await add_user(
        engine, email=EMAIL, name="Kim", password=PASSWORD, merchant_id=None, role=Role.OWNER
    )


def client(number: int, *, device: str = "") -> ClientInfo:
    """A client from its own address."""
    address = f"198.51.{number // 250}.{number % 250 + 1}"
    return ClientInfo(address=address, user_agent="test", device=device)


async def guess(engine: Engine, number: int, *, email: str = EMAIL, device: str = "") -> str:
    """Guess a password, and return the reason of the refusal.

    The hash of the password, which takes 200 ms, is left out.
    """
    here = client(number, device=device)
    return await fail(engine, await limits_of_user(engine, "password", email, here))


async def fail(engine: Engine, limits: Sequence[Limit]) -> str:
    """Fail once, and return the reason of the refusal."""
    with pytest.raises((NotAuthenticated, NotAllowed)) as refused:
        async with limit_failures(engine, limits):
            raise NotAuthenticated("wrong")
    return refused.value.reason


async def fail_for(engine: Engine, api_key: str, address: str) -> str:
    """Fail once with an API key, and return the reason of the refusal."""
    limits = limits_of_api_key(api_key, address)
    try:
        await check_limits(engine, limits)
    except NotAllowed as refused:
        return refused.reason
    await count_failure(engine, limits)
    return "wrong"


async def owner_signs_in(engine: Engine, number: int, *, device: str = "") -> str:
    """Return the cookie of the known device."""
    here = client(number, device=device)
    return (await sign_in(engine, email=EMAIL, password=PASSWORD, client=here)).device


async def test_a_flood_from_other_addresses_does_not_lock_out_a_known_device(
    engine: Engine,
) -> None:
    device = await owner_signs_in(engine, 0)
    outcomes = [await guess(engine, number) for number in range(1, 103)]

    assert outcomes.count("wrong") == 100, "then new devices are refused for a day"
    assert set(outcomes[100:]) == {"too_many_of_account"}
    with pytest.raises(NotAllowed, match="too_many_of_account"):
        await owner_signs_in(engine, 200)
    device = await owner_signs_in(engine, 201, device=device)
    assert await owner_signs_in(engine, 202, device=device)


async def test_eight_failures_at_another_address_lock_nobody_else(engine: Engine) -> None:
    outcomes = [await guess(engine, 1) for _ in range(9)]

    assert outcomes == ["wrong"] * 8 + ["too_many_attempts"]
    assert await owner_signs_in(engine, 2), "an address of its own, a device that is not known"


async def test_brute_force_from_many_addresses_stays_bounded(
    engine: Engine, clock: ManualClock
) -> None:
    verified = 0
    for number in range(130):
        verified += await guess(engine, number) == "wrong"
        clock.advance(timedelta(minutes=5))

    assert verified == 100, "a day has 100 guesses, however many addresses there are"
    clock.advance(timedelta(hours=24))
    assert await owner_signs_in(engine, 999)


async def test_a_known_device_is_limited_too(engine: Engine) -> None:
    device = await owner_signs_in(engine, 0)

    outcomes = [await guess(engine, number, device=device) for number in range(9)]

    assert outcomes == ["wrong"] * 8 + ["too_many_attempts"]


async def test_a_device_is_known_to_its_own_user_only(engine: Engine) -> None:
    device = await owner_signs_in(engine, 0)

    outcomes = [await guess(engine, 1, email="lee@shop.example", device=device) for _ in range(9)]

    assert outcomes[-1] == "too_many_attempts"
    assert await guess(engine, 2) == "wrong"


async def test_a_planted_device_cookie_is_worthless_after_the_sign_in(engine: Engine) -> None:
    device = await owner_signs_in(engine, 0, device="planted")

    outcomes = [await guess(engine, 1, device="planted") for _ in range(9)]

    assert device != "planted"
    assert outcomes[-1] == "too_many_attempts"
    assert await guess(engine, 1, device="planted") == "too_many_attempts", "not a known device"
    assert await owner_signs_in(engine, 1, device=device)


async def test_signing_out_everywhere_forgets_other_devices(
    engine: Engine,
) -> None:
    lost = await owner_signs_in(engine, 0)
    here = client(1)
    signed_in = await sign_in(engine, email=EMAIL, password=PASSWORD, client=here)
    session = await find_session(engine, signed_in.cookie)
    assert session is not None
    await sign_out_everywhere(engine, session, client=client(1, device=signed_in.device))
    for number in range(100):
        await guess(engine, number)

    with pytest.raises(NotAllowed):
        await owner_signs_in(engine, 300, device=lost)
    assert await owner_signs_in(engine, 300, device=signed_in.device)


async def test_successes_and_refusals_are_not_counted(engine: Engine, clock: ManualClock) -> None:
    here = client(1)
    for _ in range(50):
        async with limit_failures(engine, await limits_of_user(engine, "password", EMAIL, here)):
            pass
    for number in range(8):
        for _ in range(10):
            await guess(engine, 1, email=f"nobody{number}@shop.example")
    rows = await engine.database.fetch("SELECT subject FROM auth_failures")

    failures = [row["subject"] for row in rows]
    assert failures.count("console from 198.51.0.2") == 40, "of one address, 40 are verified"
    clock.advance(timedelta(minutes=16))
    assert await owner_signs_in(engine, 1), "refused tries have lengthened nothing"


async def test_addresses_of_one_ipv6_customer_count_together(engine: Engine) -> None:
    outcomes = []
    for number in range(9):
        here = ClientInfo(address=f"2001:db8:1:2::{number:x}", user_agent="test")
        outcomes.append(await fail(engine, await limits_of_user(engine, "password", EMAIL, here)))

    assert outcomes[-1] == "too_many_attempts"


async def test_other_addresses_do_not_keep_the_merchants_server_from_its_token(
    engine: Engine,
) -> None:
    outcomes = [await fail_for(engine, KEY, "198.51.100.1") for _ in range(30)]
    for number in range(200):
        await fail_for(engine, KEY, f"198.51.{number}.2")

    assert outcomes == ["wrong"] * 20 + ["too_many_attempts"] * 10
    await check_limits(engine, limits_of_api_key(KEY.upper(), SERVER))
    rows = await engine.database.fetch(
        "SELECT 1 FROM auth_failures WHERE subject LIKE '%' || $1", SERVER
    )
    assert not rows, "a success is not counted"


async def test_a_public_address_may_fail_for_a_hundred_keys(engine: Engine) -> None:
    public = [await fail_for(engine, f"key{n}", "8.8.8.8") for n in range(110)]
    proxy = [await fail_for(engine, f"key{n}", "127.0.0.1") for n in range(110)]

    assert public.count("wrong") == 100
    assert proxy.count("wrong") == 110, (
        "the address of a proxy that is not trusted stands for every client"
    )


async def test_an_unavailable_database_counts_as_no_failure(engine: Engine) -> None:
    for _ in range(25):
        with pytest.raises(Unavailable):
            async with limit_failures(engine, limits_of_session(b"session")):
                raise Unavailable("PostgreSQL", retry_after_s=1)

    assert await fail(engine, limits_of_session(b"session")) == "wrong"
