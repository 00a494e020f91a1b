"""The templates of the console: its filters and the security headers of its pages."""

from types import SimpleNamespace
from urllib.parse import quote

from dasi.console.labels import audit_actions, failures, flashes, label, settings, states, times
from dasi.engine import Engine
from dasi.http import templates
from dasi.http.templates import kst, security_headers

SECURITY_HEADERS = security_headers(
    form_action="'self'", referrer_policy="same-origin", opener_policy="same-origin"
)


labels = SimpleNamespace(
    **{
        name: value
        for module in (label, states, settings, audit_actions, flashes, failures, times)
        for name, value in vars(module).items()
        if not name.startswith("_")
    }
)
"""`labels` of the templates: the tables and functions of every module of labels."""


class Templates(templates.Templates):
    """The shared templates with what the console's pages use."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(
            "dasi.console",
            public_url=engine.public_url,
            static_path="/console/-",
            headers=SECURITY_HEADERS,
        )
        self.environment.globals |= {"labels": labels, "root": self.root}
        self.environment.filters |= {
            "kst_short": kst("%m-%d %H:%M"),
            "kst_time": kst("%H:%M:%S"),
            "kst_day": kst("%Y-%m-%d"),
            "relative_time": lambda at, lang: times.relative_time(
                at, engine.clock.now(), language=lang
            ),
            "format_duration": lambda seconds, lang: times.format_duration(seconds, language=lang),
            # `urlencode` leaves a slash as it is, and a customer's name may hold one.
            "path_segment": lambda name: quote(name, safe=""),
            "iso": lambda at: at.isoformat(timespec="milliseconds"),
        }
