"""Check a channel: register windows at the PG and say what came back. No money can move."""

from dataclasses import dataclass

from dasi.channels.channel import Channel
from dasi.channels.select import open_account
from dasi.engine import Engine
from dasi.foundation.ids import ulid
from dasi.providers.port import Declined, Order, WindowOpened, WindowRequest

_AMOUNT_KRW = 1_000  # shown in a window that nobody opens


@dataclass(frozen=True, slots=True)
class Check:
    """What the PG said to one kind of window."""

    window: str
    """`payment` or `card registration`."""
    is_open: bool
    code: str | None
    """The PG's own, when it answered."""
    text: str
    """The PG's text, or why it was not reached; empty when the window opened."""


async def check_channel(engine: Engine, channel: Channel) -> list[Check]:
    """Registers one window of each kind and leaves both unopened: they end by themselves.

    Shows that the PG is reached, knows the MID, and allows it payments, card registrations or
    both. The secret is not proven: registering a window is not signed.
    """
    return [
        await _check(engine, channel, is_key_window=False),
        await _check(engine, channel, is_key_window=True),
    ]


async def _check(engine: Engine, channel: Channel, *, is_key_window: bool) -> Check:
    window = "card registration" if is_key_window else "payment"
    said = await engine.providers[channel.provider].open_window(
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
    match said:
        case WindowOpened():
            return Check(window, is_open=True, code=None, text="")
        case Declined(code=code, text=text):
            return Check(window, is_open=False, code=code, text=text)
        case _:
            return Check(window, is_open=False, code=None, text=said.why)
