"""KICC's notices (노티): what it posts to a shop after something succeeded (§11).

A notice is unsigned, comes up to ten times, out of order, sometimes before the answer it belongs
to, and names no request of ours. So it proves nothing and moves no money: it is a reason to look up
at once. It must be stored before it is acknowledged, and is acknowledged in the form it came in,
known to us or not; otherwise it comes again every three minutes.
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
_PG_TID_MAX, _ORDER_NO_MAX, _MALL_ID_MAX = 20, 40, 8

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
    """What a notice claims. `notice_id` is the same for every repetition of one notice."""

    form: Form
    kind: Kind
    type_code: str
    mall_id: str
    pg_tid: str
    shop_order_no: str | None
    amount_krw: int | None
    """Of a cancel too: the amount of the original."""
    cancel_tid: str | None
    cancelled_krw: int | None
    remain_krw: int | None
    status_code: str | None
    code: str
    text: str

    @property
    def notice_id(self) -> str:
        return ":".join((self.mall_id, self.type_code, self.cancel_tid or self.pg_tid))


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What to answer, with HTTP 200."""

    content_type: str
    body: bytes


def parse_notice(content_type: str, body: bytes) -> Notice:
    """Reads either form. `ValueError` says what is wrong, without quoting what was posted."""
    if len(body) > NOTICE_BYTES_MAX:
        raise ValueError(f"a notice is at most {NOTICE_BYTES_MAX} bytes long")
    form = form_of(content_type)
    fields = _json_fields(body) if form == "json" else _legacy_fields(body)
    told = answers.read(messages.Notice, fields)
    mall_id, pg_tid, type_code = told.mall_id or "", told.pg_cno or "", told.noti_type or ""
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
        shop_order_no=(told.shop_order_no or "")[:_ORDER_NO_MAX] or None,
        amount_krw=answers.won(told.amount),
        cancel_tid=(told.cancel_pg_cno or "")[:_PG_TID_MAX] or None,
        cancelled_krw=answers.won(told.cancel_amount),
        remain_krw=answers.won(told.cancel_remain_amount),
        status_code=told.status_code,
        code=answers.result_code(fields) or "",
        text=answers.result_text(fields),
    )


def acknowledge(form: Form, *, is_stored: bool) -> Acknowledgement:
    """Stored: done, also when it tells of nothing we know. Not stored: KICC sends it again."""
    code = codes.NOTICE_ACK_OK if is_stored else codes.NOTICE_ACK_FAILED
    if form == "json":
        ack = messages.NoticeAck(res_cd=code, res_msg="정상" if is_stored else "오류")
        return Acknowledgement(codes.JSON_CONTENT_TYPE, msgspec.json.encode(ack))
    text = "SUCCESS" if is_stored else "FAIL"
    separator = codes.LEGACY_ACK_SEPARATORS[0]
    return Acknowledgement("text/plain", f"res_cd={code}{separator}res_msg={text}".encode())


def form_of(content_type: str) -> Form:
    return "json" if "json" in content_type.lower() else "legacy"


def is_known_source(address: str, *, is_sandbox: bool) -> bool:
    """Whether KICC posts from there. A hint for the log: behind a proxy the address is hearsay."""
    sources = codes.NOTICE_SOURCES_TEST if is_sandbox else codes.NOTICE_SOURCES_LIVE
    return address in sources


def _json_fields(body: bytes) -> Mapping[str, object]:
    try:
        return msgspec.json.decode(body, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise ValueError("the notice is not a JSON object") from wrong


def _legacy_fields(body: bytes) -> Mapping[str, object]:
    """The older form, under today's names. Its texts may be UTF-8 or EUC-KR; names are ASCII."""
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
