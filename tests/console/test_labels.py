"""What a person reads: every reason, act, event and cause has its words in both languages."""

import inspect
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import dasi
from dasi.console import labels
from dasi.console.labels import format_duration, relative_time
from dasi.console.payments.reason_labels import reason_label
from dasi.providers.decline_reasons import REASONS
from dasi.providers.kicc import reasons

SOURCE = Path(inspect.getfile(dasi)).parent
HANGUL = re.compile("[가-힣]")


def written(pattern: str) -> set[str]:
    """What the product's own code writes in these places."""
    told = "\n".join(path.read_text() for path in SOURCE.rglob("*.py"))
    return set(re.findall(pattern, told))


def test_every_reason_the_adapter_knows_has_advice_in_both_languages() -> None:
    known = {*reasons.REASON_OF_CODE.values(), *(slug for _, slug in reasons.REASON_OF_TEXT)}
    assert known <= set(REASONS)
    for slug in REASONS:
        told, payer = labels.advice(slug, None), labels.payer_text(slug)
        assert told is not None
        assert payer is not None
        assert HANGUL.search(told.ko), slug
        assert HANGUL.search(payer.ko), slug
        assert not HANGUL.search(told.en + payer.en), slug


def test_every_code_of_our_own_and_every_act_has_its_words() -> None:
    codes = written(r'\bcode="([A-Z_]{5,})"')
    acts = written(r'request\.audit\(\s*"(\w+)"')
    assert len(codes) > 2
    assert len(acts) > 15
    assert {code for code in codes if labels.advice(None, code) is None} == set()
    assert acts - set(labels.AUDIT_ACTION) == set()


@pytest.mark.parametrize(
    ("told", "korean"),
    [
        ("looked_up", "PG에 물어 확인함"),
        ("no answer: ServerDisconnectedError", "응답을 받기 전에 연결이 끊김"),
        ("HTTP 200 with text/html", "읽을 수 없는 응답"),
        ("HTTP 503", "PG 서버 오류"),
        ("limit_exceeded", REASONS["limit_exceeded"].operator_ko),
        ("resolved by person:kim@shop.example: 기록 없음", "kim@shop.example 확정: 기록 없음"),
        ("something new", "something new"),
    ],
)
def test_a_cause_is_told_in_the_readers_language(told: str, korean: str) -> None:
    found = reason_label(told)
    assert found is not None
    assert found.ko == korean
    assert reason_label(None) is None


def test_time_is_told_as_people_say_it() -> None:
    now = datetime(2026, 9, 3, tzinfo=UTC)
    assert relative_time(now, now, language="ko") == "지금"
    assert relative_time(now - timedelta(minutes=3, seconds=20), now, language="ko") == "3분 전"
    assert relative_time(now + timedelta(hours=1), now, language="en") == "in 1 hour"
    assert relative_time(now - timedelta(days=2), now, language="en") == "2 days ago"
    assert [format_duration(one, language="en") for one in (0.44, 12, 180)] == [
        "0.4 s",
        "12 s",
        "3 minutes",
    ]
    assert [format_duration(one, language="ko") for one in (0.44, 12, 180)] == [
        "0.4초",
        "12초",
        "3분",
    ]
