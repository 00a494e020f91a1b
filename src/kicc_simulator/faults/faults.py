"""Apply faults to a request before its execution, or to its answer afterwards."""

from msgspec import Struct
from msgspec.structs import replace

from kicc_simulator.faults.scenarios import Fault
from kicc_simulator.ledger.bank import Bank
from kicc_simulator.ledger.signature import sign
from kicc_wire.codes import JSON_CONTENT_TYPE
from kicc_wire.messages import ApprovalAnswer, ReviseAnswer, Wire

_HTML = "text/html; charset=utf-8"
_SIGNATURE_HEX_DIGITS = 64


class Reply(Struct, frozen=True, gc=False):
    """An HTTP answer."""

    body: bytes
    status: int = 200
    content_type: str = JSON_CONTENT_TYPE


CUT = Reply(b"", 0)
"""No answer at all: the connection is cut."""


def html(status: int, title: str) -> Reply:
    """An answer of the web server, not of the business: HTML without any resCd (S2)."""
    body = f"<html><head><title>{status} {title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(body.encode(), status, _HTML)


def instead_of_processing(fault: Fault) -> Reply | None:
    """The answer of a fault that prevents the execution of a request."""
    match fault.effect:
        case "cut_before_processing":
            return CUT
        case "server_error_before_processing":
            return html(500, "Internal Server Error")
        case "unavailable":
            return html(503, "Service Unavailable")
        case "bad_request":
            return Reply(b"", 400, _HTML)
        case _:
            return None


async def delay(bank: Bank, fault: Fault) -> None:
    """Wait for a fault that delays the execution of a request."""
    if fault.effect == "executed_late":
        await bank.clock.sleep(bank.switches.late_s)
    elif fault.effect == "slow":
        await bank.clock.sleep(fault.delay_s)


def spoil(bank: Bank, fault: Fault, answer: Wire) -> Wire:
    """Apply a fault inside a well-formed answer."""
    is_wrong_echo = fault.effect == "executed_wrong_echo"
    if is_wrong_echo and isinstance(answer, ApprovalAnswer | ReviseAnswer):
        return replace(answer, shop_order_no="SOMEBODY-ELSES-ORDER")
    if isinstance(answer, ReviseAnswer):
        match fault.effect:
            case "executed_other_amount":
                return replace(answer, cancel_amount=int(answer.cancel_amount or 0) + 100)
            case "executed_without_payment_info":
                return replace(answer, revise_info=None)
    if isinstance(answer, ApprovalAnswer):
        return _spoil_approval(bank, fault, answer)
    return answer


def _spoil_approval(bank: Bank, fault: Fault, answer: ApprovalAnswer) -> Wire:
    match fault.effect:
        case "executed_wrong_signature":
            return replace(answer, msg_auth_value="0" * _SIGNATURE_HEX_DIGITS)
        case "executed_missing_signature":
            return replace(answer, msg_auth_value=None)
        case "executed_without_payment_info":
            return replace(answer, payment_info=None)
        case "executed_other_amount":
            amount = int(answer.amount or 0) + 100
            key = bank.malls[answer.mall_id or ""].key
            value = sign(key, answer.pg_cno or "", amount, answer.transaction_date or "")
            return replace(answer, amount=amount, msg_auth_value=value)
        case _:
            return answer


async def carry(bank: Bank, fault: Fault, reply: Reply) -> Reply:
    """Apply a fault on the way back of an answer."""
    match fault.effect:
        case "executed_answer_withheld" | "executed_notice_only":
            await bank.clock.sleep(bank.switches.withheld_s)
            return CUT
        case "executed_answer_cut":
            return CUT
        case "executed_bad_gateway":
            return html(502, "Bad Gateway")
        case "executed_html":
            return html(200, "Welcome")
        case "executed_truncated_json":
            return Reply(reply.body[: len(reply.body) // 2])
        case _:
            return reply
