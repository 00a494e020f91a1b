"""Check a channel: register windows at the PG and return its answers. No money can move."""

from dataclasses import dataclass

from dasi.channels.channel import Channel
from dasi.channels.select import open_account
from dasi.engine import Engine
from dasi.foundation.ids import ulid
from dasi.providers.port import Declined, Order, WindowOpened, WindowRequest

_AMOUNT_KRW = 1_000  # of a window that is never opened


@dataclass(frozen=True, slots=True)
class Check:
    """The PG's answer to the registration of one kind of window."""

    window: str
    """`payment` or `card registration`."""
    is_open: bool
    code: str | None
    """The PG's code, if it answered."""
    text: str
    """The PG's text, or why it was not reached; empty when the window opened."""


async def check_channel(engine: Engine, channel: Channel) -> list[Check]:
    """Register one window of each kind and return both answers. Unopened, the windows expire.

    This shows that the PG is reached, knows the MID, and allows it payments, card registrations or
    both. It does not prove the secret, because the registration of a window is not signed.
    """
    return [
        await _check(engine, channel, is_key_window=False),
        await _check(engine, channel, is_key_window=True),
    ]


async def _check(engine: Engine, channel: Channel, *, is_key_window: bool) -> Check:
    window = "card registration" if is_key_window else "payment"
    outcome = await engine.providers[channel.provider].open_window(
        open_account(engine, channel),
        WindowRequest(
            order=Order(
                pg_order_id=f"ck-{ulid(engine.clock.now())}",
                amount_krw=_AMOUNT_KRW,
                goods_name="연결 확인",
            ),
            is_key_window=is_key_window,
            device="pc",
            return_url=f"{engine.public_url}/payments/fail",
        ),
    )
    match outcome:
        case WindowOpened():
            return Check(window, is_open=True, code=None, text="")
        case Declined(code=code, text=text):
            return Check(window, is_open=False, code=code, text=text)
        case _:
            return Check(window, is_open=False, code=None, text=outcome.why)
