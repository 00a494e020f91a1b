"""Logs: one JSON line an event, and no secret in any field."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from dasi.foundation.logging import HIDDEN
from support.logs import logged

CARD = "5555555555554444"
SECRET = "hush-hush-hush"  # what must not be found


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    with logged() as stream:
        yield stream


def one_line(log: io.StringIO) -> dict[str, object]:
    (line,) = log.getvalue().splitlines()
    return json.loads(line)


def test_a_line_says_when_how_grave_and_who(log: io.StringIO):
    structlog.get_logger("dasi.payments").warning("outcome_unknown", imp_uid="imp_1", amount=1000)
    line = one_line(log)
    assert line["event"] == "outcome_unknown"
    assert line["level"] == "warning"
    assert line["logger"] == "dasi.payments"
    assert (line["imp_uid"], line["amount"]) == ("imp_1", 1000)
    assert str(line["timestamp"]).endswith("Z")


@pytest.mark.parametrize(
    "name",
    [
        *("authorization", "Authorization", "api_secret", "imp_secret", "secret", "secretKey"),
        *("token", "access_token", "window_token", "billing_key", "billingKey", "batchKey"),
        *("card_number", "cardNo", "cvc", "pwd_2digit", "password", "birth", "cookie"),
        *("Set-Cookie", "vault_keys", "DASI_VAULT_KEYS", "msgAuthValue"),
    ],
)
def test_field_named_like_a_secret_is_hidden_at_any_depth(log: io.StringIO, name: str):
    structlog.get_logger().info("asked", body={"lines": [{name: SECRET}]}, **{name: SECRET})
    assert SECRET not in log.getvalue()
    assert one_line(log)[name] == HIDDEN


@pytest.mark.parametrize(
    "text",
    [
        f"charging {CARD} now",
        f"charging {CARD[:4]}-{CARD[4:8]}-{CARD[8:12]}-{CARD[12:]} now",
        f"charging {CARD[:4]} {CARD[4:8]} {CARD[8:12]} {CARD[12:]} now",
    ],
)
def test_card_number_is_hidden_in_any_text_or_number(log: io.StringIO, text: str):
    structlog.get_logger().info(text, note=text, number=int(CARD), pairs=[(text,)])
    line = one_line(log)
    assert line["event"] == line["note"] == f"charging {HIDDEN} now"
    assert line["number"] == HIDDEN
    assert line["pairs"] == [[f"charging {HIDDEN} now"]]


def test_ids_and_amounts_that_are_no_card_numbers_stay(log: io.StringIO):
    facts = {"pg_tid": "26090310014410700041", "imp_uid": "imp_100000000001", "at": 1788400800}
    structlog.get_logger().info("paid", amount_krw=2147483647, masked="451842******0005", **facts)
    line = one_line(log)
    assert {name: line[name] for name in facts} == facts
    assert (line["amount_krw"], line["masked"]) == (2147483647, "451842******0005")


@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://dasi:{SECRET}@db-1,db-2/dasi",
        f"Authorization: Bearer {SECRET}",
        f"POST /users/getToken?imp_key=1&imp_secret={SECRET}&x=1",
        f"GET /payments/imp_1?_token={SECRET}",
        f'{{"imp_secret": "{SECRET}", "amount": 1}}',
        f"{{'batchKey': '{SECRET}'}}",
    ],
)
def test_secret_inside_a_text_is_hidden(log: io.StringIO, text: str):
    structlog.get_logger().info("said", text=text)
    assert SECRET not in log.getvalue()
    assert HIDDEN in log.getvalue()


def test_traceback_keeps_its_lines_and_loses_its_secrets(log: io.StringIO):
    def ask(secret: str) -> None:
        raise ValueError(f"refused: api_secret={secret} card={CARD}")

    try:
        ask(SECRET)
    except ValueError:
        structlog.get_logger().exception("failed")
    line = one_line(log)
    assert "in ask" in str(line["exception"])
    assert SECRET not in log.getvalue()
    assert CARD not in log.getvalue()


def test_logs_of_libraries_go_the_same_way(log: io.StringIO):
    logging.getLogger("uvicorn.error").info("connected to %s", f"postgresql://a:{SECRET}@h/d")
    line = one_line(log)
    assert line["logger"] == "uvicorn.error"
    assert line["event"] == f"connected to postgresql://a:{HIDDEN}@h/d"


def test_line_that_cannot_be_made_is_counted_and_its_arguments_are_not_printed(
    log: io.StringIO, capfd: pytest.CaptureFixture[str]
):
    (handler,) = (
        handler for handler in logging.root.handlers if getattr(handler, "stream", None) is log
    )
    broken = {"name": "aiohttp", "msg": "two %s %s", "args": (f"password={SECRET}",)}
    handler.handle(logging.makeLogRecord(broken))
    line = one_line(log)
    assert (line["event"], line["why"]) == ("log_line_lost", "TypeError")
    assert str(line["where"]).startswith("aiohttp:")
    assert SECRET not in log.getvalue() + "".join(capfd.readouterr())


def test_line_of_ours_that_cannot_be_made_does_not_reach_who_logs(log: io.StringIO):
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError(SECRET)

    structlog.get_logger("dasi.payments").info("paid", odd=Odd())
    line = one_line(log)
    assert (line["event"], line["where"]) == ("log_line_lost", "dasi.payments")
    assert line["why"] == "RuntimeError"
    assert SECRET not in log.getvalue()


def test_line_names_the_module_that_wrote_it(log: io.StringIO):
    structlog.get_logger().info("here")
    assert one_line(log)["logger"] == __name__


def test_less_than_the_level_is_not_logged(log: io.StringIO):
    structlog.get_logger().debug("detail")
    assert log.getvalue() == ""


def test_text_format_hides_as_much_as_json():
    with logged("text") as log:
        try:
            int(f"password={SECRET}")
        except ValueError:
            structlog.get_logger("dasi").exception("failed", secret=SECRET)
    assert "failed" in log.getvalue()
    assert "Traceback" in log.getvalue()
    assert SECRET not in log.getvalue()


def test_control_characters_in_text_are_written_as_escapes():
    hostile = "a\x1b[2J\x1b]0;owned\x07\x9b31m\u202e\r\n2026-01-01 [info] paid"
    with logged("text") as stream:
        structlog.get_logger().info(hostile, path=hostile, headers=[hostile])
        logging.getLogger("uvicorn.error").warning("bad request: %s", hostile)
        try:
            int(hostile)
        except ValueError:
            structlog.get_logger().exception("failed")
    text = stream.getvalue()
    assert {mark for mark in text if not mark.isprintable()} <= {"\n"}
    assert "\\x1b[2J" in text
    traceback_lines = text.partition("Traceback")[2].splitlines()
    assert any("in test_control_characters" in line for line in traceback_lines)
