"""Each state, event, action, code and reason has a label in both languages; no label is unused."""

import inspect
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import dasi
from dasi.console import errors
from dasi.console.labels.times import format_duration, relative_time
from dasi.console.payments import reason_labels
from dasi.console.payments.reason_labels import reason_label
from dasi.console.routes import ROUTES
from dasi.console.templates import labels
from dasi.ledger import Status
from dasi.providers.decline_reasons import REASONS
from dasi.providers.kicc import reasons
from dasi.providers.port import AttemptKind
from dasi.schedules import ScheduleStatus
from dasi.users import Role

SOURCE = Path(inspect.getfile(dasi)).parent


def holds_labels(path: Path) -> bool:
    """Whether a file of the gateway holds labels of the console."""
    return path.parent.name == "labels" or path.name == "reason_labels.py"


HANGUL = re.compile("[가-힣]")
# `f"reversal_{type(outcome).__name__.lower()}"` and `kind || '_requested'`.
COMPOSED_EVENTS = {
    *(f"reversal_{outcome}" for outcome in ("cancelled", "declined", "unknown", "notsent")),
    *(f"{kind}_requested" for kind in AttemptKind if kind is not AttemptKind.DELETE_KEY),
}


def source_texts() -> dict[Path, str]:
    """The Python files of the gateway, without those that hold the labels."""
    return {path: path.read_text() for path in SOURCE.rglob("*.py") if not holds_labels(path)}


def written(pattern: str) -> set[str]:
    """The groups that a pattern finds in the gateway's code."""
    return {match for text in source_texts().values() for match in re.findall(pattern, text)}


def checked_values(table: str, column: str) -> set[str]:
    """The values that a column's CHECK constraint allows."""
    sql = (SOURCE / "migrations" / "0001_initial.sql").read_text()
    body = sql.split(f"CREATE TABLE {table} (")[1].split("\n);")[0]
    match = re.search(rf"CHECK \({column} IN\s*\(([^)]+)\)", body)
    assert match, (table, column)
    return set(re.findall(r"'(\w+)'", match[1]))


def test_every_decline_reason_has_advice_in_both_languages() -> None:
    known = {*reasons.REASON_OF_CODE.values(), *(slug for _, slug in reasons.REASON_OF_TEXT)}
    assert known <= set(REASONS)
    for slug in REASONS:
        advice, payer_text = labels.advice(slug, None), labels.payer_text(slug)
        assert advice is not None
        assert payer_text is not None
        assert HANGUL.search(advice.ko), slug
        assert HANGUL.search(payer_text.ko), slug
        assert not HANGUL.search(advice.en + payer_text.en), slug


def test_states_and_kinds_have_exactly_the_labels_of_their_columns() -> None:
    assert labels.STATUS.keys() == set(Status) == checked_values("payments", "status")
    assert labels.KEY_ISSUE_STATUS.keys() == labels.STATUS.keys()
    assert labels.ATTEMPT.keys() == checked_values("pg_attempts", "state")
    assert labels.ATTEMPT_KIND.keys() == set(AttemptKind) == checked_values("pg_attempts", "kind")
    assert labels.DELIVERY.keys() == checked_values("deliveries", "state")
    assert labels.SCHEDULE.keys() == set(ScheduleStatus) == checked_values("schedules", "status")
    assert labels.KEY.keys() == checked_values("billing_keys", "status")
    assert labels.SOURCE.keys() == checked_values("payments", "source")
    assert labels.KEY_FIELDS.keys() == checked_values("channels", "key_fields")
    assert labels.LANGUAGE.keys() == checked_values("channels", "language")
    assert labels.LATE_APPROVAL_POLICY.keys() == checked_values("channels", "late_approval_policy")
    assert labels.ROLE.keys() == labels.ROLE_DESCRIPTION.keys() == set(Role)


def test_every_event_type_has_a_label_and_every_label_an_event_type() -> None:
    literal = written(r'event_type="(\w+)"') | written(r"'(\w+_requested)'")
    named = {slug for slug in labels.EVENT if slug in written(r"[\"'](\w+)[\"']")}
    assert literal - labels.EVENT.keys() == set()
    assert COMPOSED_EVENTS - labels.EVENT.keys() == set()
    assert labels.EVENT.keys() - named - COMPOSED_EVENTS == set()


def test_every_audit_action_has_a_label_and_every_label_an_action() -> None:
    actions = (
        written(r'request\.audit\(\s*"(\w+)"')
        | written(r'record_own_audit\(\s*engine, (?:session\.)?user, "(\w+)"')
        | written(r'\baction="(\w+)"')
        | written(r'"(\w+_(?:viewed|listed|searched|shown))"')
    )
    assert actions == labels.AUDIT_ACTION.keys()


def test_every_code_of_the_gateway_has_advice_and_every_advice_a_code() -> None:
    codes = written(r'\bcode="([A-Z_]{5,})"')
    assert codes - labels.FAIL_CODE.keys() == set()
    assert labels.FAIL_CODE.keys() - written(r'"([A-Z_]{5,})"') == set()


def test_every_flash_message_is_used_and_every_redirect_has_one() -> None:
    slugs = written(r"\bdone=([a-z_]+)\b") | written(r'redirect_to_day\(request, "(\w+)"\)')
    assert slugs == labels.FLASH.keys()


def test_every_actor_has_a_label_and_every_label_an_actor() -> None:
    actors = written(r'\bactor="(\w+)"')
    assert actors - labels.ACTOR.keys() == set()
    assert labels.ACTOR.keys() - actors == {"kicc"}, "the provider's own name"


def test_every_error_message_belongs_to_an_error() -> None:
    texts = [text for path, text in source_texts().items() if path != Path(errors.__file__)]
    unused = {slug for slug in errors.MESSAGES if not any(f'"{slug}"' in text for text in texts)}
    assert unused == set()


def test_every_prefix_of_a_reason_is_written_by_the_code() -> None:
    texts = "\n".join(source_texts().values())
    prefixes = [prefix for prefix, _ in reason_labels.LABELS_BY_PREFIX]
    assert [prefix for prefix in prefixes if f'"{prefix}' not in texts] == []


# A word of ours -> the word of PortOne's and Toss's consoles. docs/glossary.md has the terms.
REPLACED_WORDS = {
    r"PG 설정|PG settings|(기본|테스트|실결제|실연동) PG\b|PG(사)? 추가": "채널, channel",
    r"실결제": "실연동",
    r"(?<!in_)[Dd]oubts?\b|사람이 볼|직접 확정|Decide": "미확정 거래, unresolved; 수동 처리",
    r"되돌리|알려지지 않은 승인|\b[Uu]ndo(ing)?\b": "망취소, reversal; 복원, restore",
    r"예약 결제|예약 취소|[Rr]evoke[sd]? .*schedule": "결제 예약, 예약 해지, schedule",
    r"멈춤|멈추|[Ss]top switch": "일시 중지, pause",
    r"다시 보내|재전송|[Ss]end again": "재발송, resend",
    r"있었던 일|다음에 일어날|[Ww]hat happen": "처리 이력, Timeline; 예정된 처리, Next steps",
    r"왜 실패|[Ww]hy .*fail": "실패 사유, Failure reason",
    r"찾기|\bFind\b": "검색, Search",
    r"\b[Ss]hops?\b(?!\.example)": "가맹점, merchant",
    r"\"없습니다\.\"|\"None\.\"": "an empty state names its noun",
}


@pytest.mark.parametrize(("pattern", "term"), REPLACED_WORDS.items())
def test_the_console_speaks_as_merchants_know_it(pattern: str, term: str) -> None:
    console = SOURCE / "console"
    files = [*console.rglob("*.html"), console / "errors.py"]
    files += [path for path in console.rglob("*.py") if holds_labels(path)]
    files += [console / "payments" / name for name in ("next_actions.py", "timeline.py")]
    lines = [
        f"{path.name}: {match[0]}"
        for path in files
        for match in re.finditer(pattern, path.read_text())
    ]
    assert lines == [], f"say {term}"


def test_every_menu_entry_leads_to_a_page() -> None:
    pages = {route.path.partition("{code}")[2] for route in ROUTES if route.method == "GET"}
    assert {path for group in labels.MENU for path, _ in group} <= pages


@pytest.mark.parametrize(
    ("reason", "korean"),
    [
        ("looked_up", "PG 거래 조회로 확인"),
        ("no answer: ServerDisconnectedError", "응답 전에 연결 끊김"),
        ("HTTP 200 with text/html", "해석할 수 없는 응답"),
        ("HTTP 503", "PG 서버 오류"),
        ("limit_exceeded", REASONS["limit_exceeded"].operator_ko),
        ("resolved by user:kim@shop.example: 기록 없음", "kim@shop.example 수동 처리: 기록 없음"),
        ("something new", "something new"),
    ],
)
def test_a_stored_reason_is_shown_in_korean(reason: str, korean: str) -> None:
    label = reason_label(reason)
    assert label is not None
    assert label.ko == korean
    assert reason_label(None) is None


def test_times_and_durations_read_naturally_in_both_languages() -> None:
    now = datetime(2026, 9, 3, tzinfo=UTC)
    assert relative_time(now, now, language="ko") == "지금"
    assert relative_time(now - timedelta(minutes=3, seconds=20), now, language="ko") == "3분 전"
    assert relative_time(now + timedelta(hours=1), now, language="en") == "in 1 hour"
    assert relative_time(now - timedelta(days=2), now, language="en") == "2 days ago"
    assert [format_duration(seconds, language="en") for seconds in (0.44, 12, 180)] == [
        "0.4 s",
        "12 s",
        "3 minutes",
    ]
    assert [format_duration(seconds, language="ko") for seconds in (0.44, 12, 180)] == [
        "0.4초",
        "12초",
        "3분",
    ]
