"""KICC's notices in both forms, and their acknowledgement."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dasi.providers.kicc.notifications import Notice, acknowledge, is_known_source, parse_notice

EXAMPLES = Path(__file__).parent / "examples"
JSON = "application/json; charset=utf-8"
FORM = "application/x-www-form-urlencoded"


def test_notification_of_an_approval() -> None:
    notification = parse_notice(JSON, (EXAMPLES / "notice_approval.json").read_bytes())
    assert notification == Notice(
        form="json",
        kind="approved",
        type_code="10",
        mall_id="T0021766",
        pg_tid="26090303000510700301",
        shop_order_no="SUB-202609-u1029",
        amount_krw=9_900,
        cancel_tid=None,
        cancelled_krw=None,
        remain_krw=None,
        status_code="TS03",
        code="0000",
        text="정상",
    )
    assert notification.notice_id == "T0021766:10:26090303000510700301"


@pytest.mark.parametrize(
    ("content_type", "file"),
    [
        (JSON, "notice_cancel.json"),
        (FORM, "notice_cancel.legacy.txt"),
        ("", "notice_cancel.legacy.txt"),
        (FORM + "; charset=EUC-KR", "notice_cancel.legacy-euc-kr.txt"),
    ],
)
def test_notification_of_a_cancel_has_the_same_content_in_every_form(
    content_type: str, file: str
) -> None:
    notification = parse_notice(content_type, (EXAMPLES / file).read_bytes().strip())
    assert (notification.kind, notification.pg_tid) == ("cancelled", "26090310154110700102")
    assert notification.cancel_tid == "26090310221010700140"
    assert (notification.amount_krw, notification.cancelled_krw) == (19_900, 5_000)
    assert (notification.status_code, notification.text) == ("TS06", "정상")
    assert notification.notice_id == "T0021766:20:26090310221010700140"


@pytest.mark.parametrize(
    ("content_type", "body", "field"),
    [
        (JSON, b"{}", "mallId"),
        (JSON, b"[]", "JSON object"),
        (JSON, b"\xff", "JSON object"),
        (JSON, b'{"a":' * 50_000, "bytes long"),
        (JSON, b'{"a":' * 10_000, "JSON object"),
        (JSON, b'{"mallId":"T0021766","pgCno":"<b>","notiType":"10"}', "pgCno"),
        (JSON, b'{"mallId":"T0021766","pgCno":"1","notiType":"100"}', "notiType"),
        (FORM, b"memb_id=T0021766&cno=1", "notiType"),
        (FORM, b"", "mallId"),
        (FORM, b"a=1&" * 400, "fields"),
    ],
)
def test_error_of_a_malformed_notification_names_the_field(
    content_type: str, body: bytes, field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        parse_notice(content_type, body)


@given(st.sampled_from([JSON, FORM, "text/plain", ""]), st.binary(max_size=300))
def test_no_body_breaks_the_reader(content_type: str, body: bytes) -> None:
    try:
        notification = parse_notice(content_type, body)
    except ValueError:
        return
    assert notification.notice_id


@pytest.mark.parametrize(
    ("form", "is_stored", "body"),
    [
        ("json", True, '{"resCd":"0000","resMsg":"정상"}'),
        ("json", False, '{"resCd":"5001","resMsg":"오류"}'),
        ("legacy", True, "res_cd=0000\x1fres_msg=SUCCESS"),
        ("legacy", False, "res_cd=5001\x1fres_msg=FAIL"),
    ],
)
def test_notification_is_acknowledged_in_its_own_form(
    form: str, is_stored: bool, body: str
) -> None:
    content_type, answer = acknowledge(form, is_stored=is_stored)  # type: ignore[arg-type]  # a text of ours
    assert answer.decode() == body
    assert content_type.startswith("application/json" if form == "json" else "text/plain")


def test_kiccs_own_addresses_are_known() -> None:
    assert is_known_source("203.233.72.150", is_sandbox=False)
    assert not is_known_source("203.233.72.150", is_sandbox=True)
    assert is_known_source("61.33.205.151", is_sandbox=True)
