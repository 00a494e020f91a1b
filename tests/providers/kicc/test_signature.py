"""The published test vectors of KICC's message authentication."""

import pytest

from dasi.providers.kicc.signature import is_signed, sign_cancel

KEY = "easypay!KICCTEST"
CAPTURED = "8ea7f8f5ef8ab5c80f409d3dccafeca6c6cb89e5dfda2a41a5d3493e94a146ca"


@pytest.mark.parametrize(
    ("pg_tid", "amount_krw", "moment", "claimed"),
    [
        ("24081308560510790235", 51_004, "20240813085635", CAPTURED),
        ("24081308560510790235", 51_004, "20240813085635", CAPTURED.upper()),
        (
            "25120911141310005210",
            0,
            "20251209111448",
            "af998b4833f679fa154a091f98953e92fc95fd20e66b3828e019eaf6836f02eb",
        ),
    ],
)
def test_captured_answers_are_signed(
    pg_tid: str, amount_krw: int, moment: str, claimed: str
) -> None:
    assert is_signed(claimed, secret=KEY, pg_tid=pg_tid, amount_krw=amount_krw, moment=moment)


@pytest.mark.parametrize(
    "other",
    [
        {"pg_tid": "24081308560510790236"},
        {"amount_krw": 51_005},
        {"moment": "20240813085636"},
        {"secret": "easypay!KICCTESU"},
    ],
)
def test_a_signature_over_anything_else_does_not_hold(other: dict[str, object]) -> None:
    right = {
        "secret": KEY,
        "pg_tid": "24081308560510790235",
        "amount_krw": 51_004,
        "moment": "20240813085635",
    }
    assert not is_signed(CAPTURED, **{**right, **other})  # type: ignore[arg-type]  # one wrong on purpose


@pytest.mark.parametrize("claimed", ["", "한글", CAPTURED[:-1], CAPTURED + "0"])
def test_what_is_no_signature_does_not_hold(claimed: str) -> None:
    assert not is_signed(
        claimed,
        secret=KEY,
        pg_tid="24081308560510790235",
        amount_krw=51_004,
        moment="20240813085635",
    )


def test_cancel_requests_are_signed_as_the_vector_says() -> None:
    assert (
        sign_cancel(
            secret=KEY, pg_tid="26090310154110700102", attempt_id="rf-01J6XK0000000000000000001"
        )
        == "e1f170968c84cf15dad1c7c2e2564eaf5a702c6c1e78c84a31db502aea1fea5a"
    )
