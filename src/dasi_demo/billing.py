"""Billing: the rules a merchant should copy, in one place.

1  Never trust the browser. The callback, the redirect and the webhook are only a reason to look:
   the payment read back from the gateway with our own keys decides.
2  One `merchant_uid` per charge, made and written down before the call.
3  Never repeat a charge because its answer was lost. Look it up by that `merchant_uid`.
4  While the outcome of a charge is not known, charge nothing else for it and inform the customer.
5  Everything may come twice, in any order: callback, redirect and webhook all end in the same
   `complete`, under the order's lock, and the second one finds nothing left to do.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from dasi_demo.gateway import Card, Gateway, Payment, Refused, RequestNotSent, ResponseLost
from dasi_demo.orders import Order, OrderStore, ReceivedWebhook, State, Subscription

# Past every timeout on the way (45 s here, 30 s at the gateway) a charge that the gateway has no
# record of has not reached it.
_NEVER_ARRIVED_AFTER = timedelta(minutes=2)
_LOOKUP_INTERVAL = timedelta(seconds=3)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Billing:
    def __init__(
        self, store: OrderStore, gateway: Gateway, *, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.store = store
        self.gateway = gateway
        self._now = now

    async def complete(self, order: Order, *, imp_uid: str | None = None) -> None:
        """Read the payment of a returned customer and act on its status."""
        async with order.lock:
            if order.state in (State.PAID, State.CANCELLED):
                return
            await self._look_up(order, imp_uid=imp_uid)
            await self._follow_up(order)

    async def charge_next(self, subscription: Subscription, merchant_uid: str) -> None:
        """Charge the stored card once. A second press of the same button changes nothing."""
        order = subscription.next_charge
        is_first_press = order.merchant_uid == merchant_uid
        if not is_first_press or subscription.has_unresolved or not subscription.is_live:
            return
        # No await between the check above and here, so two presses cannot both pass. In a
        # database this is the INSERT of a row whose merchant_uid is unique.
        order.state, order.requested_at = State.ASKING, self._now()
        subscription.charges.append(order)
        subscription.next_charge = self.store.new_order("again", order.item, order.member)
        async with order.lock:
            await self._charge(order)

    async def resolve_open_orders(self, subscription: Subscription) -> None:
        """Resolve the charges without an outcome; called when a customer opens the page."""
        for order in [charge for charge in subscription.charges if charge.is_open]:
            await self.resolve(order)
        if subscription.card is None and subscription.is_live:
            subscription.card = await self._card_of(subscription.customer_uid)

    async def resolve(self, order: Order) -> None:
        """Look up an order without an outcome again, at most once every few seconds."""
        recently = self._now() - order.looked_up_at < _LOOKUP_INTERVAL
        if order.lock.locked() or recently:
            return
        async with order.lock:
            await self._look_up(order)
            await self._follow_up(order)

    async def take_webhook(self, fields: Mapping[str, object]) -> ReceivedWebhook:
        """Process a webhook. Raises if the payment cannot be read: the gateway sends it again."""
        webhook = ReceivedWebhook(
            at=self._now(),
            imp_uid=str(fields.get("imp_uid", ""))[:40],
            merchant_uid=str(fields.get("merchant_uid", ""))[:60],
            status=str(fields.get("status", ""))[:20],
        )
        self.store.webhooks.appendleft(webhook)
        # Iamport's webhook is not signed: anybody could have sent this. So it is not believed but
        # read back, and only the payment that comes back is used, not the fields that came in.
        payment = await self.gateway.read_payment(webhook.imp_uid) if webhook.imp_uid else None
        if payment is None:
            webhook.verdict = "unknown"
            return webhook
        webhook.read_status, webhook.read_amount_krw = payment.status, payment.amount_krw
        webhook.verdict = "agrees" if payment.status == webhook.status else "differs"
        order = self.store.orders.get(payment.merchant_uid) or self._from_outside(payment)
        if order is not None:
            async with order.lock:
                _write_down(order, payment)
                await self._follow_up(order)
        return webhook

    async def end_subscription(self, subscription: Subscription) -> None:
        """End the subscription here at once, then delete the card at the gateway. Repeatable.

        Two promises: "we charge no more" is ours and holds from here on. "Your card is deleted"
        is shown only when the gateway has confirmed it.
        """
        subscription.ended_at = subscription.ended_at or self._now()
        subscription.deletion_refused = None
        try:
            await self.gateway.remove_card(subscription.customer_uid)
        except (RequestNotSent, ResponseLost):
            return
        except Refused as refused:
            # Code 1: the card is gone, which is the goal. Deleting twice is therefore safe,
            # unlike charging twice.
            if refused.code != 1:
                subscription.deletion_refused = refused.message
                return
        subscription.is_card_deleted = True

    async def _charge(self, order: Order) -> None:
        assert order.customer_uid is not None
        try:
            payment = await self.gateway.charge_again(
                customer_uid=order.customer_uid,
                merchant_uid=order.merchant_uid,
                amount_krw=order.amount_krw,
                name=order.item.name_ko,
            )
        except RequestNotSent:
            order.state, order.reason = State.FAILED, "request_not_sent"
        except ResponseLost:
            order.state, order.reason = State.UNKNOWN, "response_lost"
            await self._look_up(order)
        except Refused as refused:
            # The refusal may mean that *this* order was charged before: look it up first.
            order.state, order.reason = State.FAILED, refused.message
            await self._look_up(order)
        else:
            _write_down(order, payment)

    async def _look_up(self, order: Order, *, imp_uid: str | None = None) -> None:
        order.looked_up_at = self._now()
        try:
            payment = await self.gateway.read_payment(imp_uid) if imp_uid else None
            if payment is None or payment.merchant_uid != order.merchant_uid:
                # No payment, or one of another order: our order number finds the right one.
                payment = await self.gateway.find_payment(order.merchant_uid)
        except (RequestNotSent, ResponseLost, Refused):
            order.state, order.reason = State.UNKNOWN, "lookup_failed"
            return
        if payment is not None:
            _write_down(order, payment)
        elif order.kind != "again":
            order.state = State.NEW  # no window was ever opened for it
        elif order.is_open and order.requested_at < self._now() - _NEVER_ARRIVED_AFTER:
            self._never_arrived(order)

    def _never_arrived(self, order: Order) -> None:
        order.state, order.reason = State.FAILED, "never_arrived"
        subscription = order.member.subscription
        if subscription is not None:
            # The next try keeps the name: should the lost request turn up after all, the gateway
            # takes one order once, and refuses the other.
            subscription.next_charge = self.store.new_order(
                "again", order.item, order.member, merchant_uid=order.merchant_uid
            )

    async def _follow_up(self, order: Order) -> None:
        if order.state is not State.PAID or order.is_acted_on:
            return
        order.is_acted_on = True
        if order.kind == "once":
            order.member.purchases.append(order)
        elif order.kind == "card":
            await self._start(order)

    async def _start(self, order: Order) -> None:
        """The card is registered: begin the subscription and charge its first month."""
        member = order.member
        card = await self._card_of(member.customer_uid)
        running = member.subscription
        if running is not None and running.is_live:
            running.card = card  # the customer changed cards: nothing is due now
            return
        first = self.store.new_order("again", order.item, member)
        member.subscription = Subscription(
            plan=order.item,
            member=member,
            customer_uid=member.customer_uid,
            next_charge=first,
            card=card,
        )
        await self.charge_next(member.subscription, first.merchant_uid)

    async def _card_of(self, customer_uid: str) -> Card | None:
        try:
            return await self.gateway.read_card(customer_uid)
        except (RequestNotSent, ResponseLost, Refused):
            return None  # only for show: read again when the page is next looked at

    def _from_outside(self, payment: Payment) -> Order | None:
        """A charge of one of our cards that this page did not start, such as the demo's `curl`."""
        subscription = self.store.subscription_of(payment.customer_uid)
        if subscription is None:
            return None
        order = self.store.new_order(
            "again", subscription.plan, subscription.member, merchant_uid=payment.merchant_uid
        )
        order.amount_krw = payment.amount_krw
        subscription.charges.append(order)
        return order


def _write_down(order: Order, payment: Payment) -> None:
    """Return the shop's result for the gateway's answer, if it names this order and this amount."""
    order.imp_uid, order.receipt_url = payment.imp_uid, payment.receipt_url
    is_right = order.kind == "card" or payment.amount_krw == order.amount_krw
    if payment.merchant_uid != order.merchant_uid or not is_right:
        order.state, order.reason = State.UNKNOWN, "amount_differs"
        return
    match payment.status:
        case "paid":
            order.state, order.reason = State.PAID, None
        case "cancelled":
            order.state, order.reason = State.CANCELLED, None
        case "failed" if order.state not in (State.PAID, State.CANCELLED):
            order.state, order.reason = State.FAILED, payment.fail_reason
        case "failed":
            pass  # an older try of the same order; what was paid stays paid
        case _:
            order.state, order.reason = State.UNKNOWN, "in_doubt"
