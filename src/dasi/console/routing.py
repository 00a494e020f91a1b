"""Every request of the console goes through a door: who is there, what may they, do they mean it.

The order: a post from another site is refused first, then whoever is not signed in, then whoever
may not, then a form without its session's token. A refusal of a room becomes a page that says what
to do.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response

from dasi.audit import ClientInfo, record_audit
from dasi.authentication import Session, find_session
from dasi.console.errors import BUG, error_message
from dasi.console.preferences import Look, look_of
from dasi.console.templates import Pages
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotAllowed, NotAuthenticated, NotFound, Refused
from dasi.foundation.errors import Unavailable as Away
from dasi.merchants import Merchant, list_merchants
from dasi.users import Permission, User

log = structlog.get_logger()

SESSION_COOKIE = "dasi_session"
FORM_COOKIE = "dasi_form"
FORM_FIELD = "form_token"
_BODY_MAX_BYTES = 64 * 1024
_FIELDS_MAX = 100
_USER_AGENT_MAX = 300

Needs = Literal["nobody", "half", "person"] | Permission
"""nobody: the doors in. half: password given, second factor not. person: signed in. The rest are
permissions, for the merchant that the address names (`owner`: everywhere)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """One request, with everything an act needs."""

    engine: Engine
    pages: Pages
    request: Request
    look: Look
    client: ClientInfo
    session: Session | None
    shop: Merchant | None
    shops: tuple[Merchant, ...]
    """Those this user may see."""
    form: dict[str, str]

    @property
    def user(self) -> User:
        assert self.session is not None, "this door needs a user"
        return self.session.user

    @property
    def merchant(self) -> Merchant:
        assert self.shop is not None, "this door needs a merchant"
        return self.shop

    @property
    def merchant_id(self) -> int:
        return self.merchant.merchant_id

    def t(self, ko: str, en: str) -> str:
        return en if self.look.language == "en" else ko

    def field(self, name: str, *, length_max: int = 200) -> str:
        """A field of the form, trimmed; empty if it is not there."""
        text = self.form.get(name, "").strip()
        if len(text) > length_max or not all(c.isprintable() or c in "\r\n\t" for c in text):
            raise Invalid(name, f"at most {length_max} printable characters")
        return text

    def query(self, name: str, *, length_max: int = 100) -> str:
        text = self.request.query_params.get(name, "").strip()[:length_max]
        return text if text.isprintable() else ""

    def kept_query(self) -> str:
        """This page's own query, for a link that changes only how it looks."""
        told = self.request.query_params.multi_items()
        kept = [(name, text) for name, text in told if name not in ("lang", "theme", "done")]
        return f"{urlencode(kept)}&" if kept else ""

    def page(self, template: str, *, status: int = 200, **facts: object) -> Response:
        return self.pages.page(template, self, status=status, **facts)

    def go(self, path: str) -> Response:
        return self.pages.see_other(path)

    def address(self, rest: str = "") -> str:
        """Of a page of this merchant."""
        return f"{self.pages.root}/console/shops/{self.merchant.code}{rest}"

    async def note(
        self, action: str, *, target: str | None = None, detail: str | None = None
    ) -> None:
        """Into the audit log."""
        await record_audit(
            self.engine,
            self.shop.merchant_id if self.shop else None,
            self.user,
            action,
            target=target,
            detail=detail,
            client=self.client,
        )


Act = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Door:
    """One address. What it needs stands in the table of routes, and tests go through the table."""

    method: Literal["GET", "POST"]
    path: str
    act: Act
    needs: Needs


def open_door(engine: Engine, pages: Pages, door: Door) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a door."""

    async def handle(request: Request) -> Response:
        look = look_of(request)
        visit = Visit(
            engine=engine,
            pages=pages,
            request=request,
            look=look,
            client=_client_info(request),
            session=None,
            shop=None,
            shops=(),
            form={},
        )
        try:
            visit = await _enter(visit, door)
            response = await door.act(visit)
        except (Refused, Away) as trouble:
            response = _trouble(visit, door, trouble)
        except Exception:
            # The last place before the server: the person gets a page, the operator the story.
            log.exception("bug", method=request.method, path=request.url.path)
            response = visit.page("trouble.html", status=500, told=BUG)
        return look.keep(request, response, path=f"{pages.root}/console")

    return handle


async def _enter(visit: Visit, door: Door) -> Visit:
    """The visit with its user, merchant and form, or the reason why not."""
    request, engine = visit.request, visit.engine
    if door.method == "POST" and not is_same_site(request, engine.public_url):
        raise NotAllowed("cross_site")
    cookie = request.cookies.get(SESSION_COOKIE, "")
    session = await find_session(engine, cookie) if cookie else None
    if session is not None and not session.is_complete and door.needs not in ("half", "nobody"):
        session = None
    if session is None and door.needs != "nobody":
        raise NotAuthenticated("not_signed_in")
    shops: tuple[Merchant, ...] = ()
    if session is not None and session.is_complete:
        everyone = await list_merchants(engine)
        shops = tuple(one for one in everyone if session.user.role_in(one.merchant_id))
    code = request.path_params.get("code")
    shop = next((one for one in shops if one.code == code), None)
    visit = _with(visit, session=session, shop=shop, shops=shops)
    if code is not None and shop is None:
        raise NotFound("unknown_page")
    if session is not None and not _may(session.user, door.needs, shop):
        raise NotAllowed("role_forbids")
    if session is not None and _must_enroll_mfa(session.user, door.needs, shop):
        raise NotAllowed("second_factor_required")
    if door.method == "POST":
        visit = _with(visit, form=await read_form(request))
        expected = session.form_token if session else request.cookies.get(FORM_COOKIE, "")
        given = visit.form.pop(FORM_FIELD, "") or request.headers.get("x-form-token", "")
        if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
            raise NotAllowed("form_expired")
    return visit


def _may(user: User, needs: Needs, shop: Merchant | None) -> bool:
    if needs == "nobody" or needs == "half" or needs == "person":  # noqa: PLR1714  # mypy narrows by it
        return True
    if needs == "owner" or shop is None:
        return user.is_owner
    return user.may(needs, shop.merchant_id)


def _must_enroll_mfa(user: User, needs: Needs, shop: Merchant | None) -> bool:
    """The shop asks this role for one. One's own page stays open, to set it up."""
    if needs == "owner":
        return user.must_enroll_mfa(None)
    return shop is not None and user.must_enroll_mfa(shop.merchant_id)


def is_same_site(request: Request, public_url: str) -> bool:
    """Whether a post comes from a page of ours. A browser always says so in one of two headers."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site != "same-origin":
        return False
    origin = request.headers.get("origin")
    if origin is None:
        return site == "same-origin"
    ours = {urlsplit(public_url).netloc, request.headers.get("host", "")}
    return urlsplit(origin).netloc in ours and bool(urlsplit(origin).netloc)


async def read_form(request: Request) -> dict[str, str]:
    """A form, read no further than its limit. The last of several fields of one name counts."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _BODY_MAX_BYTES:
            raise Invalid("body", f"at most {_BODY_MAX_BYTES:,} bytes")
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict"
        )
    except ValueError as bad:  # also what cannot be decoded
        raise Invalid("body", "a form in UTF-8") from bad
    return dict(fields)


def _client_info(request: Request) -> ClientInfo:
    address = request.client.host if request.client else "unknown"
    told = request.headers.get("user-agent", "")[:_USER_AGENT_MAX]
    return ClientInfo(address=address, user_agent=told if told.isprintable() else "")


def _trouble(visit: Visit, door: Door, trouble: Refused | Away) -> Response:
    is_stranger = isinstance(trouble, NotAuthenticated) and trouble.reason == "not_signed_in"
    if is_stranger and door.method == "GET":
        back = quote(visit.request.url.path, safe="/")
        return visit.go(f"{visit.pages.root}/console/sign-in?next={back}")
    if isinstance(trouble, NotAllowed) and trouble.reason == "second_factor_required":
        return visit.go(f"{visit.pages.root}/console/me#second-factor")
    told = error_message(trouble)
    log.info("console_refused", path=visit.request.url.path, why=str(trouble), status=told.status)
    return visit.page("trouble.html", status=told.status, told=told)


def _with(visit: Visit, **changes: object) -> Visit:
    values = {name: getattr(visit, name) for name in Visit.__dataclass_fields__}
    return Visit(**{**values, **changes})
