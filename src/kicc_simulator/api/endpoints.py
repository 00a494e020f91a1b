"""The six calls of KICC's API, each with the operation that executes it."""

from collections.abc import Callable
from typing import Any

import msgspec

from kicc_simulator.api.checks import Shape, whole_won
from kicc_simulator.api.request_handler import Call, Execution, ValidatedRequest
from kicc_simulator.faults.scenarios import EndpointName, Facts
from kicc_simulator.ledger.bank import Bank
from kicc_simulator.operations.answers import approval_answer
from kicc_simulator.operations.approve import approve, charge
from kicc_simulator.operations.query import query
from kicc_simulator.operations.register import register
from kicc_simulator.operations.remove_key import remove_key
from kicc_simulator.operations.revise import revise
from kicc_wire.messages import (
    ApprovalRequest,
    BatchApprovalRequest,
    QueryRequest,
    RegisterRequest,
    RemoveKeyRequest,
    ReviseRequest,
    Wire,
)


def _register(validated: ValidatedRequest) -> Execution:
    _raise_issuer_refusal(validated)
    answer = register(
        validated.bank,
        validated.mall,
        validated.request,
        family=validated.family,
        own_url=validated.own_url,
    )
    return Execution(answer=answer)


def _approve(validated: ValidatedRequest) -> Execution:
    paid = approve(
        validated.bank,
        validated.mall,
        validated.request,
        family=validated.family,
        issuer_refusal=validated.issuer_refusal,
    )
    answer = approval_answer(validated.bank, paid, is_signed=True)
    return Execution(answer=answer, outcome=paid, paid=paid)


def _charge(validated: ValidatedRequest) -> Execution:
    paid = charge(
        validated.bank, validated.mall, validated.request, issuer_refusal=validated.issuer_refusal
    )
    answer = approval_answer(validated.bank, paid, is_signed=True)
    return Execution(answer=answer, outcome=paid, paid=paid)


def _revise(validated: ValidatedRequest) -> Execution:
    _raise_issuer_refusal(validated)
    is_postponed = validated.fault.effect == "refund_timed_out"
    cancel = revise(validated.bank, validated.mall, validated.request, is_postponed=is_postponed)
    paid = validated.bank.transactions[validated.request.pg_cno]
    return Execution(
        answer=cancel.answer, outcome=cancel, paid=paid if cancel.notice_type else None
    )


def _remove_key(validated: ValidatedRequest) -> Execution:
    _raise_issuer_refusal(validated)
    return Execution(answer=remove_key(validated.bank, validated.mall, validated.request))


def _query(validated: ValidatedRequest) -> Execution:
    _raise_issuer_refusal(validated)
    return Execution(answer=query(validated.bank, validated.mall, validated.request))


def _raise_issuer_refusal(validated: ValidatedRequest) -> None:
    if validated.issuer_refusal is not None:
        raise validated.issuer_refusal


def _register_facts(_bank: Bank, request: RegisterRequest) -> Facts:
    # The amount of a registration steers its approval, not the registration itself.
    return Facts(endpoint="register", mall_id=request.mall_id, shop_order_no=request.shop_order_no)


def _approval_facts(bank: Bank, request: ApprovalRequest) -> Facts:
    session = bank.sessions.get(request.authorization_id)
    return Facts(
        endpoint="approval",
        mall_id=request.mall_id,
        shop_transaction_id=request.shop_transaction_id,
        shop_order_no=request.shop_order_no,
        amount=session.amount if session else None,
        card_effect=session.effect if session else "",
    )


def _batch_facts(_bank: Bank, request: BatchApprovalRequest) -> Facts:
    return Facts(
        endpoint="batch",
        mall_id=request.mall_id,
        shop_transaction_id=request.shop_transaction_id,
        shop_order_no=request.shop_order_no,
        amount=request.amount,
        batch_key=request.pay_method_info.bill_key_method_info.batch_key,
    )


def _revise_facts(bank: Bank, request: ReviseRequest) -> Facts:
    paid = bank.transactions.get(request.pg_cno)
    return Facts(
        endpoint="revise",
        mall_id=request.mall_id,
        shop_transaction_id=request.shop_transaction_id,
        shop_order_no=paid.shop_order_no if paid else "",
        amount=whole_won("amount", request.amount),
        pg_cno=request.pg_cno,
    )


def _remove_key_facts(_bank: Bank, request: RemoveKeyRequest) -> Facts:
    return Facts(
        endpoint="remove_key",
        mall_id=request.mall_id,
        shop_transaction_id=request.shop_transaction_id,
        batch_key=request.batch_key,
    )


def _query_facts(_bank: Bank, request: QueryRequest) -> Facts:
    return Facts(
        endpoint="query",
        mall_id=request.mall_id,
        shop_transaction_id=request.shop_transaction_id,
    )


def _call(
    endpoint: EndpointName,
    request_type: type[Wire],
    run: Callable[[ValidatedRequest], Execution],
    facts: Callable[[Bank, Any], Facts],
    *,
    date_field: str = "",
    is_keyed: bool = True,
) -> Call:
    return Call(
        endpoint=endpoint,
        request_type=request_type,
        run=run,
        facts=facts,
        decoder=msgspec.json.Decoder(request_type),
        shape=Shape(request_type),
        date_field=date_field,
        is_keyed=is_keyed,
    )


REGISTER = _call("register", RegisterRequest, _register, _register_facts, is_keyed=False)
APPROVAL = _call(
    "approval", ApprovalRequest, _approve, _approval_facts, date_field="approval_req_date"
)
BATCH = _call("batch", BatchApprovalRequest, _charge, _batch_facts, date_field="approval_req_date")
REVISE = _call("revise", ReviseRequest, _revise, _revise_facts, date_field="cancel_req_date")
REMOVE_KEY = _call(
    "remove_key", RemoveKeyRequest, _remove_key, _remove_key_facts, date_field="remove_req_date"
)
QUERY = _call("query", QueryRequest, _query, _query_facts, is_keyed=False)
