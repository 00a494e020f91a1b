"""Error messages for users, in Korean and English: the problem, and what to do."""

from dataclasses import dataclass

from dasi.console.labels.fields import field_label
from dasi.foundation.errors import (
    Conflict,
    Invalid,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Refused,
    Unavailable,
)
from dasi.input_rules import rule_text


@dataclass(frozen=True, slots=True)
class ErrorMessage:
    status: int
    ko: str
    en: str


_NO_LIVE = (
    "실연동에는 외부에서 접속되는 https 주소가 필요합니다(DASI_PUBLIC_URL). 지금은 {public_url}",
    "Live channels need an https address that others reach (DASI_PUBLIC_URL), not {public_url}.",
)
MESSAGES: dict[str, tuple[str, str]] = {
    "cross_site": (
        "다른 사이트에서 온 요청이라 받지 않았습니다. 이 화면에서 다시 눌러 주세요.",
        "This request came from another site and was refused. Press the button here again.",
    ),
    "not_signed_in": ("로그인이 필요합니다.", "Please sign in first."),
    "form_expired": (
        "화면이 만료되었습니다. 새로 고친 뒤 다시 시도해 주세요. 변경된 내용은 없습니다.",
        "This page has expired. Reload it and try again. Nothing was changed.",
    ),
    "role_forbids": (
        "이 작업을 할 수 있는 권한이 없습니다. 관리자에게 역할 변경을 요청하세요.",
        "Your role may not do this. Ask an admin for another role.",
    ),
    "unknown_page": ("찾을 수 없는 화면입니다.", "There is no such page."),
    "unknown_link": (
        "이미 사용했거나 만료된 링크입니다. 새 링크를 요청하세요.",
        "This link was used or has expired. Ask for a new one.",
    ),
    "unknown_invitation": (
        "이미 사용했거나 취소된 초대입니다.",
        "This invitation was used or withdrawn.",
    ),
    "wrong_sign_in": (
        "이메일 또는 비밀번호가 맞지 않습니다.",
        "The email or the password is wrong.",
    ),
    "wrong_password": ("비밀번호가 맞지 않습니다.", "The password is wrong."),
    "wrong_code": ("인증 코드가 맞지 않습니다.", "The code is wrong."),
    "wrong_passkey": (
        "패스키를 확인하지 못했습니다. 다시 시도하세요. 요청은 5분 안에 한 번만 쓸 수 있습니다.",
        "The passkey could not be verified. Try again: a request works once, within 5 minutes.",
    ),
    "passkey_taken": ("이미 등록된 패스키입니다.", "This passkey is registered already."),
    "many_passkeys": (
        "패스키는 {limit}개까지 등록할 수 있습니다. 쓰지 않는 것을 먼저 삭제하세요.",
        "At most {limit} passkeys. Delete one that you no longer use first.",
    ),
    "unknown_passkey": ("찾을 수 없는 패스키입니다.", "There is no such passkey."),
    "no_passkeys_here": (
        "패스키는 HTTPS 도메인이나 localhost에서만 쓸 수 있습니다. 지금 주소는 {url}입니다. "
        "DASI_PUBLIC_URL을 바꾸거나 인증 앱을 쓰세요.",
        "Browsers allow passkeys only at an HTTPS host name or localhost. This gateway is at "
        "{url}: set DASI_PUBLIC_URL, or use an authenticator app.",
    ),
    "second_factor_on": (
        "2단계 인증을 이미 사용하고 있습니다.",
        "The second factor is enabled already.",
    ),
    "too_many_attempts": (
        "시도 횟수가 너무 많습니다. {minutes}분 뒤에 다시 시도하세요.",
        "Too many attempts. Try again in {minutes} minutes.",
    ),
    "too_many_of_account": (
        "이 계정의 로그인 실패가 너무 많아 처음 쓰는 기기에서는 하루 동안 로그인할 수 없습니다. "
        "이전에 로그인한 기기를 쓰거나, 게이트웨이 운영자에게 dasi user reset 링크를 요청하세요.",
        "This account failed too often: no new device signs in for a day. Use a device that "
        "signed in before, or ask the operator of the gateway for a link of dasi user reset.",
    ),
    "email_taken": ("이미 등록된 이메일입니다: {email}", "This email is taken: {email}"),
    "too_many_filters": (
        "필터는 {most}개까지 저장할 수 있습니다. 쓰지 않는 필터를 먼저 삭제하세요.",
        "At most {most} filters can be saved. Delete one first.",
    ),
    "unknown_filter": ("이미 삭제된 필터입니다.", "There is no such filter any more."),
    "unknown_payment": ("찾을 수 없는 결제입니다.", "There is no such payment."),
    "unknown_billing_key": (
        "등록된 빌링키가 없습니다: {customer_uid}",
        "There is no active billing key of {customer_uid}.",
    ),
    "key_not_restorable": (
        "복원할 수 없는 카드입니다. 보관 기간이 지났거나 PG에서 삭제 중입니다. "
        "변경된 내용은 없습니다.",
        "This card cannot be restored: its grace period is over, or it is being deleted at the PG. "
        "Nothing was changed.",
    ),
    "unknown_api_key": ("찾을 수 없는 API 키입니다.", "There is no such API key."),
    "api_key_rotating": (
        "교체 중인 API 키입니다: {api_key}. 기존 키가 끝난 뒤 다시 교체하거나, 기존 키를 먼저 "
        "폐기하세요.",
        "{api_key} is being replaced. Rotate again once the old key has ended, or revoke the old "
        "key first.",
    ),
    "unknown_channel": ("찾을 수 없는 채널입니다.", "There is no such channel."),
    "unknown_user": ("찾을 수 없는 구성원입니다.", "There is no such member."),
    "last_owner": (
        "{email}은(는) 마지막 소유자입니다. 다른 소유자를 먼저 지정하세요.",
        "{email} is the last owner. Make another one first.",
    ),
    "unknown_event": ("찾을 수 없는 웹훅 이벤트입니다.", "There is no such event."),
    "channel_exists": ("이미 등록된 상점아이디입니다: {pg}", "This MID is registered: {pg}"),
    "channel_is_default": (
        "기본 채널은 중지할 수 없습니다. 다른 채널을 기본으로 지정한 뒤 다시 시도하세요.",
        "The default channel cannot be disabled. Make another channel the default first.",
    ),
    "channel_disabled": (
        "사용 중지된 채널입니다: {pg}. 먼저 사용을 재개하세요.",
        "{pg} is disabled. Enable it first.",
    ),
    "default_must_be_live": (
        "실연동 가맹점의 기본 채널은 실연동 채널이어야 합니다: {pg}는 테스트 채널입니다.",
        "The default of a live merchant must be a live channel. {pg} is a test channel.",
    ),
    "public_url_on_loopback": _NO_LIVE,
    "public_url_not_https": _NO_LIVE,
    "clock_is_advanced": (
        "가맹점의 테스트 시계가 앞서 있습니다. dasi clock reset 으로 되돌린 뒤 다시 시도하세요.",
        "The merchant's test clock is ahead. Set it back with `dasi clock reset`, then try again.",
    ),
    "key_of_other_mode": (
        "{customer_uid}의 빌링키와 결제 예약의 모드(테스트, 실연동)가 다릅니다.",
        "The billing key of {customer_uid} is of the other mode (test or live).",
    ),
    "customer_has_live_key": (
        "실연동 빌링키가 있어 테스트 빌링키를 복원할 수 없습니다.",
        "There is a live billing key, so a test billing key cannot be restored.",
    ),
    "channel_in_use": ("이미 사용 중인 채널입니다: {pg}", "{pg} is in use already."),
    "merchant_code_taken": ("이미 쓰이는 가맹점 코드입니다: {code}", "This code is taken: {code}"),
    "unknown_schedule": ("찾을 수 없는 결제 예약입니다.", "There is no such scheduled payment."),
    "no_webhook_url": (
        "전송할 주소가 없습니다. 먼저 웹훅 주소를 저장하세요.",
        "There is no URL to send to. Save a webhook URL first.",
    ),
    "unknown_endpoint": ("찾을 수 없는 웹훅 주소입니다.", "There is no such endpoint."),
    "schedules_are_paused": (
        "결제 예약이 이미 일시 중지되어 있습니다.",
        "Scheduled payments are paused already.",
    ),
    "schedules_not_paused": (
        "이 가맹점의 결제 예약은 일시 중지되어 있지 않습니다.",
        "Scheduled payments of this merchant are not paused.",
    ),
    "unknown_schedule_key": (
        "결제할 카드가 없습니다. 고객이 카드를 다시 등록해야 합니다: {customer_uid}",
        "{customer_uid} has no card to charge. The customer has to register one.",
    ),
    "schedule_exists": (
        "이 주문의 다른 결제 예약이 있습니다.",
        "Another schedule of this order exists.",
    ),
    "order_already_paid": (
        "이 주문은 이미 결제되었습니다.",
        "This order is paid already.",
    ),
    "schedule_not_waiting": (
        "이미 실행되었거나 해지된 결제 예약입니다.",
        "This schedule has run, is running or was cancelled.",
    ),
    "no_schedule_to_revoke": (
        "해지할 수 있는 결제 예약이 없습니다. 이미 실행 중일 수 있습니다.",
        "No schedule of it is waiting. It may be running.",
    ),
    "schedule_running": (
        "지금 실행되고 있어 해지할 수 없습니다.",
        "This schedule is running and cannot be cancelled.",
    ),
    "schedule_not_ended": ("실행이 끝나지 않은 결제 예약입니다.", "This schedule has not ended."),
    "schedule_paid": ("이미 결제된 예약입니다.", "This schedule was charged already."),
    "not_escalated": (
        "아직 자동 조회 중입니다. 자동 조회가 끝난 뒤에 수동 처리할 수 있습니다.",
        "It is still being checked automatically. Resolve it manually once that has ended.",
    ),
    "key_cannot_be_resolved": (
        "빌링키 발급은 수동 처리할 수 없습니다. 고객이 카드를 다시 등록해야 합니다.",
        "A billing key issue cannot be resolved manually. The payer has to register again.",
    ),
    "already_resolved": ("이미 확정된 거래입니다.", "This attempt is resolved already."),
    "already_cancelled": ("이미 전액 취소된 결제입니다.", "This payment is cancelled in full."),
    "not_paid": (
        "결제 완료 상태가 아니라 취소할 수 없습니다.",
        "This payment is not paid, so it cannot be cancelled.",
    ),
    "order_in_doubt": (
        "결과 확인 중인 결제입니다. 확인이 끝나면 다시 시도하세요.",
        "The result of this payment is pending. Try again once it is known.",
    ),
    "cancel_in_progress": (
        "다른 취소가 진행 중입니다. 끝난 뒤 다시 시도하세요.",
        "Another cancel is in progress. Try again once it has ended.",
    ),
    "cancel_in_doubt": (
        "취소를 요청했지만 PG 응답을 받지 못했습니다. 자동으로 조회하므로 다시 요청하지 마세요.",
        "The cancel was sent but the PG did not respond. It is being looked up. Do not repeat it.",
    ),
    "cancel_exceeds": (
        "취소할 수 있는 금액은 {remain_krw}원입니다.",
        "At most {remain_krw} won can be cancelled.",
    ),
    "checksum_differs": (
        "취소 가능 금액이 {remain_krw}원으로 변경되었습니다. 화면을 새로 고쳐 확인하세요.",
        "The cancellable amount has changed to {remain_krw} won. Reload the page.",
    ),
    "tax_free_between": (
        "취소할 금액 중 면세 금액은 {minimum_krw}원 이상 {maximum_krw}원 이하여야 합니다.",
        "The tax-free part of this cancel must be {minimum_krw} to {maximum_krw} won.",
    ),
    "no_partial_cancel": (
        "이 카드 승인은 부분 취소를 지원하지 않습니다. 전액만 취소할 수 있습니다.",
        "This card approval can be cancelled in full only.",
    ),
    "nothing_to_cancel": ("취소할 결제가 없습니다.", "There is nothing to cancel."),
    "pg_refused_cancel": (
        "PG가 취소를 거절했습니다: {text} ({code})",
        "The PG refused the cancel: {text} ({code})",
    ),
    "cancel_not_sent": (
        "PG에 연결하지 못해 취소하지 않았습니다. 다시 시도해도 됩니다.",
        "The PG could not be reached. Nothing was cancelled. You may try again.",
    ),
}
_STATUS: tuple[tuple[type[Refused], int], ...] = (
    *((NotAuthenticated, 401), (Invalid, 422), (NotFound, 404), (Conflict, 409), (NotAllowed, 403)),
)
UNKNOWN = (
    "요청을 처리할 수 없는 상태입니다. 화면을 새로 고쳐 확인하세요.",
    "This is not possible in the present state. Reload the page and check it.",
)
"""The message of a refusal that `MESSAGES` lacks."""
BUG = ErrorMessage(
    500,
    "예상하지 못한 오류입니다. 돈과 관련된 작업이었다면 결제 화면에서 결과를 확인하세요.",
    "An unexpected error. It is logged. If money was involved, check the payment's page.",
)


def error_message(error: Refused | Unavailable) -> ErrorMessage:
    """Return the message of an error in both languages, and its HTTP status."""
    if isinstance(error, Unavailable):
        return ErrorMessage(
            503,
            f"지금은 처리할 수 없습니다. {error.retry_after_s}초 뒤에 다시 시도하세요.",
            f"Not available: {error.service}. Try again in {error.retry_after_s} s.",
        )
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 409)
    if isinstance(error, Invalid):
        name, ko, en = field_label(error.field), *_rule_texts(error)
        return ErrorMessage(status, f"{name.ko}: {ko}.", f"{name.en} must be: {en}.")
    ko, en = MESSAGES.get(error.reason, UNKNOWN)
    facts = {
        name: f"{value:,}" if isinstance(value, int) else value
        for name, value in error.facts.items()
    }
    return ErrorMessage(status, ko.format(**facts), en.format(**facts))


def _rule_texts(error: Invalid) -> tuple[str, str]:
    """Return the text of a broken rule in both languages, without the full stop of some."""
    return rule_text(error, language="ko").rstrip("."), rule_text(error, language="en").rstrip(".")
