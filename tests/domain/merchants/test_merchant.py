"""Merchants: registered under a code that no other has."""

import pytest

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.merchants import Merchant, add_merchant, find_merchant_by_code, list_merchants
from support.gateway_merchant import CODE

GOOD: dict[str, str | None] = {"code": "shop_2", "name": "다른 상점", "webhook_url": None}


async def test_a_merchant_is_found_by_its_code(engine: Engine, merchant: Merchant) -> None:
    url = "https://shop.example/hooks?from=dasi"
    other = await add_merchant(
        engine, code="imp-2", name="다른 상점", webhook_url=url, webhook_content_type="form"
    )

    assert await find_merchant_by_code(engine, CODE) == merchant
    assert await find_merchant_by_code(engine, "imp-2") == other
    assert (other.webhook_url, other.webhook_content_type) == (url, "form")
    assert await list_merchants(engine) == [merchant, other]


@pytest.mark.parametrize("code", ["imp0000000", CODE.upper(), "", "%"])
async def test_no_other_code_finds_it(engine: Engine, merchant: Merchant, code: str) -> None:
    with pytest.raises(NotFound, match="unknown_merchant"):
        await find_merchant_by_code(engine, code)


async def test_a_code_is_taken_once(engine: Engine, merchant: Merchant) -> None:
    with pytest.raises(Conflict, match="merchant_code_taken"):
        await add_merchant(engine, code=merchant.code, name="또 하나", webhook_url=None)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("code", "ab"),
        ("code", "a" * 41),
        ("code", "상점"),
        ("code", "a/b"),
        ("code", "abc\n"),
        ("name", ""),
        ("name", "이" * 101),
        ("webhook_url", "shop.example/hooks"),
        ("webhook_url", "ftp://shop.example/"),
        ("webhook_url", "https://"),
        ("webhook_url", "https://[broken"),
        ("webhook_url", "https://shop.example:no/"),
        ("webhook_url", "https://shop.example/a b"),
        ("webhook_url", "https://shop.example/\x00"),
        ("webhook_url", f"https://shop.example/{'x' * 2_000}"),
        ("test_webhook_url", "shop.example/hooks"),
    ],
)
async def test_what_breaks_a_rule_is_refused_by_name(
    engine: Engine, field: str, value: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await add_merchant(engine, **{**GOOD, field: value})

    assert refused.value.field == field
    assert await list_merchants(engine) == []
