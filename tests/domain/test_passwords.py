"""New passwords: long enough, not common, without the user's own names (A3)."""

import pytest
from argon2 import PasswordHasher, Type

from dasi.engine import Engine
from dasi.foundation.errors import Invalid
from dasi.merchants import Merchant, add_merchant
from dasi.users import Role, add_user


async def add(engine: Engine, merchant: Merchant, password: str) -> None:
    await add_user(
        engine,
        email="kim.dasi@coffee.example",
        name="Hong Gildong",
        password=password,
        merchant_id=merchant.merchant_id,
        role=Role.OPERATOR,
    )


@pytest.mark.parametrize(
    ("password", "rule"),
    [
        ("elevenchars", "length_between"),
        ("x" * 201, "length_between"),
        ("123456789012", "password_guessable"),
        ("passwordpassword", "password_guessable"),
        ("Password1234!", "password_guessable"),
        ("qwertyuiop12", "password_guessable"),
        ("1q2w3e4r5t6y", "password_guessable"),
        ("iloveyou1234", "password_guessable"),
        ("aaaaaaaaaaaaaaaa", "password_guessable"),
        ("abcdefghijklmnop", "password_guessable"),
        ("2026090320260903", "password_guessable"),
        ("kim.dasi@coffee.example", "password_personal"),
        ("xq7-KIM.DASI-pz4", "password_personal"),
        ("my coffee 4711 zebra", "password_personal"),
        ("hong gildong zebra", "password_personal"),
        ("다시 커피 zebra 4711", "password_personal"),
        ("zebra imp00000001 zebra", "password_personal"),
    ],
)
async def test_a_weak_password_is_refused_with_its_rule(
    engine: Engine, merchant: Merchant, password: str, rule: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await add(engine, merchant, password)

    assert (refused.value.field, refused.value.rule) == ("password", rule)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "zebra quilt 41 lantern",
        "x9$kQ2!vLm7p",
        "소나무 위에 앉은 까치",
    ],
)
async def test_a_strong_password_is_taken(
    engine: Engine, merchant: Merchant, password: str
) -> None:
    await add_merchant(engine, code="horse-battery", name="correct horse", webhook_url=None)

    await add(engine, merchant, password)


async def test_the_longest_password_is_checked_in_time(engine: Engine, merchant: Merchant) -> None:
    await add(engine, merchant, "x9$kQ2!vLm7p" * 16)


def test_passwords_are_hashed_at_the_librarys_own_costs(
    real_password_hasher: PasswordHasher,
) -> None:
    costs = ("type", "time_cost", "memory_cost", "parallelism", "hash_len", "salt_len")
    library = PasswordHasher()

    assert real_password_hasher.type is Type.ID
    for cost in costs:
        assert getattr(real_password_hasher, cost) == getattr(library, cost)
