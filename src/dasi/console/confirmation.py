"""One confirmation page for every operation that cannot be undone.

The operation has one address. GET shows what will happen in numbers and changes nothing: it can be
reloaded, left and opened again. Its form posts to the same address with a digest of those numbers.
If the numbers have changed meanwhile, the post does nothing and the page shows the new ones. The
path and the query name the object of the operation; the body holds only the answers of the user.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from starlette.responses import Response

from dasi.console.errors import error_message
from dasi.console.labels.label import Label
from dasi.console.request import ConsoleRequest
from dasi.foundation.clock import KST
from dasi.foundation.errors import Invalid

REASON_MIN, REASON_MAX = 2, 100
_DIGEST_FIELD = "confirmation"
Fact = tuple[Label, Label | str]
"""A name and a value that the page shows."""

_CHANGED = Label(
    "확인하는 동안 아래 내용이 바뀌어 처리하지 않았습니다. 새 내용을 확인한 뒤 다시 누르세요.",
    "Nothing was done, because these numbers have changed since you saw them. Check them again.",
)
_REASON = Label(f"{REASON_MIN}자 이상 입력하세요.", f"Enter at least {REASON_MIN} characters.")
_TYPED = Label("아래 문구를 그대로 입력하세요: {text}", "Type this text as it is: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """The effects of an operation, the answers it asks for, and the operation itself."""

    title: Label
    warning: Label
    """What the operation does, and what cannot be undone."""
    facts: tuple[Fact, ...]
    """The numbers. The post is refused if one of them has changed."""
    button: Label
    back: str
    """The address of the page that the user came from."""
    act: Callable[[str], Awaitable[Response]]
    """Do it; the argument is the reason."""
    asks_reason: bool = False
    typed: str = ""
    """The text that the user has to type; empty: none."""
    state: tuple[object, ...] = ()
    """Values that must not change either, and that the page does not show."""


Reviewer = Callable[[ConsoleRequest], Awaitable[Review]]


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The two endpoints of an operation that has to be confirmed."""

    review: Reviewer

    async def show(self, request: ConsoleRequest) -> Response:
        return _page(request, await self.review(request))

    async def post(self, request: ConsoleRequest) -> Response:
        review = await self.review(request)
        sent = request.form.get(_DIGEST_FIELD, "")
        if not hmac.compare_digest(sent.encode(), _digest(request, review).encode()):
            return _page(request, review, status=HTTPStatus.CONFLICT, changed=_CHANGED)
        problems, reason = _problems(request, review)
        if problems:
            status = HTTPStatus.UNPROCESSABLE_ENTITY
            return _page(request, review, status=status, problems=problems)
        return await review.act(reason)


def won(amount_krw: int) -> Label:
    return Label(f"{amount_krw:,}원", f"{amount_krw:,} won")


def counted(count: int, unit: str = "건") -> Label:
    """Return a number with its Korean unit."""
    return Label(f"{count:,}{unit}", f"{count:,}")


def moment(at: datetime | None) -> str:
    """Return a time in Korea to the second; a dash for none."""
    return at.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S KST") if at else "—"


def _problems(request: ConsoleRequest, review: Review) -> tuple[dict[str, Label], str]:
    """Return what is wrong with the fields of the page, by field, and the reason."""
    problems: dict[str, Label] = {}
    reason = ""
    try:
        reason = request.field("reason", length_max=REASON_MAX)
    except Invalid as invalid:
        message = error_message(invalid)
        problems["reason"] = Label(message.ko, message.en)
    if review.asks_reason and len(reason) < REASON_MIN and not problems:
        problems["reason"] = _REASON
    if review.typed and request.form.get("typed", "").strip() != review.typed.strip():
        problems["typed"] = Label(*(text.format(text=review.typed) for text in _TYPED[:2]))
    return problems, reason


def _digest(request: ConsoleRequest, review: Review) -> str:
    """Return a digest of the operation and its numbers, which only this session can make."""
    query = sorted(
        (name, text)
        for name, text in request.http.query_params.multi_items()
        if name not in ("lang", "theme")
    )
    text = repr((request.path, query, review.facts, review.state))
    key = request.signed_in_session.form_token.encode()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _page(
    request: ConsoleRequest,
    review: Review,
    *,
    status: int = HTTPStatus.OK,
    changed: Label | None = None,
    problems: dict[str, Label] | None = None,
) -> Response:
    return request.page(
        "review.html",
        status=status,
        review=review,
        changed=changed,
        problems=problems or {},
        digest_field=_DIGEST_FIELD,
        digest=_digest(request, review),
        reason=request.form.get("reason", ""),
        typed=request.form.get("typed", ""),
        reason_min=REASON_MIN,
        reason_max=REASON_MAX,
        action=f"{request.path}?{request.current_query()}".rstrip("?&"),
    )
