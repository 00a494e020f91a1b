"""Parse and acknowledge KICC's notifications (노티), which KICC posts after a success (§11).

A notification is unsigned and names no request of ours. It comes up to ten times, out of order, and
sometimes before the answer to the request. It proves nothing and is a reason for a lookup at once.
The gateway stores it before it acknowledges it, in the form of the notification: KICC repeats it
every three minutes otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl

import msgspec

from dasi.providers.kicc import answers
from kicc_wire import codes, messages
from kicc_wire.notices import LEGACY_NOTICE_FIELDS

NOTICE_BYTES_MAX = 64 * 1024
_FIELDS_MAX = 300
_PG_TID_MAX, _ORDER_NO_MAX, _MALL_ID_MAX, _CODE_MAX, _TEXT_MAX = 20, 40, 8, 10, 100

Form = Literal["json", "legacy"]
Kind = Literal["approved", "cancelled", "deposited", "deposit_reversed", "other"]

_KINDS: dict[str, Kind] = {
    codes.NOTICE_APPROVAL: "approved",
    codes.NOTICE_CANCEL: "cancelled",
    codes.NOTICE_DEPOSIT: "deposited",
    codes.NOTICE_DEPOSIT_REVERSED: "deposit_reversed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The claims of a notice. Every repetition of a notice has the same `notice_id`."""

    form: Form
    kind: Kind
    type_code: str
    mall_id: str
    pg_tid: str
    shop_order_no: str | None
    amount_krw: int | None
    """In a cancel too this is the amount of the original."""
    cancel_tid: str | None
    cancelled_krw: int | None
    remain_krw: int | None
    status_code: str | None
    code: str
    text: str

    @property
    def notice_id(self) -> str:
        return ":".join((self.mall_id, self.type_code, self.cancel_tid or self.pg_tid))

    def claims(self) -> str:
        """JSON of the fields. Others in the body are not stored: every client may post them."""
        return msgspec.json.encode(self).decode()


def parse_notice(content_type: str, body: bytes) -> Notice:
    """Parse either form. `ValueError` names the fault without quoting the body."""
    if len(body) > NOTICE_BYTES_MAX:
        raise ValueError(f"a notice is at most {NOTICE_BYTES_MAX} bytes long")
    form = form_of(content_type)
    fields = _json_fields(body) if form == "json" else _legacy_fields(body)
    message = answers.read(messages.Notice, fields)
    mall_id, pg_tid = message.mall_id or "", message.pg_cno or ""
    type_code = message.noti_type or ""
    for name, value, length_max in (
        ("mallId", mall_id, _MALL_ID_MAX),
        ("pgCno", pg_tid, _PG_TID_MAX),
        ("notiType", type_code, 2),
    ):
        if not (value.isascii() and value.isalnum() and len(value) <= length_max):
            raise ValueError(f"{name} is missing or is not one")
    return Notice(
        form=form,
        kind=_KINDS.get(type_code, "other"),
        type_code=type_code,
        mall_id=mall_id,
        pg_tid=pg_tid,
        shop_order_no=(message.shop_order_no or "")[:_ORDER_NO_MAX] or None,
        amount_krw=answers.won(message.amount),
        cancel_tid=(message.cancel_pg_cno or "")[:_PG_TID_MAX] or None,
        cancelled_krw=answers.won(message.cancel_amount),
        remain_krw=answers.won(message.cancel_remain_amount),
        status_code=(message.status_code or "")[:_CODE_MAX] or None,
        code=(answers.result_code(fields) or "")[:_CODE_MAX],
        text=answers.result_text(fields)[:_TEXT_MAX],
    )


def acknowledge(form: Form, *, is_stored: bool) -> tuple[str, bytes]:
    """Content type and body of the answer. KICC repeats a notice that is not stored."""
    code = codes.NOTICE_ACK_OK if is_stored else codes.NOTICE_ACK_FAILED
    if form == "json":
        ack = messages.NoticeAck(res_cd=code, res_msg="정상" if is_stored else "오류")
        return codes.JSON_CONTENT_TYPE, msgspec.json.encode(ack)
    text = "SUCCESS" if is_stored else "FAIL"
    separator = codes.LEGACY_ACK_SEPARATORS[0]
    return "text/plain", f"res_cd={code}{separator}res_msg={text}".encode()


def form_of(content_type: str) -> Form:
    return "json" if "json" in content_type.lower() else "legacy"


def is_known_source(address: str, *, is_sandbox: bool) -> bool:
    """Whether KICC posts from this address. A hint for the log: a proxy may hide the address."""
    sources = codes.NOTICE_SOURCES_TEST if is_sandbox else codes.NOTICE_SOURCES_LIVE
    return address in sources


def _json_fields(body: bytes) -> Mapping[str, object]:
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ValueError("the notice is not a JSON object") from wrong


def _legacy_fields(body: bytes) -> Mapping[str, object]:
    """The older form under today's names. Its texts are UTF-8 or EUC-KR, its names ASCII."""
    try:
        pairs = parse_qsl(
            body.decode(), encoding="utf-8", errors="strict", max_num_fields=_FIELDS_MAX
        )
    except UnicodeDecodeError:
        pairs = parse_qsl(
            body.decode("latin-1"),
            encoding="euc-kr",
            errors="replace",
            max_num_fields=_FIELDS_MAX,
        )
    return {LEGACY_NOTICE_FIELDS.get(name, name): value for name, value in pairs}
