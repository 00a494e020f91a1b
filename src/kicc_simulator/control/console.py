"""The console at ``/_simulator/``: KICC's records and requests, with buttons of the control API.

The server renders it, it refreshes itself and uses no other host. Secrets are masked.
"""

from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from kicc_simulator.control.console_texts import LANGUAGES, TEXTS
from kicc_simulator.control.journal import mask
from kicc_simulator.faults.effects import EFFECTS, digit_meanings
from kicc_simulator.faults.scenarios import ENDPOINTS
from kicc_simulator.ledger import admin
from kicc_simulator.rendering import render
from kicc_simulator.simulator import Simulator
from kicc_simulator.switches import Switches
from kicc_wire import codes

_ROWS_MAX = 100
_LANGUAGE_COOKIE = "kicc_simulator_lang"


class Console:
    """One page per tab."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._bank = simulator.bank
        self._tabs: dict[str, Callable[[str], dict[str, Any]]] = {
            "transactions": self._transactions,
            "keys": self._keys,
            "faults": self._faults,
            "notices": self._notices,
            "log": self._log,
            "malls": self._malls,
        }

    def routes(self) -> list[Route]:
        """The first tab at ``/_simulator/``, each at ``/_simulator/console/{tab}``."""
        return [
            Route("/_simulator/", self.show, methods=["GET"]),
            Route("/_simulator/console/{tab}", self.show, methods=["GET"]),
        ]

    async def show(self, request: Request) -> Response:
        """One tab as a page."""
        tab = request.path_params.get("tab", "transactions")
        if tab not in self._tabs:
            return Response("no such page\n", 404, media_type="text/plain")
        language = _language(request)
        page = render(
            f"console_{tab}.html",
            t=TEXTS[language],
            tab=tab,
            tabs=list(self._tabs),
            now=self._bank.clock.now(),
            held=self._simulator.holds.requests,
            statuses=codes.STATUSES,
            **self._tabs[tab](language),
        )
        response = HTMLResponse(page, headers={"Cache-Control": "no-store"})
        response.set_cookie(_LANGUAGE_COOKIE, language, samesite="lax", path="/_simulator/")
        return response

    def _transactions(self, _language: str) -> dict[str, Any]:
        by_mall, _ = admin.sums(self._bank)
        latest = islice(reversed(self._bank.transactions.values()), _ROWS_MAX)
        return {
            "sums": by_mall,
            "transactions": [(paid, admin.cancelled_krw(paid)) for paid in latest],
            "total": len(self._bank.transactions),
            "holding": codes.STATUSES_HOLDING_MONEY,
        }

    def _keys(self, _language: str) -> dict[str, Any]:
        latest = islice(reversed(self._bank.keys.values()), _ROWS_MAX)
        sessions = islice(reversed(self._bank.sessions.values()), _ROWS_MAX)
        return {
            "keys": [(mask(key.batch_key), key) for key in latest],
            "sessions": list(sessions),
            "window_path": codes.WINDOW_PATH,
        }

    def _faults(self, language: str) -> dict[str, Any]:
        return {
            "endpoints": ENDPOINTS,
            "effects": [
                (effect.name, effect.korean if language == "ko" else effect.description)
                for effect in EFFECTS.values()
            ],
            "scenarios": self._simulator.scenarios.waiting,
            "wanted": self._simulator.holds.planned,
            "digit_meanings": digit_meanings(language),
            "switches": _switches_shown(self._bank.switches),
        }

    def _notices(self, _language: str) -> dict[str, Any]:
        return {
            "notices": self._simulator.notices.all()[::-1][:_ROWS_MAX],
            "kinds": codes.NOTICE_TYPES,
        }

    def _log(self, _language: str) -> dict[str, Any]:
        entries = self._simulator.journal.shown(_ROWS_MAX)
        for entry in entries:
            request, answer = entry["request"], entry["answer"]
            entry["result"] = answer.get("resCd", "") if isinstance(answer, dict) else ""
            entry["order"] = request.get("shopOrderNo", "") if isinstance(request, dict) else ""
            for part in ("request", "answer"):
                entry[part] = _pretty(entry[part])
        return {"entries": entries}

    def _malls(self, _language: str) -> dict[str, Any]:
        return {
            "malls": list(self._bank.malls.values()),
            "permissions": ("payment", "billing", "partial_cancel", "auto_capture"),
        }


def _language(request: Request) -> str:
    chosen = request.query_params.get("lang") or request.cookies.get(_LANGUAGE_COOKIE)
    if chosen in LANGUAGES:
        return chosen
    return "ko" if request.headers.get("accept-language", "ko").startswith("ko") else "en"


def _switches_shown(switches: Switches) -> list[tuple[str, str, Any, list[str]]]:
    """Name, kind of input, value and choices of every switch on the page."""
    shown: list[tuple[str, str, Any, list[str]]] = []
    for spec in msgspec.structs.fields(Switches):
        value = getattr(switches, spec.name)
        choices = [str(choice) for choice in getattr(spec.type, "__args__", ())]
        if isinstance(value, bool):
            shown.append((spec.name, "bool", value, []))
        elif isinstance(value, str) and choices:
            shown.append((spec.name, "choice", value, choices))
        elif isinstance(value, int | float):
            shown.append((spec.name, "number", f"{value:g}", []))
    return shown


def _pretty(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
