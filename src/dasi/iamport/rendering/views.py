"""Turn payments, keys, schedules and channels into Iamport V1 objects."""

from typing import Literal, TypeVar

from dasi.billing_keys import BillingKey
from dasi.channels import Channel
from dasi.foundation.clock import epoch_s
from dasi.iamport.rendering import objects
from dasi.iamport.rendering.codes import card_code, card_name
from dasi.iamport.rendering.objects import (
    ChannelObject,
    CustomerObject,
    Paged,
    PaymentObject,
    ScheduleObject,
)
from dasi.ledger import Cancellation, Payment, Status
from dasi.schedules import Schedule, ScheduleStatus

Row = TypeVar("Row")
_STATUS: dict[Status, objects.Status] = {
    Status.READY: "ready",
    Status.PENDING: "ready",  # the outcome is not known yet, so neither paid nor failed
    Status.PAID: "paid",
    Status.PARTLY_CANCELLED: "cancelled",
    Status.CANCELLED: "cancelled",
    Status.FAILED: "failed",
}
_CARD_TYPE = {"credit": 0, "check": 1}
_SCHEDULE_STATUS: dict[ScheduleStatus, Literal["scheduled", "executed", "revoked"]] = {
    ScheduleStatus.SCHEDULED: "scheduled",
    ScheduleStatus.RUNNING: "scheduled",  # it has not executed yet
    ScheduleStatus.EXECUTED: "executed",
    ScheduleStatus.REVOKED: "revoked",
}
_PAYMENT_STATUS: dict[Status, Literal["paid", "failed", "cancelled"]] = {
    Status.PAID: "paid",
    Status.PARTLY_CANCELLED: "cancelled",
    Status.CANCELLED: "cancelled",
    Status.FAILED: "failed",
}


def payment_view(payment: Payment) -> PaymentObject:
    """Return the Iamport payment. A card registration has the amount 0: nothing was charged."""
    is_key_issue = payment.purpose == "key_issue"
    card = payment.card
    return PaymentObject(
        amount=0 if is_key_issue else payment.amount_krw,
        apply_num=payment.approval_no,
        bank_code=None,
        bank_name=None,
        buyer_addr=payment.buyer.addr,
        buyer_email=payment.buyer.email,
        buyer_name=payment.buyer.name,
        buyer_postcode=payment.buyer.postcode,
        buyer_tel=payment.buyer.tel,
        cancel_amount=payment.cancelled_krw,
        cancel_history=[_cancellation_view(cancel) for cancel in payment.cancels],
        cancel_reason=payment.cancels[-1].reason if payment.cancels else None,
        cancel_receipt_urls=[
            cancel.receipt_url for cancel in payment.cancels if cancel.receipt_url
        ],
        cancelled_at=epoch_s(payment.cancelled_at),
        card_code=card_code(card.brand),
        card_issuer_code=None,
        card_issuer_name=None,
        card_name=card_name(card.brand, card.name),
        card_number=card.number_masked,
        card_publisher_code=None,
        card_publisher_name=None,
        card_quota=card.quota_months,
        card_type=_CARD_TYPE.get(card.kind or ""),
        cash_receipt_issued=False,
        channel=payment.source,
        currency="KRW",
        custom_data=payment.custom_data,
        customer_uid=payment.customer_uid,
        customer_uid_usage=_usage(payment),
        emb_pg_provider=None,
        escrow=False,
        fail_reason=payment.fail_reason,
        failed_at=epoch_s(payment.failed_at),
        imp_uid=payment.imp_uid,
        merchant_uid=payment.merchant_uid,
        name=payment.name,
        paid_at=epoch_s(payment.paid_at),
        pay_method="card",
        pg_id=payment.pg_merchant_id,
        pg_provider=payment.provider,
        pg_tid=payment.pg_tid,
        promotion=None,
        receipt_url=payment.receipt_url,
        sandbox=payment.is_sandbox,
        started_at=epoch_s(payment.started_at),
        status=_STATUS[payment.status],
        user_agent=payment.user_agent,
        vbank_code=None,
        vbank_date=0,
        vbank_holder=None,
        vbank_issued_at=0,
        vbank_name=None,
        vbank_num=None,
    )


def customer_view(key: BillingKey) -> CustomerObject:
    return CustomerObject(
        card_code=card_code(key.card_brand),
        card_issuer_code=None,
        card_issuer_name=None,
        card_name=card_name(key.card_brand, key.card_name),
        card_number=key.card_number,
        card_publisher_code=None,
        card_publisher_name=None,
        card_type=_CARD_TYPE.get(key.card_kind or ""),
        customer_addr=key.customer.addr,
        customer_email=key.customer.email,
        customer_id=key.customer.customer_id,
        customer_name=key.customer.name,
        customer_postcode=key.customer.postcode,
        customer_tel=key.customer.tel,
        customer_uid=key.customer_uid,
        inserted=epoch_s(key.issued_at),
        pg_id=key.pg_merchant_id,
        pg_provider=key.provider,
        sandbox=key.is_sandbox,
        updated=epoch_s(key.updated_at),
    )


_PAID_OTHERWISE = "주문이 다른 금액({amount_krw}원)으로 결제되어 예약을 실행하지 않았습니다."


def schedule_view(schedule: Schedule) -> ScheduleObject:
    """Return the Iamport schedule. While its charge is unresolved it has no payment status."""
    status = schedule.payment_status
    return ScheduleObject(
        customer_uid=schedule.customer_uid,
        merchant_uid=schedule.merchant_uid,
        imp_uid=schedule.imp_uid,
        customer_id=schedule.customer_id,
        schedule_at=epoch_s(schedule.schedule_at),
        executed_at=epoch_s(schedule.executed_at),
        revoked_at=epoch_s(schedule.revoked_at),
        amount=schedule.amount_krw,
        name=schedule.name,
        buyer_name=schedule.buyer.name,
        buyer_tel=schedule.buyer.tel,
        buyer_email=schedule.buyer.email,
        buyer_addr=schedule.buyer.addr,
        buyer_postcode=schedule.buyer.postcode,
        schedule_status=_SCHEDULE_STATUS[schedule.status],
        payment_status=None if status is None else _PAYMENT_STATUS.get(status),
        fail_reason=_schedule_fail_reason(schedule),
        custom_data=schedule.custom_data,
        currency="KRW",
    )


def _schedule_fail_reason(schedule: Schedule) -> str | None:
    if schedule.other_amount_krw is None or schedule.payment_status is None:
        return schedule.fail_reason
    return _PAID_OTHERWISE.format(amount_krw=schedule.other_amount_krw)


def channel_view(channel: Channel) -> ChannelObject:
    return ChannelObject(
        pg_provider=channel.provider,
        pg_id=channel.pg_merchant_id,
        sandbox=channel.is_sandbox,
        type="payment",
        channel_name=channel.pg,
        channel_key=channel.channel_key,
    )


def paged(rows: list[Row], total: int, *, page: int, limit: int) -> Paged[Row]:
    """Return a page of at most `limit` rows out of `total`."""
    return Paged(
        total=total,
        previous=page - 1,
        next=page + 1 if page * limit < total else 0,
        list=rows,
    )


def _usage(payment: Payment) -> objects.Usage | None:
    if payment.purpose == "key_issue":
        return "issue"
    if payment.customer_uid is None:
        return None
    return "payment.scheduled" if payment.is_scheduled else "payment"


def _cancellation_view(cancel: Cancellation) -> objects.Cancellation:
    return objects.Cancellation(
        amount=cancel.amount_krw,
        cancellation_id=cancel.cancellation_id,
        cancelled_at=epoch_s(cancel.cancelled_at),
        pg_tid=cancel.cancel_tid,
        reason=cancel.reason,
        receipt_url=cancel.receipt_url,
    )
