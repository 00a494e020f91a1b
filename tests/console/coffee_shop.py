"""A shop after some days: subscribers, declines, unresolved attempts, open windows, schedules,
an endpoint that fails at times, and users with audit entries.

The gateway and the simulator share one clock that the tests advance, so that the result does not
depend on the hour of the test.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from itertools import count, cycle

from console.http_browser import PASSWORD
from dasi.audit import ClientInfo, record_audit
from dasi.authentication import find_session, sign_in
from dasi.cancels import CancelRequest, cancel
from dasi.foundation.clock import KST, ManualClock, kst_day
from dasi.foundation.errors import Conflict
from dasi.ledger import Buyer, ChargeDetails, Payment
from dasi.one_time_links import invite
from dasi.outcomes import resolve_due
from dasi.payments import ChargeRequest, charge
from dasi.scheduler import Runner
from dasi.schedules import NewSchedule, create_schedules
from dasi.users import Role, add_user
from dasi.webhooks import Deliverer, list_deliveries
from dasi.windows import expire_windows
from support.gateway_merchant import MID, MerchantClient
from support.webhook_endpoint import Post, WebhookEndpoint

DAY = timedelta(days=1)
OFFICE = ClientInfo(address="203.0.113.7", user_agent="Mozilla/5.0 (Macintosh) Chrome/140")
_GOODS = (
    ("원두 구독 9월", 39_900),
    ("드립백 10개입", 12_000),
    ("콜드브루 원액 1L", 18_500),
    ("게이샤 100g", 27_000),
    ("디카페인 구독 9월", 32_000),
    ("핸드드립 세트", 64_000),
    ("원두 구독 9월 (2인)", 74_800),
)
_SUBSCRIBERS = (
    ("han.jimin", "한지민", "029"),
    ("park.dohyun", "박도현", "031"),
    ("lee.seoyeon", "이서연", "016"),
    ("choi.minjun", "최민준", "027"),
    ("jung.haeun", "정하은", "045"),
    ("kang.taeyang", "강태양", "006"),
    ("yoon.sora", "윤소라", "015"),
    ("seo.jiho", "서지호", "018"),
)
_DECLINES = ("8521", "8035", "8521", "8314", "8350", "8521", "8373")
_USERS = (
    ("owner@shop.example", "김다시", Role.OWNER),
    ("lee@shop.example", "이운영", Role.OPERATOR),
    ("park@shop.example", "박개발", Role.DEVELOPER),
    ("accounting@shop.example", "최회계", Role.READ_ONLY),
)


@dataclass
class CoffeeShop:
    """A shop, its operations, and the addresses of its pages by name."""

    client: MerchantClient
    clock: ManualClock
    endpoint: WebhookEndpoint
    orders: Iterator[str] = field(default_factory=lambda: (f"202609-{n:04}" for n in count(1)))
    pages: dict[str, str] = field(default_factory=dict)
    cookie: str = ""
    """The cookie of the owner's session."""
    join: str = ""
    """The path of an invitation link."""

    async def advance_to(self, until: datetime) -> None:
        """Advance both clocks, then run all due work."""
        self.clock.advance(until - self.clock.now())
        await self.client.kicc.set_clock(until.astimezone(KST).isoformat())
        await expire_windows(self.client.engine)
        await resolve_due(self.client.engine)
        runner = Runner(self.client.engine, per_merchant=8)
        while await runner.run_due():
            pass
        deliverer = Deliverer(self.client.engine, allow_local=True)
        try:
            await deliverer.run_due()
        finally:
            await deliverer.close()

    def path(self, rest: str = "") -> str:
        return f"/console/merchants/{self.client.merchant.code}{rest}"

    def cookies(self, theme: str, *, is_signed_in: bool) -> list[dict[str, str]]:
        """The cookies of a browser with this theme."""
        cookies = {"dasi_theme": theme, "dasi_session": self.cookie if is_signed_in else "none"}
        return [
            {"name": name, "value": value, "url": f"{self.client.url}/console"}
            for name, value in cookies.items()
        ]

    def show(self, name: str, payment: Payment) -> None:
        self.pages[f"payment-{name}"] = self.path(f"/payments/{payment.imp_uid}")

    async def charge(self, number: int, *, fault: str = "") -> Payment:
        customer = _SUBSCRIBERS[number % len(_SUBSCRIBERS)][0]
        name, amount_krw = _GOODS[number % len(_GOODS)]
        if fault:
            await self.client.kicc.scenario(fault, "batch")
        request = ChargeRequest(
            is_sandbox=None,
            customer_uid=customer,
            details=ChargeDetails(merchant_uid=next(self.orders), amount_krw=amount_krw, name=name),
        )
        return await charge(self.client.engine, self.client.merchant.merchant_id, request)

    async def cancel(self, payment: Payment, *, amount_krw: int | None, reason: str) -> Payment:
        request = CancelRequest(
            imp_uid=payment.imp_uid,
            merchant_uid=None,
            amount_krw=amount_krw,
            reason=reason,
            notify_merchant=True,
            actor="user:lee@shop.example",
        )
        return await cancel(self.client.engine, self.client.merchant.merchant_id, request)

    async def window(self, choice: str, *, customer: int, **param: object) -> str:
        """Open a window, choose `choice` in it unless it is "leave", and return the order."""
        customer_uid, name, issuer = _SUBSCRIBERS[customer]
        buyer = {
            "buyer_name": name,
            "buyer_email": f"{customer_uid}@mail.example",
            "buyer_tel": f"010-{2000 + customer * 731}-{4000 + customer * 577}",
        }
        order = {"merchant_uid": next(self.orders), **buyer, **param}
        opened = await self.client.request_window(**order)
        if choice != "leave":
            _, fields = await self.client.kicc.window(
                opened["window_url"], choice, card=f"00000{issuer}1234{5510 + customer * 137}"
            )
            await self.client.post_return(opened["window_token"], fields)
        return str(order["merchant_uid"])

    async def page_of_order(self, name: str, merchant_uid: str) -> None:
        (row,) = await self.client.rows(
            "SELECT imp_uid FROM payments WHERE merchant_uid = $1", merchant_uid
        )
        self.pages[f"payment-{name}"] = self.path(f"/payments/{row['imp_uid']}")


async def fill(
    client: MerchantClient, clock: ManualClock, endpoint: WebhookEndpoint, *, days: int
) -> CoffeeShop:
    """`days` full days and the one after them, until 15:20 in Korea."""
    coffee = CoffeeShop(client, clock, endpoint)
    await _open(coffee)
    for number in range(days):
        if number == days - 3:
            await _lost_for_good(coffee)
        if number == days - 1:  # KICC answers lookups again, and schedules start on time
            await client.kicc.control("DELETE", "/scenarios")
        await _day(coffee, number)
    await client.kicc.control("DELETE", "/scenarios")
    await _today(coffee)
    await _users(coffee)
    await _pages(coffee)
    return coffee


async def _open(coffee: CoffeeShop) -> None:
    await coffee.advance_to(coffee.clock.now())
    for number, (customer_uid, _, _) in enumerate(_SUBSCRIBERS):
        order = await coffee.window(
            "approve", customer=number, name="카드 등록", amount=0, customer_uid=customer_uid
        )
    await coffee.page_of_order("card", order)
    now = coffee.clock.now()
    for number, (customer_uid, name, _) in enumerate(_SUBSCRIBERS):
        first = datetime.combine(kst_day(now), time(9, number % 3), KST) + (1 + number % 7) * DAY
        await create_schedules(
            coffee.client.engine,
            coffee.client.merchant.merchant_id,
            customer_uid=customer_uid,
            customer_id=None,
            requests=[
                NewSchedule(
                    details=ChargeDetails(
                        merchant_uid=f"sub-{customer_uid}-{week}",
                        amount_krw=9_900 + number * 2_500,
                        name="주간 원두 구독",
                        buyer=Buyer(name=name),
                    ),
                    schedule_at=first + week * 7 * DAY,
                )
                for week in range(9)
            ],
            checking_amount_krw=0,
        )


async def _day(coffee: CoffeeShop, number: int) -> None:
    """A quiet day: six to nine charges, one of them declined, one cancelled in part."""
    day, faults = kst_day(coffee.clock.now()), cycle(_DECLINES)
    for turn in range(6 + number % 4):
        await coffee.advance_to(datetime.combine(day, time(10 + turn, (turn * 17) % 60), KST))
        fault = next(faults) if turn == number % 5 else ""
        payment = await coffee.charge(number * 7 + turn, fault=fault)
        if turn == 4 and not fault:
            await coffee.cancel(payment, amount_krw=3_000, reason="배송비")
    await coffee.advance_to(datetime.combine(day + DAY, time(8, 30), KST))


async def _today(coffee: CoffeeShop) -> None:
    """A busier day from 09:05 until 15:20, with everything that may need a manual review."""
    day = kst_day(coffee.clock.now())
    await coffee.advance_to(datetime.combine(day, time(9, 0, 1), KST))
    begins = datetime.combine(day, time(9, 5), KST)
    coffee.endpoint.answer = _away_now_and_then()
    for turn in range(22):
        await coffee.advance_to(begins + timedelta(minutes=turn * 17))
        fault = _DECLINES[turn // 4 % len(_DECLINES)] if turn % 4 == 3 else ""
        payment = await coffee.charge(turn, fault=fault)
        if turn == 4:
            coffee.show("part", await coffee.cancel(payment, amount_krw=9_900, reason="봉지 파손"))
        if turn == 8:
            coffee.show("cancelled", await coffee.cancel(payment, amount_krw=None, reason="변심"))
        if fault:
            coffee.show("failed", payment)
    await _windows(coffee)
    await _lost_responses(coffee)


def _away_now_and_then() -> Callable[[Post], Awaitable[int]]:
    """The shop's server fails every seventh post, and one URL of it is gone."""
    posts = count(1)

    async def answer(post: Post) -> int:
        if post.path == "/gone":
            return 410
        return 503 if next(posts) % 7 == 0 else 200

    return answer


async def _windows(coffee: CoffeeShop) -> None:
    """One paid, one cancelled by the payer, one still open; a card is replaced."""
    gone = f"{coffee.endpoint.url}/gone"
    paid = await coffee.window(
        "approve", customer=2, name="핸드드립 세트", amount=64_000, notice_url=gone
    )
    await coffee.advance_to(coffee.clock.now())  # which delivers its webhook
    customer_uid = _SUBSCRIBERS[1][0]
    await coffee.window(
        "approve", customer=1, name="카드 변경", amount=0, customer_uid=customer_uid
    )
    coffee.pages["key-replaced"] = coffee.path(f"/keys/{customer_uid}")
    await coffee.page_of_order("window", paid)
    left = await coffee.window("cancel", customer=4, name="게이샤 100g", amount=27_000)
    await coffee.page_of_order("closed", left)
    waiting = await coffee.window("leave", customer=5, name="드립백 10개입", amount=12_000)
    await coffee.page_of_order("waiting", waiting)


async def _lost_responses(coffee: CoffeeShop) -> None:
    """Two responses are lost, and the gateway looks the attempts up."""
    coffee.show("unresolved", await coffee.charge(3, fault="executed_answer_cut"))
    paid = await coffee.charge(5)
    await coffee.client.kicc.scenario("executed_truncated_json", "revise")
    with suppress(Conflict):  # which says that it is not known yet
        await coffee.cancel(paid, amount_krw=None, reason="중복 주문")
    coffee.show("cancel-unresolved", paid)


async def _lost_for_good(coffee: CoffeeShop) -> None:
    """A charge whose result KICC never reports: it is escalated after two days."""
    payment = await coffee.charge(1, fault="executed_truncated_json")
    await coffee.client.kicc.scenario("server_error_before_processing", "query", times=0)
    coffee.show("escalated", payment)


async def _users(coffee: CoffeeShop) -> None:
    """Users of each role who signed in, with some audit entries."""
    client, by_role = coffee.client, {}
    for email, name, role in _USERS:
        merchant_id = None if role is Role.OWNER else client.merchant.merchant_id
        await add_user(
            client.engine,
            email=email,
            name=name,
            password=PASSWORD,
            merchant_id=merchant_id,
            role=role,
        )
        signed_in = await sign_in(client.engine, email=email, password=PASSWORD, client=OFFICE)
        session = await find_session(client.engine, signed_in.cookie)
        assert session is not None
        by_role[role] = session.user
        if role is Role.OWNER:
            coffee.cookie = signed_in.cookie
    invited = await invite(
        client.engine,
        client.merchant.merchant_id,
        email="choi@shop.example",
        role=Role.OPERATOR,
        made_by=by_role[Role.OWNER],
    )
    coffee.join = invited.removeprefix(client.url)
    for role, action, target, detail in (
        (Role.OWNER, "member_invited", "lee@shop.example", "operator"),
        (Role.DEVELOPER, "channel_checked", MID, None),
        (Role.DEVELOPER, "webhook_changed", None, "https://shop.example/iamport/webhook"),
        (Role.OPERATOR, "payment_cancelled", "imp_100000000031", "9,900원 봉지 파손"),
        (Role.OPERATOR, "schedule_rescheduled", "sub-park.dohyun-3", "2026-10-01T10:00:00+09:00"),
    ):
        await record_audit(
            client.engine,
            client.merchant.merchant_id,
            by_role[role],
            action,
            target=target,
            detail=detail,
            client=OFFICE,
        )


async def _pages(coffee: CoffeeShop) -> None:
    """The address of every page of a signed-in user."""
    client = coffee.client
    merchant_id = client.merchant.merchant_id
    page = await list_deliveries(
        client.engine, merchant_id, state="pending", resource_id=None, limit=1
    )
    (delivery,) = page.rows
    tomorrow = kst_day(coffee.clock.now()) + DAY
    coffee.pages |= {
        "merchants": "/console?all=1",
        "me": "/console/me",
        "today": coffee.path(),
        "payments": coffee.path("/payments"),
        "payments-found": coffee.path("/payments?q=%EC%9D%B4%EC%84%9C%EC%97%B0"),
        "payments-none": coffee.path("/payments?q=nothing"),
        "unresolved": coffee.path("/unresolved"),
        "keys": coffee.path("/keys"),
        "key": coffee.path("/keys/park.dohyun"),
        "schedules": coffee.path("/schedules"),
        "schedules-tomorrow": coffee.path(f"/schedules?day={tomorrow}"),
        "channels": coffee.path("/channels"),
        "channel-new": coffee.path("/channels/new"),
        "channel": coffee.path(f"/channels/{client.channel.channel_id}"),
        "windows": coffee.path("/windows"),
        "api-keys": coffee.path("/api-keys"),
        "webhooks": coffee.path("/webhooks"),
        "webhook": coffee.path(f"/webhooks/{delivery.event_id}"),
        "members": coffee.path("/members"),
        "audit": coffee.path("/audit"),
        "error": coffee.path("/payments/imp_000000000000"),
    }
