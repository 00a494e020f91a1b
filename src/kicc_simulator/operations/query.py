"""Answer a query for a request (§10) by its key and day, yesterday and today only."""

from kicc_simulator.ledger.bank import Bank, Cancel, Transaction
from kicc_simulator.ledger.malls import Mall
from kicc_simulator.ledger.refusal import NOT_FOUND, Refusal
from kicc_simulator.operations.answers import approval_answer
from kicc_wire.messages import QueryRequest, Wire


def query(bank: Bank, mall: Mall, request: QueryRequest) -> Wire:
    """The unsigned answer of the approval or cancel, or its refusal.

    For an approval only ``statusCode`` shows later changes; amounts stay the original.
    """
    day = request.transaction_date
    if day not in (bank.clock.today(), bank.clock.yesterday()):
        raise _not_found()
    known = bank.received_on(day, mall.mall_id, request.shop_transaction_id)
    if known is None or known.state in ("in_flight", "dropped"):
        raise _not_found()
    if known.state == "refused":
        raise Refusal(known.code, known.message)
    match known.outcome:
        case Transaction() as paid:
            shows_key = bank.switches.key_in_query
            return approval_answer(bank, paid, is_signed=False, shows_key=shows_key)
        case Cancel() as cancel:
            return cancel.answer
        case None:
            raise _not_found()


def _not_found() -> Refusal:
    return Refusal(NOT_FOUND, "조회된 거래가 없습니다")
