"""An export of a PG's admin pages is read without knowing its layout."""

from datetime import datetime

import pytest

from dasi.forgotten_payments import ExportColumns, read_export
from dasi.forgotten_payments.pg_export import read_amount, read_time
from dasi.foundation.clock import KST

COLUMNS = ExportColumns(
    order="주문번호", tid="거래번호", amount="거래금액", status="거래상태", at="거래일시"
)
EXPORT = """\
거래내역 조회,,,,,
조회기간: 2026-09-01 ~ 2026-09-03,,,,,
No,주문번호,거래번호,거래금액,거래상태,거래일시
1,order-1-0a1b2c3d-1,26090310000001,"12,000",승인,2026-09-03 10:00:00
2,="order-2-0a1b2c3d-1",26090310000002, 9900원 ,승인,2026/09/03 10:01
3,order-2-0a1b2c3d-1,26090310000003,9900,취소,20260903100200
4,,26090310000004,100,승인,2026-09-03 10:00:00

합계,4,"31,900"
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_encodings_separators_and_title_lines(encoding: str, separator: str) -> None:
    text = EXPORT
    if separator == "\t":
        text = EXPORT.replace('"12,000"', "12000").replace('"31,900"', "31900").replace(",", "\t")

    first, second = read_export(text.encode(encoding), COLUMNS)

    approval = first.approval(["승인"])
    assert approval is not None
    assert (approval.amount_krw, approval.pg_tid) == (12_000, "26090310000001")
    assert approval.at == datetime(2026, 9, 3, 10, 0, tzinfo=KST)
    assert second.pg_order_id == "order-2-0a1b2c3d-1"
    assert second.approval(["승인"]) is None, "it was cancelled"
    assert [row.amount_krw for row in second.rows] == [9_900, 9_900]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("주문번호,거래번호\n1,2\n", "거래금액"),
        (EXPORT.replace('"12,000"', "12.5"), r"line 4: '12.5' is no amount"),
        (EXPORT.replace("2026-09-03 10:00:00", "03/09/26"), "line 4: '03/09/26' is no time"),
        (EXPORT.replace(",승인,2026-09-03 10:00:00", ""), "line 4 has 4 columns"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(text: str, rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        read_export(text.encode(), COLUMNS)


def test_another_encoding_is_refused() -> None:
    with pytest.raises(ValueError, match="neither UTF-8 nor CP949"):
        read_export(b"\xff\xff\xff", COLUMNS)


@pytest.mark.parametrize(
    ("text", "amount"), [("₩1,234", 1_234), ("-500", -500), ("9900.00", 9_900), ("0", 0)]
)
def test_amounts(text: str, amount: int) -> None:
    assert read_amount(text) == amount


@pytest.mark.parametrize("text", ["2026-02-30", "오늘", ""])
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"no time|out of range"):
        read_time(text)
