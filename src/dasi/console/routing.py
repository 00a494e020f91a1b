"""Every request of the console goes through one gate: who is there, what may they, do they mean it.

The order: a post from another site is refused first, then whoever is not signed in, then whoever
may not, then a form without its session's token. A refusal of a room becomes a page that says what
to do.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response

from dasi.audit import ClientInfo, record_audit
from dasi.authentication import Session, find_session
from dasi.console.errors import BUG, error_message
from dasi.console.preferences import Preferences, read_preferences
from dasi.console.templates import Templates
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotAllowed, NotAuthenticated, NotFound, Refused
from dasi.foundation.errors import Unavailable as Away
from dasi.foundation.pages import Cursor, Page
from dasi.merchants import Merchant, list_merchants
from dasi.users import Permission, User

log = structlog.get_logger()

SESSION_COOKIE = "dasi_session"
FORM_COOKIE = "dasi_form"
FORM_FIELD = "form_token"
_BODY_MAX_BYTES = 64 * 1024
_FIELDS_MAX = 100
_USER_AGENT_MAX = 300

Access = Literal["anonymous", "mfa_pending", "signed_in"] | Permission
"""anonymous: the ways in. mfa_pending: second factor missing. signed_in: any user. The rest are
permissions, for the merchant that the address names (`owner`: everywhere)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleRequest:
    """One request, with everything an endpoint needs."""

    engine: Engine
    templates: Templates
    http: Request
    preferences: Preferences
    client: ClientInfo
    session: Session | None
    selected_merchant: Merchant | None
    merchants: tuple[Merchant, ...]
    """Those this user may see."""
    form: dict[str, str]

    @property
    def user(self) -> User:
        assert self.session is not None, "this route needs a user"
        return self.session.user

    @property
    def merchant(self) -> Merchant:
        assert self.selected_merchant is not None, "this route needs a merchant"
        return self.selected_merchant

    @property
    def merchant_id(self) -> int:
        return self.merchant.merchant_id

    def t(self, ko: str, en: str) -> str:
        return en if self.preferences.language == "en" else ko

    def field(self, name: str, *, length_max: int = 200) -> str:
        """A field of the form, trimmed; empty if it is not there."""
        text = self.form.get(name, "").strip()
        if len(text) > length_max or not all(c.isprintable() or c in "\r\n\t" for c in text):
            raise Invalid(name, "printable_length", maximum=length_max)
        return text

    def query(self, name: str, *, length_max: int = 100) -> str:
        text = self.http.query_params.get(name, "").strip()[:length_max]
        return text if text.isprintable() else ""

    def cursor(self, name: str = "after") -> Cursor | None:
        """The place in a list that the query parameter `name` holds; None: the first page."""
        return Cursor.decode(self.query(name))

    def current_query(self) -> str:
        """This page's own query, for a link that changes only how it looks."""
        told = self.http.query_params.multi_items()
        kept = [(name, text) for name, text in told if name not in ("lang", "theme", "done")]
        return f"{urlencode(kept)}&" if kept else ""

    def page(self, template: str, *, status: int = 200, **facts: object) -> Response:
        return self.templates.page(template, self, status=status, **facts)

    def redirect(self, path: str) -> Response:
        return self.templates.see_other(path)

    def url(self, rest: str = "") -> str:
        """Of a page of this merchant."""
        return f"{self.templates.root}/console/merchants/{self.merchant.code}{rest}"

    async def audit(
        self, action: str, *, target: str | None = None, detail: str | None = None
    ) -> None:
        """Into the audit log."""
        await record_audit(
            self.engine,
            self.selected_merchant.merchant_id if self.selected_merchant else None,
            self.user,
            action,
            target=target,
            detail=detail,
            client=self.client,
        )


def next_url(page: Page[Any], *, name: str = "after", **params: str) -> str | None:
    """The query of the link to the next page, with its other parameters; None on the last page."""
    if page.next_cursor is None:
        return None
    filters = {key: value for key, value in params.items() if value}
    return "?" + urlencode({**filters, name: page.next_cursor.encode()})


Endpoint = Callable[[ConsoleRequest], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class ConsoleRoute:
    """One address. What it needs stands in the table of routes, and tests go through the table."""

    method: Literal["GET", "POST"]
    path: str
    endpoint: Endpoint
    permission: Access


def make_endpoint(
    engine: Engine, templates: Templates, route: ConsoleRoute
) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint of a route, behind the checks of its access."""

    async def handle(http: Request) -> Response:
        preferences = read_preferences(http)
        request = ConsoleRequest(
            engine=engine,
            templates=templates,
            http=http,
            preferences=preferences,
            client=_client_info(http),
            session=None,
            selected_merchant=None,
            merchants=(),
            form={},
        )
        try:
            request = await _enter(request, route)
            response = await route.endpoint(request)
        except (Refused, Away) as error:
            response = _error_response(request, route, error)
        except Exception:
            # The last place before the server: the person gets a page, the operator the story.
            log.exception("unhandled_exception", method=http.method, path=http.url.path)
            response = request.page("error.html", status=500, told=BUG)
        return preferences.save(http, response, path=f"{templates.root}/console")

    return handle


async def _enter(request: ConsoleRequest, route: ConsoleRoute) -> ConsoleRequest:
    """The request with its user, merchant and form, or the reason why not."""
    http, engine = request.http, request.engine
    if route.method == "POST" and not is_same_site(http, engine.public_url):
        raise NotAllowed("cross_site")
    cookie = http.cookies.get(SESSION_COOKIE, "")
    session = await find_session(engine, cookie) if cookie else None
    if (
        session is not None
        and not session.is_complete
        and route.permission not in ("mfa_pending", "anonymous")
    ):
        session = None
    if session is None and route.permission != "anonymous":
        raise NotAuthenticated("not_signed_in")
    merchants: tuple[Merchant, ...] = ()
    if session is not None and session.is_complete:
        everyone = await list_merchants(engine)
        merchants = tuple(one for one in everyone if session.user.role_in(one.merchant_id))
    code = http.path_params.get("code")
    merchant = next((one for one in merchants if one.code == code), None)
    request = _with(request, session=session, selected_merchant=merchant, merchants=merchants)
    if code is not None and merchant is None:
        raise NotFound("unknown_page")
    if session is not None and not _may(session.user, route.permission, merchant):
        raise NotAllowed("role_forbids")
    if session is not None and _must_enroll_mfa(session.user, route.permission, merchant):
        raise NotAllowed("second_factor_required")
    if route.method == "POST":
        request = _with(request, form=await read_form(http))
        expected = session.form_token if session else http.cookies.get(FORM_COOKIE, "")
        given = request.form.pop(FORM_FIELD, "") or http.headers.get("x-form-token", "")
        if not expected or not hmac.compare_digest(given.encode(), expected.encode()):
            raise NotAllowed("form_expired")
    return request


def _may(user: User, permission: Access, merchant: Merchant | None) -> bool:
    if permission == "anonymous" or permission == "mfa_pending" or permission == "signed_in":  # noqa: PLR1714  # mypy narrows by it
        return True
    if permission == "owner" or merchant is None:
        return user.is_owner
    return user.may(permission, merchant.merchant_id)


def _must_enroll_mfa(user: User, permission: Access, merchant: Merchant | None) -> bool:
    """The merchant asks this role for one. One's own page stays open, to set it up."""
    if permission == "owner":
        return user.must_enroll_mfa(None)
    return merchant is not None and user.must_enroll_mfa(merchant.merchant_id)


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
            raise Invalid("body", "bytes_at_most", maximum=_BODY_MAX_BYTES)
    try:
        fields = parse_qsl(
            body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX, errors="strict"
        )
    except ValueError as bad:  # also what cannot be decoded
        raise Invalid("body", "unicode_form") from bad
    return dict(fields)


def _client_info(request: Request) -> ClientInfo:
    address = request.client.host if request.client else "unknown"
    told = request.headers.get("user-agent", "")[:_USER_AGENT_MAX]
    return ClientInfo(address=address, user_agent=told if told.isprintable() else "")


def _error_response(
    request: ConsoleRequest, route: ConsoleRoute, error: Refused | Away
) -> Response:
    is_stranger = isinstance(error, NotAuthenticated) and error.reason == "not_signed_in"
    if is_stranger and route.method == "GET":
        back = quote(request.http.url.path, safe="/")
        return request.redirect(f"{request.templates.root}/console/sign-in?next={back}")
    if isinstance(error, NotAllowed) and error.reason == "second_factor_required":
        return request.redirect(f"{request.templates.root}/console/me#second-factor")
    told = error_message(error)
    log.info("console_refused", path=request.http.url.path, why=str(error), status=told.status)
    return request.page("error.html", status=told.status, told=told)


def _with(request: ConsoleRequest, **changes: object) -> ConsoleRequest:
    values = {name: getattr(request, name) for name in ConsoleRequest.__dataclass_fields__}
    return ConsoleRequest(**{**values, **changes})
