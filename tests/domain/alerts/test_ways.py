"""Alerts leave by SMTP and into a chat; nothing secret shows when they do not."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dasi.alerts.conditions import certificate_conditions
from dasi.alerts.ways import NotSentError, open_ways
from dasi.foundation.errors import OperatorError
from dasi.settings import Settings, read_settings
from support.gateway_merchant import environment
from support.mail_server import PASSWORD, USER, MailServer, mail_server
from support.webhook_endpoint import receiving

TO = "ops@example.com, night@example.com"


def settings_of(**more: str) -> Settings:
    variables = environment(
        "postgresql://nobody@127.0.0.1/none", kicc_url="http://127.0.0.1:9", public_url="http://x"
    )
    variables.pop("DASI_ALLOW_LOCAL_WEBHOOKS", None)
    return read_settings({**variables, **more})


def mail_settings(server: MailServer, security: str, **more: str) -> Settings:
    return settings_of(
        DASI_ALERT_MAIL_TO=TO,
        DASI_ALERT_MAIL_FROM="dasi@example.com",
        DASI_SMTP_HOST="127.0.0.1",
        DASI_SMTP_PORT=str(server.port),
        DASI_SMTP_SECURITY=security,
        **more,
    )


@pytest.mark.parametrize("security", ["off", "starttls", "tls"])
async def test_mail(tmp_path: Path, security: str) -> None:
    with mail_server(tmp_path, security=security) as server:
        send = open_ways(mail_settings(server, security), tls=server.trust)["mail"]
        await send("[dasi] 문제", "결제 imp_1\nhttps://pay.example/console")

    mail = server.mails[0]
    assert mail["Subject"] == "[dasi] 문제"
    assert mail["From"] == "dasi@example.com"
    assert "결제 imp_1" in mail.get_content()
    assert mail["Auto-Submitted"] == "auto-generated"
    assert server.recipients == [["ops@example.com", "night@example.com"]]
    assert server.has_started_tls == [security == "starttls"]


async def test_mail_with_sign_in_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "smtp"
    secret.write_text(f"{PASSWORD}\n")
    with mail_server(tmp_path, security="starttls", needs_sign_in=True) as server:
        settings = mail_settings(
            server, "starttls", DASI_SMTP_USER=USER, DASI_SMTP_PASSWORD_FILE=str(secret)
        )
        assert PASSWORD not in repr(settings)
        await open_ways(settings, tls=server.trust)["mail"]("s", "t")
    assert len(server.mails) == 1


async def test_a_wrong_password_is_not_shown(tmp_path: Path) -> None:
    with mail_server(tmp_path, security="starttls", needs_sign_in=True) as server:
        settings = mail_settings(
            server, "starttls", DASI_SMTP_USER=USER, DASI_SMTP_PASSWORD="wrong-word"
        )
        with pytest.raises(NotSentError, match="the mail server answered 535") as failure:
            await open_ways(settings, tls=server.trust)["mail"]("s", "t")
    assert "wrong-word" not in str(failure.value)


async def test_no_mail_without_the_tls_of_the_settings(tmp_path: Path) -> None:
    with (
        mail_server(tmp_path) as server,
        pytest.raises(NotSentError, match="SMTPNotSupportedError"),
    ):
        await open_ways(mail_settings(server, "starttls"))["mail"]("s", "t")
    assert not server.mails


async def test_no_mail_to_a_server_with_a_foreign_certificate(tmp_path: Path) -> None:
    with (
        mail_server(tmp_path, security="tls") as server,
        pytest.raises(NotSentError, match="SSLCertVerificationError"),
    ):
        await open_ways(mail_settings(server, "tls"))["mail"]("s", "t")
    assert not server.mails


async def test_a_mail_server_that_refuses_or_is_gone(tmp_path: Path) -> None:
    with mail_server(tmp_path) as server:
        server.refusal = "554 no"
        send = open_ways(mail_settings(server, "off"))["mail"]
        with pytest.raises(NotSentError, match="the mail server answered 554"):
            await send("s", "t")
    with pytest.raises(NotSentError, match="ConnectionRefusedError"):
        await send("s", "t")


async def test_chat() -> None:
    async with receiving() as endpoint:
        settings = settings_of(DASI_ALERT_CHAT_URL=endpoint.url, DASI_ALLOW_LOCAL_WEBHOOKS="on")
        await open_ways(settings)["chat"]("[dasi] 문제", "결제 imp_1")
        assert endpoint.posts[0].values == {"text": "*[dasi] 문제*\n결제 imp_1"}

        async def move(_post: object) -> int:
            return 302

        endpoint.answer = move
        with pytest.raises(NotSentError, match="HTTP 302"):
            await open_ways(settings)["chat"]("s", "t")


@pytest.mark.parametrize(
    "url", ["https://127.0.0.1/services/T0/s3cret", "https://169.254.169.254/s3cret"]
)
async def test_the_chat_must_be_public(url: str) -> None:
    with pytest.raises(NotSentError, match="not public") as failure:
        await open_ways(settings_of(DASI_ALERT_CHAT_URL=url))["chat"]("s", "t")
    assert "s3cret" not in str(failure.value)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"DASI_ALERT_MAIL_TO": "ops@example.com"}, "DASI_ALERT_MAIL_FROM"),
        ({"DASI_ALERT_MAIL_TO": "ops"}, "a mail address"),
        ({"DASI_ALERT_MAIL_TO": "a@b.kr\nBcc: x@y.kr"}, "a mail address"),
        ({"DASI_SMTP_USER": "x"}, "DASI_SMTP_PASSWORD"),
        ({"DASI_SMTP_USER": "x", "DASI_SMTP_PASSWORD": "y", "DASI_SMTP_SECURITY": "off"}, "off"),
        ({"DASI_ALERT_CHAT_URL": "http://hooks.example/T0/s3cret"}, "not https"),
        ({"DASI_ALERT_CHAT_URL": "https://u:p@hooks.example/s3cret"}, "DASI_ALERT_CHAT_URL"),
    ],
)
def test_settings_that_do_not_fit(wrong: dict[str, str], named: str) -> None:
    with pytest.raises(OperatorError) as error:
        settings_of(**wrong)
    message = f"{error.value.problem} {error.value.cause}"
    assert named in message
    assert "s3cret" not in message


async def test_a_certificate_that_ends_soon(tmp_path: Path) -> None:
    with mail_server(tmp_path, security="tls") as server:  # any TLS server will do
        trust = ssl.create_default_context(cafile=str(tmp_path / "certificate.pem"))
        url = f"https://127.0.0.1:{server.port}"
        conditions, kinds = await certificate_conditions(url, now=datetime.now(UTC), context=trust)
        assert [condition.facts["days"] for condition in conditions] == [0]
        assert kinds == ["certificate_ending"]
        # Clients refuse it: that is an alert, too.
        conditions, _ = await certificate_conditions(url, now=datetime.now(UTC))
        assert len(conditions) == 1
    # A host that does not answer is no certificate.
    assert await certificate_conditions(url, now=datetime.now(UTC)) == ([], [])
    assert await certificate_conditions("http://127.0.0.1", now=datetime.now(UTC)) == ([], [])
