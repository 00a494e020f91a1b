"""A console request, the appearance its user chose, and the responses that endpoints make of it."""

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from dasi.audit import ClientInfo, record_audit, record_view
from dasi.auth_limits import DEVICE_LIFE
from dasi.authentication import Session
from dasi.console.errors import ErrorMessage
from dasi.console.form_error import FormError
from dasi.console.labels.flashes import FLASH
from dasi.console.templates import SECURITY_HEADERS, Templates
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotAllowed
from dasi.foundation.ids import token
from dasi.foundation.pages import Cursor, Page
from dasi.http.card_numbers import refuse_card_number
from dasi.input_rules import CONTROL, normalize_name
from dasi.merchants import Merchant
from dasi.privacy import masked
from dasi.recovery import RecoveryState
from dasi.users import User

T = TypeVar("T")
SESSION_COOKIE = "dasi_session"
FORM_COOKIE = "dasi_form"
DEVICE_COOKIE = "dasi_device"
_FORM_COOKIE_LIFE_S = 3600
_PREFERENCE_COOKIE_LIFE_S = 365 * 24 * 3600
_FIRST_LANGUAGE = re.compile(r"\s*(ko|en)\b", re.IGNORECASE)
_NAME_MAX = 80
_ID_DIGITS_MAX = 15  # fits bigint


@dataclass(frozen=True, slots=True)
class Preferences:
    """Language and theme of one browser, kept in cookies."""

    language: Literal["ko", "en"]
    theme: Literal["auto", "light", "dark"]

    def save(self, request: Request, response: Response, *, path: str) -> Response:
        """Set a cookie for each preference that the address names (`?lang=en`, `?theme=dark`)."""
        for name, value in (("lang", self.language), ("theme", self.theme)):
            if name in request.query_params:
                response.set_cookie(
                    f"dasi_{name}",
                    value,
                    max_age=_PREFERENCE_COOKIE_LIFE_S,
                    path=path,
                    httponly=True,
                    secure=request.url.scheme == "https",
                    samesite="lax",
                )
        return response


def read_preferences(request: Request) -> Preferences:
    """Read the preferences from the address, else from the cookie, else from the browser."""
    language = request.query_params.get("lang") or request.cookies.get("dasi_lang")
    theme = request.query_params.get("theme") or request.cookies.get("dasi_theme")
    return Preferences(
        language="en" if (language or _accepted_language(request)) == "en" else "ko",
        theme="light" if theme == "light" else "dark" if theme == "dark" else "auto",
    )


def _accepted_language(request: Request) -> Literal["ko", "en"]:
    """Return the first supported language of the browser; Korean if it names none."""
    for part in request.headers.get("accept-language", "").split(","):
        match = _FIRST_LANGUAGE.match(part)
        if match:
            return "en" if match[1].lower() == "en" else "ko"
    return "ko"


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
    """The merchants that this user may view."""
    form: dict[str, str]
    recovery: RecoveryState | None = None
    """The mode of the installation; None while the database cannot be read."""
    form_error: FormError | None = None
    """The form that was refused, for the page that shows it again."""
    form_page_path: str | None = None
    """The path of the page of a refused form, which is shown in place of the form's own path."""

    @property
    def signed_in_session(self) -> Session:
        assert self.session is not None, "this route needs a session"
        return self.session

    @property
    def user(self) -> User:
        return self.signed_in_session.user

    @property
    def merchant(self) -> Merchant:
        assert self.selected_merchant is not None, "this route needs a merchant"
        return self.selected_merchant

    @property
    def merchant_id(self) -> int:
        return self.merchant.merchant_id

    @property
    def may_view_personal_data(self) -> bool:
        """Whether this user sees buyers' personal data. Pages of no merchant have none."""
        return self.selected_merchant is None or self.user.may(
            "view_personal_data", self.selected_merchant.merchant_id
        )

    def shown(self, value: T) -> T:
        """Return `value` as this user may see it. `page` calls it for all that it renders."""
        return value if self.may_view_personal_data else masked(value)

    @property
    def test_windows_until(self) -> datetime | None:
        """Until when pages of this live merchant may use test channels; None: they may not."""
        if self.selected_merchant is None or not self.selected_merchant.is_live:
            return None
        until = self.selected_merchant.test_windows_until
        return until if until is not None and until > self.engine.clock.now() else None

    def t(self, ko: str, en: str) -> str:
        return en if self.preferences.language == "en" else ko

    def field(self, name: str, *, length_max: int = 200) -> str:
        """Return a form field, trimmed; empty if the form does not hold it. Raise `Invalid`."""
        text = self.form.get(name, "").strip()
        if len(text) > length_max or not all(c.isprintable() or c in "\r\n\t" for c in text):
            raise Invalid(name, "printable_length", maximum=length_max)
        refuse_card_number(name, text)
        return text

    def order_name(self) -> str:
        """Return `merchant_uid` of a form: any name that the API accepts. Raise `Invalid`."""
        text = normalize_name(self.form.get("merchant_uid", ""))
        if len(text) > _NAME_MAX or CONTROL.search(text):
            raise Invalid("merchant_uid", "printable_length", maximum=_NAME_MAX)
        return text

    def problem(self, action: str, name: str, **of: str) -> ErrorMessage | None:
        """Return why a field of the form with this path and these hidden values was refused."""
        error = self.form_error
        is_it = error is not None and error.field == name and error.is_of(action, of)
        return error.message if error and is_it else None

    def has_failed(self, action: str, **of: str) -> bool:
        """Whether the form with this path and these hidden values was refused."""
        return self.form_error is not None and self.form_error.is_of(action, of)

    def kept(self, action: str, name: str, default: str = "", **of: str) -> str:
        """Return what the user entered into a refused form, else the default."""
        error = self.form_error
        return error.values.get(name, "") if error and error.is_of(action, of) else default

    def choice(self, name: str, allowed: Iterable[object], *, default: str = "") -> str:
        """Return a form field that holds one of the allowed values. Raise `Invalid`."""
        text, texts = self.field(name) or default, [str(value) for value in allowed]
        if text not in texts:
            raise Invalid(name, "one_of", values=texts)
        return text

    def path_id(self, name: str) -> int:
        """Return a number from the address. Raise `Invalid`."""
        number = whole_number(str(self.http.path_params[name]))
        if number is None:
            raise Invalid(name, "number")
        return number

    def query(self, name: str, *, length_max: int = 100) -> str:
        """Return a query parameter, trimmed and cut; empty if missing or with control characters.

        A name may hold characters that are not printable, such as a wide blank (U+3000).
        """
        text = normalize_name(self.http.query_params.get(name, ""))[:length_max]
        return "" if CONTROL.search(text) else text

    def cursor(self, name: str = "after") -> Cursor | None:
        """Return the place in a list that the query parameter `name` holds; None: first page."""
        return Cursor.decode(self.query(name))

    def current_query(self) -> str:
        """Return this page's own query, for a link that changes only its appearance."""
        params = [
            (name, text)
            for name, text in self.http.query_params.multi_items()
            if name not in ("lang", "theme", "done")
        ]
        return f"{urlencode(params)}&" if params else ""

    def switch_url(self, name: str, value: str) -> str:
        """Return the address of this page in another language or theme."""
        return (
            f"{self.form_page_path or self.path}?{self.current_query()}{urlencode({name: value})}"
        )

    @property
    def path(self) -> str:
        """The path of this request in the public URL, quoted as the browser sent it."""
        return f"{self.templates.root}{self.http.scope['raw_path'].decode('latin-1')}"

    def url(self, path: str = "") -> str:
        """Return the address of a page of this merchant."""
        return self.console_url(f"/merchants/{self.merchant.code}{path}")

    def console_url(self, path: str = "") -> str:
        """Return the address of a page that belongs to no merchant."""
        return f"{self.templates.root}/console{path}"

    def page(self, template: str, *, status: int = 200, **context: object) -> Response:
        """Render a page for this user, with personal data masked for users who may not view it.

        A browser without a session gets a form token.
        """
        form_token = self.session.form_token if self.session else ""
        form_token = form_token or self.http.cookies.get(FORM_COOKIE, "")
        new_form_token = "" if form_token else token(16)
        response = self.templates.page(
            template,
            status=status,
            request=self,
            t=self.t,
            lang=self.preferences.language,
            theme=self.preferences.theme,
            merchant=self.selected_merchant,
            form_token=form_token or new_form_token,
            done=FLASH.get(self.query("done")),
            **self.shown(context),
        )
        if new_form_token:
            self.set_cookie(response, FORM_COOKIE, new_form_token, life_s=_FORM_COOKIE_LIFE_S)
        return response

    def require_recent_proof(self) -> None:
        """Raise `NotAllowed("identity_unconfirmed")` unless the user proved who they are lately.

        Call it first in an endpoint whose operation another person at an open browser must not do.
        The page then asks for the password, and the same request continues with it.
        """
        if not self.has_recent_proof:
            raise NotAllowed("identity_unconfirmed")

    @property
    def has_recent_proof(self) -> bool:
        """Whether the user signed in or gave the password within the last minutes."""
        return self.signed_in_session.is_recent(self.engine.clock.now())

    def redirect(self, path: str) -> Response:
        return self.templates.see_other(path)

    def csv_file(
        self, name: str, columns: Iterable[str], rows: AsyncIterator[Iterable[object]]
    ) -> Response:
        """Stream rows as a CSV file: a million rows need no more memory than one."""

        async def lines() -> AsyncIterator[str]:
            yield "\ufeff" + _csv_line(columns)  # the mark lets spreadsheets read Korean
            async for row in rows:
                yield _csv_line(row)

        return StreamingResponse(
            lines(),
            media_type="text/csv; charset=utf-8",
            headers={
                **SECURITY_HEADERS,
                "Content-Disposition": f'attachment; filename="{name}-{self.merchant.code}.csv"',
            },
        )

    def set_cookie(self, response: Response, name: str, value: str, *, life_s: int) -> None:
        """Set a cookie that no script can read and that other sites cannot send."""
        response.set_cookie(
            name,
            value,
            max_age=life_s,
            path=self.console_url(),
            secure=urlsplit(self.engine.public_url).scheme == "https",
            httponly=True,
            samesite="lax",
        )

    def set_device(self, response: Response, device: str) -> None:
        """Let the browser name itself as a known device at the next sign-in."""
        life_s = int(DEVICE_LIFE.total_seconds())
        self.set_cookie(response, DEVICE_COOKIE, device, life_s=life_s)

    def delete_cookie(self, response: Response, name: str) -> None:
        response.delete_cookie(name, path=self.console_url())

    async def audit_view(self, action: str, *, target: str, detail: str | None = None) -> None:
        """Write that this user sees personal data, or nothing if it is masked."""
        if self.may_view_personal_data:
            await record_view(
                self.engine,
                self.merchant_id,
                self.user,
                action,
                target=target,
                detail=detail,
                client=self.client,
            )

    async def audit(
        self, action: str, *, target: str | None = None, detail: str | None = None
    ) -> None:
        """Write what the user does into the audit log."""
        await record_audit(
            self.engine,
            self.selected_merchant.merchant_id if self.selected_merchant else None,
            self.user,
            action,
            target=target,
            detail=detail,
            client=self.client,
        )


def whole_number(text: str) -> int | None:
    """Return the digits as a number that fits a database id, else None."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS_MAX
    return int(text) if is_number else None


def range_of(ids: Sequence[str]) -> str:
    """Return how many rows a list showed, and which, for the audit log."""
    ends = " … ".join(dict.fromkeys((ids[0], ids[-1]))) if ids else ""
    return f"{len(ids)}: {ends}" if ids else "0"


def next_url(page: Page[Any], *, name: str = "after", **params: str) -> str | None:
    """Return the query of the link to the next page with its other parameters; None: last page."""
    if page.next_cursor is None:
        return None
    filters = {key: value for key, value in params.items() if value}
    return "?" + urlencode({**filters, name: page.next_cursor.encode()})


def _csv_line(cells: Iterable[object]) -> str:
    buffer = io.StringIO()
    csv.writer(buffer).writerow([safe_cell("" if cell is None else str(cell)) for cell in cells])
    return buffer.getvalue()


def safe_cell(text: str) -> str:
    """Return a cell that no spreadsheet runs as a formula: buyers choose these texts."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
