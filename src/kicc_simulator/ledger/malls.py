"""The merchants' contracts with KICC: their permissions and secret keys."""

from typing import Literal

from msgspec import Struct

TEST_KEY = "easypay!KICCTEST"
"""The key the self-issued test malls share (§2)."""


class NoticeTarget(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The address, form and kinds of a mall's notices (§11)."""

    url: str
    form: Literal["json", "legacy"] = "json"
    kinds: list[str] | None = None
    batch_approvals: bool = True


class Mall(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One contract. ``auto_capture`` off means approvals wait for revise 20."""

    mall_id: str
    key: str = TEST_KEY
    name: str = "테스트 상점"
    active: bool = True
    maintenance: bool = False
    payment: bool = True
    billing: bool = True
    partial_cancel: bool = True
    auto_capture: bool = True
    escrow: bool = True
    notice: NoticeTarget | None = None

    def __repr__(self) -> str:
        return f"Mall(mall_id={self.mall_id!r}, key=<hidden>, name={self.name!r})"


def preset_malls() -> dict[str, Mall]:
    """The malls that exist from the start."""
    malls = (
        Mall(mall_id="T5102001", name="다시 데모 상점"),
        Mall(mall_id="T0021766", name="다시 정기결제 상점"),
        Mall(mall_id="T0021792", name="빌링 전용 상점", payment=False),
        Mall(mall_id="T0020391", name="일반결제 전용 상점", billing=False),
    )
    return {mall.mall_id: mall for mall in malls}
