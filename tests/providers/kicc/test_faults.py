"""Every fault of the simulator with its class in the adapter. `-s` prints the table."""

from pathlib import Path

from dasi.providers.port import Approved, AttemptKind, Found
from support.kicc_merchant import ACCOUNT, KiccMerchant, open_kicc_merchant

PAGE = (Path(__file__).parents[3] / "docs/providers/kicc.md").read_text()
UNKNOWN = "Unknown"

CLASSES = {
    # fault                             charge      cancel       found afterwards
    "executed_answer_withheld": (UNKNOWN, UNKNOWN, "held"),
    "cut_before_processing": (UNKNOWN, UNKNOWN, "not found"),
    "executed_late": (UNKNOWN, UNKNOWN, "not found"),  # until it is executed
    "executed_bad_gateway": (UNKNOWN, UNKNOWN, "held"),
    "executed_truncated_json": (UNKNOWN, UNKNOWN, "held"),
    "executed_wrong_signature": (UNKNOWN, "Cancelled", "held"),  # cancels are not signed
    "executed_other_amount": (UNKNOWN, UNKNOWN, "held"),
    "executed_without_payment_info": ("Approved", "Cancelled", "held"),  # nothing checked lacks
    "executed_notice_only": (UNKNOWN, UNKNOWN, "held"),
    "server_error_before_processing": (UNKNOWN, UNKNOWN, "not found"),
    "refund_timed_out": (None, UNKNOWN, None),  # of a cancel only
    "executed_answer_cut": (UNKNOWN, UNKNOWN, "held"),
    "executed_missing_signature": (UNKNOWN, "Cancelled", "held"),
    "executed_wrong_echo": (UNKNOWN, "Cancelled", "held"),  # a cancel is named by its original
    "executed_html": (UNKNOWN, UNKNOWN, "held"),
    "unavailable": (UNKNOWN, UNKNOWN, "not found"),
    "bad_request": (UNKNOWN, UNKNOWN, "not found"),
    "slow": ("Approved", "Cancelled", "held"),
    "refused": ("Declined", "Declined", "Declined"),
}


async def test_every_fault_gets_its_class() -> None:
    table: dict[str, tuple[str | None, str | None, str | None]] = {}
    async with open_kicc_merchant(total_timeout_s=0.5) as kicc_merchant:
        effects = (await kicc_merchant.kicc.control("GET", "/scenarios/effects"))["effects"]
        assert {effect["name"] for effect in effects} == set(CLASSES), "a row for each"
        billing_key = await kicc_merchant.key()
        for name in CLASSES:
            charged, lookup = (
                (None, None)
                if name == "refund_timed_out"
                else await _charge_under(kicc_merchant, billing_key, name)
            )
            table[name] = (charged, await _cancel_under(kicc_merchant, name), lookup)
    for name, (charged, cancelled, lookup) in table.items():
        print(f"{name:32} {charged or '-':10} {cancelled or '-':10} {lookup or '-'}")  # noqa: T201  # `-s` asks for it
    assert table == CLASSES


def test_the_provider_page_shows_this_table() -> None:
    for name, classes in CLASSES.items():
        row = " | ".join(outcome or "-" for outcome in classes)
        assert f"| `{name}` | {row} |" in PAGE


async def test_amounts_steer_the_same_faults() -> None:
    """A merchant may use the trigger amounts of the specification by hand."""
    async with open_kicc_merchant(total_timeout_s=0.5) as kicc_merchant:
        billing_key = await kicc_merchant.key()
        for last_digits in range(7001, 7011):
            outcome = await kicc_merchant.charge(
                billing_key, kicc_merchant.order(10_000 + last_digits)
            )
            expected = "Approved" if last_digits == 7008 else UNKNOWN
            assert type(outcome).__name__ == expected, (last_digits, outcome)
        for code in ("8521", "8035", "8311", "8314", "8350", "8373", "8527"):
            outcome = await kicc_merchant.charge(
                billing_key, kicc_merchant.order(10_000 + int(code))
            )
            assert type(outcome).__name__ == "Declined", (code, outcome)
        approved = await kicc_merchant.paid(50_000)
        for last_digits in (7101, 7102, 7103, 7104, 7105, 7201):
            cancelled = await kicc_merchant.cancel(approved, last_digits, remain_krw=50_000)
            assert type(cancelled).__name__ in (UNKNOWN, "Declined"), (last_digits, cancelled)


async def _charge_under(
    kicc_merchant: KiccMerchant, billing_key: str, effect: str
) -> tuple[str, str]:
    await kicc_merchant.kicc.scenario(effect, "batch", code="8521", message="카드 한도초과")
    order, attempt = kicc_merchant.order(), kicc_merchant.attempt()
    outcome = await kicc_merchant.charge(billing_key, order, attempt=attempt)
    finding = await kicc_merchant.provider.look_up(
        ACCOUNT,
        attempt,
        kind=AttemptKind.CHARGE,
        pg_order_id=order.pg_order_id,
        amount_krw=order.amount_krw,
    )
    if isinstance(finding, Found):
        is_approval = isinstance(finding.outcome, Approved)
        return type(outcome).__name__, finding.state if is_approval else type(
            finding.outcome
        ).__name__
    return type(outcome).__name__, "not found" if type(finding).__name__ == "NotFound" else UNKNOWN


async def _cancel_under(kicc_merchant: KiccMerchant, effect: str) -> str:
    approved = await kicc_merchant.paid(19_900)
    await kicc_merchant.kicc.scenario(effect, "revise", code="8373", message="거절")
    outcome = await kicc_merchant.cancel(approved, 5_000)
    return type(outcome).__name__
