"""The switches that change how answers look, and how long they take."""

import re
import time
from typing import Any

import pytest

from support.simulator_merchant import Merchant, signature
from support.simulator_process import ControlError

FULL_ONLY = {
    "bankInfo",
    "virtualAccountInfo",
    "mobInfo",
    "prepaidInfo",
    "cashReceiptInfo",
    "basketInfoList",
    "cpCode",
    "multiCardAmount",
}


async def test_full_answers_carry_every_sub_object_with_empty_strings(merchant: Merchant) -> None:
    await merchant.kicc.settings(shape="full")
    info = (await merchant.pay())["paymentInfo"]
    assert set(info) >= FULL_ONLY
    assert info["bankInfo"] == {"bankCode": "", "bankName": ""}
    assert info["multiCardAmount"] == ""
    assert info["basketInfoList"] == []
    assert (info["cardInfo"]["cardMaskNo"], info["cardInfo"]["couponAmount"]) == ("", 0)


async def test_compact_answers_carry_only_what_is_there(merchant: Merchant) -> None:
    info = (await merchant.pay())["paymentInfo"]
    assert set(info) == {"payMethodTypeCode", "approvalNo", "approvalDate", "cardInfo"}


async def test_mixed_answers_are_of_both_kinds(merchant: Merchant) -> None:
    await merchant.kicc.settings(shape="mixed")
    key = await merchant.issue_key()
    charges = [await merchant.charge(key) for _ in range(20)]
    assert {"bankInfo" in charged["paymentInfo"] for charged in charges} == {True, False}


@pytest.mark.parametrize("shape", ["full", "compact"])
async def test_amounts_may_be_strings(merchant: Merchant, shape: str) -> None:
    await merchant.kicc.settings(amounts="string", shape=shape)
    paid = await merchant.pay()
    cancelled = await merchant.revise(paid["pgCno"], "32", amount=5_000)
    assert paid["amount"] == "19900"
    assert paid["msgAuthValue"] == signature(paid["pgCno"], "19900", paid["transactionDate"])
    assert (cancelled["cancelAmount"], cancelled["remainAmount"]) == ("5000", "14900")


async def test_extra_fields_appear_and_disturb_nothing_known(merchant: Merchant) -> None:
    await merchant.kicc.settings(extra_fields=True)
    paid = await merchant.pay()
    known = {name: value for name, value in paid.items() if not name.startswith("newField")}
    assert len(paid) > len(known)
    assert any(name.startswith("newField") for name in paid["paymentInfo"])
    assert (known["resCd"], known["amount"]) == ("0000", 19_900)


async def test_invented_codes_become_random_and_real_ones_stay(merchant: Merchant) -> None:
    await merchant.kicc.settings(random_codes=True)
    key = await merchant.issue_key()
    invented = [(await merchant.charge("unknown"))["resCd"] for _ in range(5)]
    real = (await merchant.charge(key, 8_521))["resCd"]
    unknown_window = await merchant.approve(merchant.approval_body("1" * 20, "A-1"))
    assert all(re.fullmatch(r"X[A-Z0-9]{3}", code) for code in invented)
    assert len(set(invented)) > 1
    assert (real, unknown_window["resCd"]) == ("8521", "R102")


async def test_a_refused_request_is_queried_with_the_code_it_was_given(merchant: Merchant) -> None:
    await merchant.kicc.settings(random_codes=True)
    refused = await merchant.charge("unknown", shopTransactionId="refused")
    assert await merchant.query("refused") == refused


async def test_latency_is_real_and_by_endpoint(merchant: Merchant) -> None:
    await merchant.kicc.settings(latency_by_endpoint={"query": 120})
    key = await merchant.issue_key()
    started_s = time.monotonic()
    await merchant.charge(key)
    between_s = time.monotonic()
    await merchant.query("x")
    assert time.monotonic() - between_s >= 0.12 > between_s - started_s


async def test_a_latency_never_exceeds_its_ceiling(merchant: Merchant) -> None:
    await merchant.kicc.settings(latency_ms=500_000, latency_spread=1, latency_ceiling_ms=10)
    assert (await merchant.query("x"))["resCd"] == "ZS13"


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"nonsense": 1}, "nonsense"),
        ({"shape": "round"}, "shape"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"strict_fields": "yes"}, "strict_fields"),
        ({"fault_probability": 2}, "fault_probability"),
        ({"fault_effects": ["explodes"]}, "explodes"),
    ],
)
async def test_a_wrong_setting_is_refused_by_name_and_changes_nothing(
    merchant: Merchant, changes: dict[str, Any], named: str
) -> None:
    before = await merchant.kicc.control("GET", "/settings")
    with pytest.raises(ControlError, match=named):
        await merchant.kicc.settings(**changes)
    assert await merchant.kicc.control("GET", "/settings") == before


async def test_a_reset_restores_the_command_lines_switches(merchant: Merchant) -> None:
    await merchant.kicc.settings(strict_fields=False, shape="full")
    await merchant.kicc.reset()
    settings = await merchant.kicc.control("GET", "/settings")
    assert (settings["strict_fields"], settings["shape"]) == (True, "compact")
