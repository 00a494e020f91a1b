"""A mail server on this machine: it takes mail by SMTP, with TLS and sign-in as a test chooses."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from support.certificates import make_certificate
from support.served_app import free_socket

USER, PASSWORD = "dasi", "mail-secret-1"


@dataclass
class MailServer:
    """What arrived, and the reply that refuses a mail if there is one."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    has_started_tls: list[bool] = field(default_factory=list)
    refusal: str | None = None
    trust: ssl.SSLContext | None = None

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802  # aiosmtpd calls it so
        if self.refusal is not None:
            return self.refusal
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        self.recipients.append(list(envelope.rcpt_tos))
        self.has_started_tls.append(session.ssl is not None)
        return "250 OK"


def _authenticate(
    _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any
) -> AuthResult:
    is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (
        USER.encode(),
        PASSWORD.encode(),
    )
    return AuthResult(success=is_right, handled=False)


@contextmanager
def mail_server(
    folder: Path, *, security: str = "off", needs_sign_in: bool = False
) -> Iterator[MailServer]:
    """Run a mail server for a test. `folder` holds its certificate."""
    server = MailServer()
    options: dict[str, Any] = {}
    if security != "off":
        certificate, key = make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        server.trust = ssl.create_default_context(cafile=str(certificate))
        name = "tls_context" if security == "starttls" else "ssl_context"
        options = {name: context}
        if security == "starttls":
            options["require_starttls"] = True
    if needs_sign_in:
        options |= {"auth_required": True, "authenticator": _authenticate}
        options["auth_require_tls"] = security == "starttls"
    controller = Controller(server, hostname="127.0.0.1", port=_free_port(), **options)
    controller.start()
    server.port = controller.port
    try:
        yield server
    finally:
        controller.stop()


def _free_port() -> int:
    with free_socket() as listening:
        return int(listening.getsockname()[1])
