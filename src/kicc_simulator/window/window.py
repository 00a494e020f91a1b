"""KICC's window (§6): where the payer approves, cancels, fails or closes.

The page is our own. The address, its protocol and the return are KICC's: the payer's browser posts
the return across origins, without a signature.
"""

import re
from typing import Any

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from kicc_simulator.faults.effects import digit_meanings, effect_of_card
from kicc_simulator.ledger import refusal
from kicc_simulator.ledger.bank import Bank, Session
from kicc_simulator.ledger.cards import DEFAULT_TEST_CARD, NotATestCard, read_card
from kicc_simulator.rendering import render
from kicc_simulator.window.window_texts import texts_for
from kicc_wire import codes
from kicc_wire.institutions import BANKS, BANKS_VIRTUAL_ACCOUNT, WALLETS
from kicc_wire.messages import RETURN_FIELDS, RETURN_NICK_NAME_FIELD

CHOICE_PATH = "/_simulator/window/{authorization_id}"
_MOBILE_BROWSER = re.compile(r"Android|iPhone|iPad|iPod|Mobile", re.IGNORECASE)
_INSTALLMENTS = (0, 2, 3, 6, 12)
_INSTALLMENT_FROM_KRW = 50_000
_CHOICES = ("approve", "cancel", "fail")
_CARD_METHODS = (
    codes.PAY_METHOD_ANY,
    codes.PAY_METHOD_CARD,
    codes.PAY_METHOD_WALLET,
    codes.PAY_METHOD_POINT,
    codes.PAY_METHOD_BILLING_KEY,
)
_ANY_METHODS = (
    codes.PAY_METHOD_CARD,
    codes.PAY_METHOD_BANK,
    codes.PAY_METHOD_VIRTUAL_ACCOUNT,
    codes.PAY_METHOD_MOBILE,
)
_BANK_METHODS = (
    codes.PAY_METHOD_ANY,
    codes.PAY_METHOD_BANK,
    codes.PAY_METHOD_VIRTUAL_ACCOUNT,
)
_FORM_FIELD_RULES = {
    "expiry": (r"\d{2}\s*/?\s*\d{2}", "유효기간은 MM/YY 형식입니다", "MM/YY is expected"),
    "birth": (r"\d{6}|\d{10}", "생년월일 6자리 또는 사업자번호 10자리", "6 or 10 digits expected"),
    "password": (r"\d{2}", "비밀번호 앞 2자리를 입력하세요", "2 digits are expected"),
}
_FIELDS_BY_CERT_TYPE = {
    "0": ("expiry", "birth", "password"),
    "1": ("expiry",),
    "2": ("expiry", "birth"),
}


class Outcome(Struct, frozen=True, kw_only=True):
    """How the window ends: what the return says."""

    res_cd: str
    res_msg: str


class Window:
    """The window's pages for the sessions of one bank."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank

    def routes(self) -> list[Route]:
        """KICC's window address, and ours for the payer's choice."""
        return [
            Route(codes.WINDOW_PATH, self.show, methods=["GET"]),
            Route(CHOICE_PATH, self.choose, methods=["POST"]),
        ]

    async def show(self, request: Request) -> Response:
        """The page; with ``?auto=approve|cancel|fail`` the return at once (machine mode)."""
        session = self._open(request.query_params.get("authorizationId", ""))
        if session is None:
            return _error_page()
        choice = request.query_params.get("auto")
        if choice is None:
            return self._page(session)
        if choice not in _CHOICES:
            return _error_page("auto는 approve, cancel, fail 중 하나여야 합니다")
        form = {"card": request.query_params.get("card", DEFAULT_TEST_CARD), "expiry": "12/30"}
        form |= {"birth": "900101", "password": "00"}
        form |= {
            name: request.query_params[name]
            for name in ("method", "wallet", "bank")
            if name in request.query_params
        }
        return self._decide(request, session, choice, form)

    async def choose(self, request: Request) -> Response:
        """The payer pressed a button."""
        session = self._open(request.path_params["authorization_id"])
        if session is None:
            return _error_page()
        form = {name: str(value) for name, value in (await request.form()).items()}
        choice = form.get("choice", "")
        if choice not in _CHOICES:
            return _error_page()
        return self._decide(request, session, choice, form)

    def _open(self, authorization_id: str) -> Session | None:
        """The session, opened now; pgCno is allocated here (§14.3). None: it cannot be used."""
        session = self._bank.sessions.get(authorization_id)
        if session is None or self._bank.clock.elapsed_s() > session.expires_s:
            return None
        if session.state == "registered":
            session.state = "opened"
            session.pg_cno = self._bank.numbers.pg_cno()
        return session if session.state == "opened" else None

    def _decide(
        self, request: Request, session: Session, choice: str, form: dict[str, str]
    ) -> Response:
        if choice == "approve":
            is_mobile = bool(_MOBILE_BROWSER.search(request.headers.get("user-agent", "")))
            blocks = self._bank.switches.mobile_in_pc_window == "WN14"
            if is_mobile and blocks and session.device == codes.DEVICE_PC:
                session.state = "failed"
                outcome = _outcome(codes.RESULT_WRONG_DEVICE)
            elif self._bank.switches.tamper:
                outcome = _outcome(codes.RESULT_OK)
            else:
                errors = self._authenticate(session, form)
                if errors:
                    return self._page(session, errors=errors, form=form)
                outcome = _outcome(codes.RESULT_OK)
        elif choice == "cancel":
            session.state = "cancelled"
            outcome = _outcome(codes.RESULT_USER_CANCELLED)
        else:
            session.state = "failed"
            outcome = Outcome(
                res_cd=self._bank.outward(refusal.AUTHENTICATION_FAILED),
                res_msg="카드 인증에 실패했습니다",
            )
        return self._return(request, session, outcome)

    def _authenticate(self, session: Session, form: dict[str, str]) -> dict[str, str]:
        """Read what was typed, keep only masks. Errors by field when it will not do."""
        method = form.get("method") or session.method
        if method == codes.PAY_METHOD_ANY:
            method = codes.PAY_METHOD_CARD
        if method in _CARD_METHODS:
            errors = self._read_typed_card(session, form)
            if errors:
                return errors
        session.chosen_method = method
        session.bank_code = form.get("bank", "") if form.get("bank") in BANKS else ""
        session.state = "authenticated"
        session.expires_s = self._bank.clock.elapsed_s() + self._bank.switches.session_minutes * 60
        return {}

    def _read_typed_card(self, session: Session, form: dict[str, str]) -> dict[str, str]:
        language = session.language
        errors = {}
        for name in _FIELDS_BY_CERT_TYPE.get(session.cert_type or "1", ()):
            pattern, korean, english = _FORM_FIELD_RULES[name]
            if not re.fullmatch(pattern, form.get(name, "").strip(), re.ASCII):
                errors[name] = korean if language == "KOR" else english
        try:
            session.card, last_digits = read_card(form.get("card", ""))
        except NotATestCard as error:
            errors["card"] = error.in_language(language)
            return errors
        session.effect = effect_of_card(last_digits)
        session.wallet = form.get("wallet", "") if form.get("wallet") in WALLETS else ""
        months = form.get("installment", "0")
        session.installment = int(months) if months in map(str, _INSTALLMENTS) else 0
        return errors

    def _page(
        self,
        session: Session,
        *,
        errors: dict[str, str] | None = None,
        form: dict[str, str] | None = None,
    ) -> Response:
        texts = texts_for(session.language)
        typed = form or {}
        is_card = session.method in _CARD_METHODS
        offers_installments = session.amount >= _INSTALLMENT_FROM_KRW
        page = render(
            "window.html",
            session=session,
            t=texts,
            is_billing=session.method == codes.PAY_METHOD_BILLING_KEY,
            is_card=is_card,
            is_bank=session.method in _BANK_METHODS,
            methods=_ANY_METHODS if session.method == codes.PAY_METHOD_ANY else (),
            method_names=codes.PAY_METHODS,
            fields=_FIELDS_BY_CERT_TYPE.get(session.cert_type or "1", ()),
            installments=_INSTALLMENTS if offers_installments else (),
            wallets=WALLETS if session.method != codes.PAY_METHOD_BILLING_KEY else {},
            banks={
                code: BANKS[code]
                for code in session.banks or BANKS_VIRTUAL_ACCOUNT
                if code in BANKS
            },
            default_card=_grouped(DEFAULT_TEST_CARD),
            digit_meanings=digit_meanings(texts["lang"]),
            errors=errors or {},
            typed={
                name: value for name, value in typed.items() if name not in ("card", "password")
            },
            action=CHOICE_PATH.format(authorization_id=session.authorization_id),
        )
        return HTMLResponse(page, status_code=422 if errors else 200, headers=_NOT_KEPT)

    def _return(self, request: Request, session: Session, outcome: Outcome) -> Response:
        """The page whose form the browser posts to the merchant by itself."""
        values = session.shop_values
        fields = {
            "resCd": outcome.res_cd,
            "resMsg": outcome.res_msg,
            "shopOrderNo": session.shop_order_no,
            "authorizationId": session.authorization_id,
        }
        fields |= {f"shopValue{n}": values[n - 1] for n in range(1, 8)}
        assert set(fields) == set(RETURN_FIELDS)
        if session.nick_name and outcome.res_cd == codes.RESULT_OK:
            fields[RETURN_NICK_NAME_FIELD] = "내 카드"
        names = list(fields)
        self._bank.dice.shuffle(names)
        shuffled = {name: fields[name] for name in names}
        is_double = self._bank.switches.double_post
        if "application/json" in request.headers.get("accept", ""):
            body: dict[str, Any] = {"action": session.return_url, "fields": shuffled}
            return JSONResponse(body | {"posts": 2 if is_double else 1}, headers=_NOT_KEPT)
        page = render(
            "return.html",
            t=texts_for(session.language),
            action=session.return_url,
            fields=shuffled,
            is_double=is_double,
        )
        return HTMLResponse(page, headers=_NOT_KEPT)


_NOT_KEPT = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def _outcome(res_cd: str) -> Outcome:
    message = codes.MESSAGE_OK if res_cd == codes.RESULT_OK else codes.RESULTS[res_cd]
    return Outcome(res_cd=res_cd, res_msg=message)


def _error_page(message: str = "") -> Response:
    page = render("window_error.html", message=message)
    return HTMLResponse(page, status_code=400, headers=_NOT_KEPT)


def _grouped(number: str) -> str:
    return " ".join(number[start : start + 4] for start in range(0, len(number), 4))
