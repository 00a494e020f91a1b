"""`dasi alerts test` as an operator types it."""

import asyncio
from pathlib import Path

from support.dasi_program import dasi
from support.gateway_merchant import environment
from support.mail_server import mail_server
from support.webhook_endpoint import receiving


async def test_each_way_gets_a_test(database_url: str, tmp_path: Path) -> None:
    env = environment(database_url, kicc_url="http://127.0.0.1:9", public_url="http://pay.test")
    with mail_server(tmp_path) as server:
        async with receiving() as chat:
            env |= {
                "DASI_ALERT_CHAT_URL": chat.url,
                "DASI_ALERT_MAIL_TO": "ops@example.com",
                "DASI_ALERT_MAIL_FROM": "dasi@example.com",
                "DASI_SMTP_HOST": "127.0.0.1",
                "DASI_SMTP_PORT": str(server.port),
                "DASI_SMTP_SECURITY": "off",
            }
            done = await asyncio.to_thread(dasi, "alerts", "test", env=env, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
            assert "http://pay.test/console" in chat.posts[0].values["text"]
            assert "There is nothing to do" in server.mails[0].get_content()

        # The chat is gone, and its URL is a secret.
        done = await asyncio.to_thread(dasi, "alerts", "test", env=env, cwd=tmp_path)
        assert done.returncode == 1
        assert "not sent: the chat failed: ClientConnectorError" in done.stdout
        assert chat.url not in done.stdout + done.stderr
        assert len(server.mails) == 2


def test_without_a_way_the_error_names_the_settings(database_url: str, tmp_path: Path) -> None:
    env = environment(database_url, kicc_url="http://127.0.0.1:9", public_url="http://pay.test")
    done = dasi("alerts", "test", env=env, cwd=tmp_path)
    assert done.returncode == 1
    assert "DASI_ALERT_MAIL_TO" in done.stderr
