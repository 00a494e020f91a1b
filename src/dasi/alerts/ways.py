"""The ways that alerts go: mail by SMTP, and the webhook of a chat.

Each sends one text, or raises `NotSentError` with a reason that holds no secret.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Awaitable, Callable, Mapping
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from functools import partial

import aiohttp
from aiohttp.abc import AbstractResolver

from dasi.foundation.errors import Invalid
from dasi.http.ssrf import AddressRefused, check_outgoing_url, outgoing_connector
from dasi.settings import Settings

TIMEOUT_S = 20.0

Send = Callable[[str, str], Awaitable[None]]
"""Send a subject and a text."""


class NotSentError(Exception):
    """The message did not leave, or nothing says that it arrived."""


def open_ways(
    settings: Settings,
    *,
    tls: ssl.SSLContext | None = None,
    resolver: AbstractResolver | None = None,
) -> Mapping[str, Send]:
    """Return the ways that the settings name. `tls` and `resolver` are for tests."""
    ways: dict[str, Send] = {}
    if settings.alert_mail_to:
        ways["mail"] = partial(_send_mail, settings, tls)
    if settings.alert_chat_url:
        ways["chat"] = partial(_send_chat, settings, resolver)
    return ways


async def _send_mail(
    settings: Settings, tls: ssl.SSLContext | None, subject: str, text: str
) -> None:
    """Hand a mail to the SMTP server, in a thread: smtplib blocks."""
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = settings.alert_mail_from
    mail["To"] = ", ".join(settings.alert_mail_to)
    mail["Date"] = formatdate()
    mail["Message-ID"] = make_msgid(domain=settings.alert_mail_from.rpartition("@")[2])
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail.set_content(text)
    try:
        await asyncio.to_thread(_hand_over, settings, tls or ssl.create_default_context(), mail)
    except smtplib.SMTPResponseException as refused:
        # The text of a server may repeat the account, so the reason has only its code.
        raise NotSentError(f"the mail server answered {refused.smtp_code}") from None
    except (smtplib.SMTPException, OSError) as failure:
        raise NotSentError(f"the mail server failed: {type(failure).__name__}") from None


def _hand_over(settings: Settings, tls: ssl.SSLContext, mail: EmailMessage) -> None:
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=tls)
    else:
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
    with server:
        if settings.smtp_security == "starttls":
            server.starttls(context=tls)  # it raises when the server does not offer it
        if settings.smtp_user:
            server.login(settings.smtp_user, settings.smtp_password)
        refused = server.send_message(mail)
    if refused:
        raise smtplib.SMTPRecipientsRefused(refused)


async def _send_chat(
    settings: Settings, resolver: AbstractResolver | None, subject: str, text: str
) -> None:
    """POST the text to the chat's webhook. The address obeys the rule of merchants' URLs (W5)."""
    is_local_allowed = settings.allow_local_webhooks
    try:
        if not is_local_allowed:
            check_outgoing_url("alert_chat_url", settings.alert_chat_url)
        async with (
            aiohttp.ClientSession(
                connector=outgoing_connector(
                    is_public_only=not is_local_allowed, resolver=resolver
                ),
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                cookie_jar=aiohttp.DummyCookieJar(),
            ) as http,
            http.post(
                settings.alert_chat_url,
                json={"text": f"*{subject}*\n{text}"},
                headers={"User-Agent": "dasi-alerts"},
                allow_redirects=False,
            ) as response,
        ):
            status = response.status
    except Invalid:
        raise NotSentError("the URL of the chat cannot be a public web server") from None
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as failure:
        # The error of aiohttp repeats the URL, which is secret.
        reason = "the address is not public" if _is_refused(failure) else type(failure).__name__
        raise NotSentError(f"the chat failed: {reason}") from None
    if not 200 <= status < 300:  # noqa: PLR2004  # HTTP's successes
        raise NotSentError(f"the chat answered HTTP {status}")


def _is_refused(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
