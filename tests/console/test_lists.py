"""The other lists: unresolved attempts and schedules by page, the calendar, cards by digits."""

import re
from datetime import datetime, time, timedelta

import pytest

from console.conftest import SignIn
from dasi.billing_keys import browse_keys
from dasi.console.merchant import schedules
from dasi.console.payments import unresolved
from dasi.foundation.clock import KST, kst_day
from dasi.ledger import ChargeDetails
from dasi.reporting import list_unresolved
from dasi.schedules import NewSchedule, browse_schedules, create_schedules, revoke, stats
from dasi.users import Role
from support.gateway_merchant import MerchantClient

HERE = "/console/merchants/imp00000001"
DAY = timedelta(days=1)


async def schedule_some(client: MerchantClient, count: int) -> datetime:
    """`count` of them ten days ahead, two an hour from nine on. The first moment."""
    first = datetime.combine(kst_day(client.engine.clock.now()) + 10 * DAY, time(9), KST)
    await create_schedules(
        client.engine,
        client.merchant.merchant_id,
        customer_uid="card-1",
        customer_id=None,
        requests=[
            NewSchedule(
                details=ChargeDetails(
                    merchant_uid=f"scheduled-{number}", amount_krw=1_000 + number, name="구독"
                ),
                schedule_at=first + timedelta(hours=number // 2),
            )
            for number in range(count)
        ],
        checking_amount_krw=0,
    )
    return first


async def keys_found(client: MerchantClient, text: str) -> list[str]:
    page = await browse_keys(
        client.engine, client.merchant.merchant_id, query=text, after=None, limit=5
    )
    return [key.customer_uid for key in page.rows]


async def test_pages_of_a_day_hold_each_schedule_once_and_the_calendar_adds_up(
    gateway: MerchantClient, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.register_card("card-1")
    first = await schedule_some(gateway, 7)
    merchant_id, day = gateway.merchant.merchant_id, first.date()
    begins = datetime.combine(day, time(), KST)
    seen, after = [], None
    while True:
        page = await browse_schedules(
            gateway.engine, merchant_id, since=begins, until=begins + DAY, after=after, limit=3
        )
        seen += [schedule.merchant_uid for schedule in page.rows]
        after = page.next_cursor
        if after is None:
            break
    assert sorted(seen) == [f"scheduled-{number}" for number in range(7)]
    await revoke(gateway.engine, merchant_id, customer_uid=None, merchant_uids=["scheduled-6"])
    (calendar_day,) = (
        await stats.calendar(
            gateway.engine,
            merchant_id,
            first=day - DAY,
            last=day + DAY,
            include_sandbox=True,
        )
    ).values()
    assert (calendar_day.day, calendar_day.waiting, calendar_day.revoked, calendar_day.done) == (
        day,
        6,
        1,
        0,
    )
    assert calendar_day.waiting_krw == 6_000 + sum(range(6))
    monkeypatch.setattr(schedules, "PAGE", 4)
    operator = await signed_in(Role.OPERATOR)
    _, html = await operator.get(f"{HERE}/schedules?day={day}")
    next_url = re.search(r'href="(\?day=[^"]+after=[^"]+)"', html)
    assert next_url is not None
    _, further = await operator.get(f"{HERE}/schedules{next_url[1].replace('&amp;', '&')}")
    shown = re.findall(r"scheduled-\d", html), re.findall(r"scheduled-\d", further)
    assert {*shown[0]} | {*shown[1]} == {f"scheduled-{number}" for number in range(7)}
    assert not {*shown[0]} & {*shown[1]}


async def test_unresolved_attempts_come_by_page_manual_reviews_first(
    gateway: MerchantClient, signed_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await gateway.register_card("card-1")
    for number in range(3):
        await gateway.kicc.scenario("executed_answer_cut", "batch")
        await gateway.again(merchant_uid=f"lost-{number}")
    merchant_id = gateway.merchant.merchant_id
    seen, after = [], None
    while True:
        page = await list_unresolved(
            gateway.engine, merchant_id, is_manual=False, after=after, limit=2
        )
        seen += [attempt.merchant_uid for attempt in page.rows]
        after = page.next_cursor
        if after is None:
            break
    assert sorted(seen) == ["lost-0", "lost-1", "lost-2"]
    manual = await list_unresolved(gateway.engine, merchant_id, is_manual=True, after=None, limit=2)
    assert (manual.rows, manual.next_cursor) == ((), None)
    monkeypatch.setattr(unresolved, "PAGE", 2)
    operator = await signed_in(Role.OPERATOR)
    _, html = await operator.get(f"{HERE}/unresolved")
    assert "연결 끊김" in html  # the cause, in the reader's language
    next_url = re.search(r'href="(\?automatic=[^"]+)" rel="next"', html)
    assert next_url is not None
    _, further = await operator.get(f"{HERE}/unresolved{next_url[1]}")
    assert len(re.findall(r"lost-\d", html)) == 2
    assert len(re.findall(r"lost-\d", further)) == 1
    assert (await operator.get(f"{HERE}/unresolved?automatic=nonsense~&manual=~x"))[0] == 200


async def test_search_finds_a_card_by_its_printed_digits(
    gateway: MerchantClient, signed_in: SignIn
) -> None:
    """KICC hides the last digit, and an operator types the digits that are on the card."""
    await gateway.register_card("card-1", buyer_name="한지민")
    await gateway.again(merchant_uid="order-1")
    (row,) = await gateway.rows("SELECT card_number FROM billing_keys")
    shown = row["card_number"][-4:]
    assert re.fullmatch(r"\d{3}\*", shown), shown
    printed = f"{shown[:3]}7"
    other = f"{(int(shown[:3]) + 1) % 1000:03}7"
    operator = await signed_in(Role.OPERATOR)
    assert "order-1" in (await operator.get(f"{HERE}/payments?q={printed}"))[1]
    assert "order-1" not in (await operator.get(f"{HERE}/payments?q={other}"))[1]
    for text in (printed, shown, "card-1", "한지민"):
        assert await keys_found(gateway, text) == ["card-1"], text
    assert await keys_found(gateway, other) == []
