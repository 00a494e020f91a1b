"""Every page says that the installation does not work as usual, and the way out."""

from typing import Literal

from console.conftest import SignIn
from console.http_browser import ConsoleUser
from dasi.recovery import set_mode
from dasi.users import Role
from support.gateway_merchant import MerchantClient

_TEXTS: dict[Literal["recovering", "stopped", "held"], tuple[str, str]] = {
    "recovering": ("종료 예정", "looked up at the PG before it is sent"),
    "stopped": ("결제가 중지되었습니다", "dasi recover"),
    "held": ("발신이 보류되었습니다", "dasi recover --this-is-the-original"),
}


async def test_pages_show_the_mode(
    gateway: MerchantClient, signed_in: SignIn, stranger: ConsoleUser
) -> None:
    user = await signed_in(Role.READ_ONLY)
    engine = gateway.engine
    page = f"/console/merchants/{gateway.merchant.code}/payments"
    assert 'role="alert"' not in (await user.get(page))[1]

    for mode, (ko, en) in _TEXTS.items():
        await set_mode(engine.database, mode, detail="restored", now=engine.clock.now())
        for visitor, path in ((user, page), (user, "/console/me"), (stranger, "/console/sign-in")):
            assert ko in (await visitor.get(f"{path}?lang=ko"))[1], (mode, path)
            assert en in (await visitor.get(f"{path}?lang=en"))[1], (mode, path)
