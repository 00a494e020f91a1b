"""Routes of other payment methods and other PGs: the envelope refuses them and says why.

The answer is never an HTML page: clients parse JSON at every status (Iamport V1 1.2.6). The status
is 501 where the original answers 501, and elsewhere HTTP 200 with code -1.
"""

from starlette.responses import Response
from starlette.routing import Route

from dasi.foundation.errors import NotAllowed, NotFound
from dasi.iamport.endpoint import ApiContext, ApiRequest, Endpoint, route

_RECEIPTS = "현금영수증"
_VBANK = "가상계좌"
_NAVER = "네이버페이"
_QUICK = "KCP 퀵페이"
_BENEPIA = "베네피아 포인트"
_OTP = "OTP 본인인증"
_ESCROW = "에스크로"
# (methods, path, the feature it belongs to)
NOT_OFFERED: tuple[tuple[str, str, str], ...] = (
    ("GET", "/payments/{imp_uid}/balance", "PAYCO 금액 상세 조회"),
    ("GET", "/tiers/{tier_code}", "하위가맹점(Tier)"),
    ("POST", "/vbanks", _VBANK),
    ("GET", "/vbanks/holder", "예금주 조회"),
    ("PUT DELETE", "/vbanks/{imp_uid}", _VBANK),
    ("POST", "/certifications/otp/request", _OTP),
    ("POST", "/certifications/otp/confirm/{imp_uid}", _OTP),
    ("GET POST PUT", "/escrows/logis/{imp_uid}", _ESCROW),
    ("POST", "/cvs", "편의점 결제"),
    ("DELETE", "/cvs/{imp_uid}", "편의점 결제"),
    ("POST", "/payments/{imp_uid}/naver/{what}", _NAVER),
    ("GET", "/payments/{imp_uid}/naver/{what}", _NAVER),
    ("GET", "/naver/product-orders/{product_order_id}", _NAVER),
    ("GET", "/naver/reviews", _NAVER),
    ("DELETE", "/kcpquick/members/{member_id}", _QUICK),
    ("POST", "/kcpquick/members/{member_id}/fido/release", _QUICK),
    ("POST", "/kcpquick/payment/{means}", _QUICK),
    ("POST PUT", "/kcpquick/prepare/{merchant_uid}", _QUICK),
    ("DELETE", "/kcpquick/autopay/{customer_uid}", _QUICK),
    ("POST", "/benepia/point", _BENEPIA),
    ("POST", "/benepia/payment", _BENEPIA),
    ("POST", "/payco/orders/status/{imp_uid}", "PAYCO"),
    ("POST", "/paymentwall/delivery", "페이먼트월"),
    ("GET", "/kakao/payment/orders", "카카오페이"),
)
# The same, where the original answers 501.
NOT_IMPLEMENTED: tuple[tuple[str, str, str], ...] = (
    ("GET POST DELETE", "/receipts/external/{merchant_uid}", _RECEIPTS),
    ("GET POST DELETE", "/receipts/{imp_uid}", _RECEIPTS),
    ("POST", "/partners/receipts/{imp_uid}", _RECEIPTS),
)


def routes(context: ApiContext) -> list[Route]:
    return [
        *_refused(context, NOT_OFFERED, "not_offered"),
        *_refused(context, NOT_IMPLEMENTED, "not_implemented"),
        *[
            made
            for method in ("GET", "DELETE")
            for made in route(
                context,
                method,
                "/certifications/{imp_uid}",
                no_certification,
                errors=("unknown_certification",),
            )
        ],
    ]


async def no_certification(_request: ApiRequest) -> Response:
    """No identity verification: none can exist, because none can be made here."""
    raise NotFound("unknown_certification")


def _refused(
    context: ApiContext, table: tuple[tuple[str, str, str], ...], reason: str
) -> list[Route]:
    return [
        made
        for methods, path, feature in table
        for method in methods.split()
        for made in route(
            context,
            method,
            path,
            _unsupported_endpoint(reason, feature),
            reads_body=False,
            errors=(reason,),
        )
    ]


def _unsupported_endpoint(reason: str, feature: str) -> Endpoint:
    async def refuse(_request: ApiRequest) -> Response:
        """Not offered: KICC cards and billing keys only."""
        raise NotAllowed(reason, feature=feature)

    return refuse
