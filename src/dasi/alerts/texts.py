"""The texts of alerts, in English and Korean. They hold no personal data and no secrets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from dasi.alerts.alert import DueMessage, Kind

Language = Literal["en", "ko"]
LINES_MAX = 20


@dataclass(frozen=True, slots=True)
class Text:
    """A condition and the way out, in one language."""

    problem: str
    fix: str


TEXTS: Mapping[Language, Mapping[Kind, Text]] = {
    "en": {
        "unresolved_past_deadline": Text(
            "The outcome of payment {payment} is not known. The lookups ended at {since}.",
            "Find the order in the PG's admin pages. Resolve it in the console. Do not charge it "
            "again.",
        ),
        "database_went_back": Text(
            "The database lost committed rows, or is a copy. The mode is {mode}.",
            "Run `dasi recover` and follow its text.",
        ),
        "endpoint_disabled": Text(
            "A webhook endpoint at {host} answered 410 and gets nothing since {since}.",
            "Ask the merchant for the new URL, or resume the endpoint.",
        ),
        "schedules_paused": Text(
            "Scheduled payments are paused since {since}.",
            "Resume them when the cause is gone.",
        ),
        "schedules_failing": Text(
            "{failed} of {started} scheduled payments of the last hour failed.",
            "Read the failure reasons. Pause the schedules if the reason lies with the PG.",
        ),
        "key_deletions_failing": Text(
            "{keys} billing keys could not be deleted at the PG.",
            "Read the reason on the customer's page. Ask the PG to delete the keys.",
        ),
        "certificate_ending": Text(
            "The certificate of {host} ends in {days} days, or is refused.",
            "Renew the certificate at the proxy.",
        ),
        "backup_old": Text(
            "The newest backup is {hours} hours old.",
            "Run `dasi backup` by hand and read its error.",
        ),
        "backup_missing": Text(
            "The folder of DASI_BACKUP_DIR has no backup.",
            "Run `dasi backup` by hand and read its error.",
        ),
    },
    "ko": {
        "unresolved_past_deadline": Text(
            "결제 {payment}의 결과를 확인하지 못했습니다. 자동 조회는 {since}에 끝났습니다.",
            "PG 관리자 페이지에서 주문을 찾아 콘솔에서 처리하세요. 다시 결제하지 마세요.",
        ),
        "database_went_back": Text(
            "데이터베이스에서 커밋된 데이터가 유실되었거나 복사본입니다. 현재 모드: {mode}.",
            "`dasi recover`를 실행하고 안내를 따르세요.",
        ),
        "endpoint_disabled": Text(
            "{host}의 웹훅 엔드포인트가 410으로 응답하여 {since}부터 중지되었습니다.",
            "가맹점에 새 URL을 확인하거나 엔드포인트를 다시 켜세요.",
        ),
        "schedules_paused": Text(
            "결제 예약이 {since}부터 일시 중지되어 있습니다.",
            "원인이 해결되면 다시 시작하세요.",
        ),
        "schedules_failing": Text(
            "최근 1시간 동안 실행된 결제 예약 {started}건 중 {failed}건이 실패했습니다.",
            "실패 사유를 확인하세요. PG 문제라면 결제 예약을 일시 중지하세요.",
        ),
        "key_deletions_failing": Text(
            "빌링키 {keys}개를 PG에서 삭제하지 못했습니다.",
            "고객 페이지에서 사유를 확인하고 PG에 삭제를 요청하세요.",
        ),
        "certificate_ending": Text(
            "{host}의 인증서가 {days}일 뒤 만료되거나 거부됩니다.",
            "프록시에서 인증서를 갱신하세요.",
        ),
        "backup_old": Text(
            "최근 백업이 {hours}시간 전입니다.",
            "`dasi backup`을 직접 실행하고 오류를 확인하세요.",
        ),
        "backup_missing": Text(
            "DASI_BACKUP_DIR 폴더에 백업이 없습니다.",
            "`dasi backup`을 직접 실행하고 오류를 확인하세요.",
        ),
    },
}
_STATES = {
    "en": {"began": "PROBLEM", "lasts": "STILL", "over": "OVER"},
    "ko": {"began": "문제", "lasts": "계속됨", "over": "해결됨"},
}
_MORE = {
    "en": "And {count} more. Open the console: {url}",
    "ko": "그 밖에 {count}건이 더 있습니다. 콘솔: {url}",
}
_SUBJECTS = {"en": "[dasi] {state}: {count} alerts", "ko": "[dasi] {state}: 알림 {count}건"}
_TEST = {
    "en": ("[dasi] Test", "This is a test of dasi's alerts. There is nothing to do."),
    "ko": ("[dasi] 테스트", "dasi 알림 테스트입니다. 조치할 것은 없습니다."),
}


def compose(
    messages: Sequence[DueMessage], *, public_url: str, language: Language
) -> tuple[str, str]:
    """Return the subject and the text of one message about all of these conditions."""
    blocks = [
        _block(message, public_url=public_url, language=language)
        for message in messages[:LINES_MAX]
    ]
    if len(messages) > LINES_MAX:
        rest = len(messages) - LINES_MAX
        blocks.append(_MORE[language].format(count=rest, url=f"{public_url}/console"))
    return _subject(messages, language), "\n\n".join(blocks)


def compose_test(*, public_url: str, language: Language) -> tuple[str, str]:
    """Return the subject and the text of a test."""
    subject, text = _TEST[language]
    return subject, f"{text}\n{public_url}/console"


def _subject(messages: Sequence[DueMessage], language: Language) -> str:
    state = _STATES[language][messages[0].state]
    if len(messages) > 1:
        return _SUBJECTS[language].format(state=state, count=len(messages))
    message = messages[0]
    merchant = f"{message.merchant_code}: " if message.merchant_code else ""
    problem = TEXTS[language][message.kind].problem.format(**message.facts)
    return f"[dasi] {state}: {merchant}{problem}"


def _block(message: DueMessage, *, public_url: str, language: Language) -> str:
    text = TEXTS[language][message.kind]
    merchant = f"{message.merchant_code}: " if message.merchant_code else ""
    state = _STATES[language][message.state]
    lines = [f"{state}  {merchant}{text.problem.format(**message.facts)}"]
    if message.state != "over":
        lines.append(text.fix)
    lines.append(f"{public_url}{message.path}")
    return "\n".join(lines)
