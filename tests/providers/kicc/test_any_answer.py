"""Any answer of KICC is parsed without an error; only a checked success counts (M3, M7)."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dasi.providers.kicc import lookup_results, outcomes
from dasi.providers.kicc.outcomes import ExpectedReply
from dasi.providers.kicc.transport.client import Response
from dasi.providers.kicc.transport.redaction import masked
from dasi.providers.port import (
    Approved,
    AttemptKind,
    Cancelled,
    Declined,
    Found,
    KeyDeleted,
    KeyIssued,
    NotFound,
    PgAccount,
    Unknown,
)
from support.fake_kicc import SECRET

EXAMPLES = Path(__file__).parent / "examples"
CHARGE = json.loads((EXAMPLES / "charge.answer.json").read_text())
EXPECTED = ExpectedReply(
    account=PgAccount(pg_merchant_id="T0021766", secret=SECRET, is_sandbox=True),
    attempt_id=CHARGE["shopTransactionId"],
    pg_order_id=CHARGE["shopOrderNo"],
    amount_krw=9_900,
    now=datetime(2026, 9, 3, tzinfo=UTC),
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["", "0000", "8521", "9900", " 9900", "TS03", "TS06", "T0021766"])
    | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)
CHECKED = ("resCd", "mallId", "shopTransactionId", "shopOrderNo", "pgCno", "transactionDate")


@given(
    st.dictionaries(st.sampled_from([*CHARGE, "unheardOf"]), VALUES, max_size=3),
    st.dictionaries(st.sampled_from([*CHARGE["paymentInfo"], "cardInfo"]), VALUES, max_size=3),
)
def test_an_answer_altered_at_will_is_approved_only_while_all_that_is_checked_stands(
    altered: dict[str, Any], altered_within: dict[str, Any]
) -> None:
    body = {**CHARGE, "paymentInfo": {**CHARGE["paymentInfo"], **altered_within}, **altered}
    outcome = outcomes.approved(Response(body), EXPECTED)
    assert isinstance(outcome, Approved | Declined | Unknown)
    stands = all(body[name] == CHARGE[name] for name in CHECKED)
    if isinstance(outcome, Approved):
        assert stands
        assert outcome.amount_krw == 9_900
        assert str(body["msgAuthValue"]).strip().lower() == CHARGE["msgAuthValue"]
    if isinstance(outcome, Declined):
        assert body["resCd"] != "0000"
    if not {*altered} - {"paymentInfo", "unheardOf", "escrowUsed", "resMsg", "statusMessage"}:
        assert isinstance(outcome, Approved), "an unchecked field cannot spoil a success"
    masked(body, redact=("x",))


@given(st.dictionaries(st.sampled_from([*CHARGE, "oriPgCno", "cancelPgCno"]), VALUES))
def test_any_object_is_read_by_every_verb(body: dict[str, Any]) -> None:
    reply = Response(body)
    failures = (Declined, Unknown)
    assert isinstance(outcomes.approved(reply, EXPECTED), failures)
    assert isinstance(outcomes.key_issued(reply, EXPECTED), (KeyIssued, *failures))
    assert isinstance(
        outcomes.cancelled(reply, EXPECTED, pg_tid="1", remain_krw=9_900), (Cancelled, *failures)
    )
    assert isinstance(outcomes.key_deleted(reply, EXPECTED), (KeyDeleted, *failures))
    for kind in AttemptKind:
        assert isinstance(
            lookup_results.read_lookup(reply, EXPECTED, kind=kind), Found | NotFound | Unknown
        )
