"""The texts of broken rules in Korean and English: one table for every interface.

Domain packages raise a rule code with facts (`Invalid("name", "length_between", minimum=1,
maximum=40)`). The facts fill the blanks here. An English text completes "It must be: …".
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from dasi.foundation.clock import KST
from dasi.foundation.errors import Refused

RULE_TEXTS: dict[str, tuple[str, str]] = {
    # texts
    "length_between": (
        "{minimum}자 이상 {maximum}자 이하의 글자여야 합니다",
        "{minimum} to {maximum} characters",
    ),
    "length_at_most": (
        "{maximum}자 이하여야 합니다. (현재 {length}자)",
        "at most {maximum} characters ({length} received)",
    ),
    "text_too_long": (
        "최대 {maximum}자입니다 (받은 길이 {length}자)",
        "at most {maximum} characters ({length} received)",
    ),
    "printable_length": (
        "{maximum}자 이하의 표시할 수 있는 글자여야 합니다",
        "at most {maximum} printable characters",
    ),
    "bytes_at_most": ("{maximum:,}바이트 이하여야 합니다", "at most {maximum:,} bytes"),
    "json_bytes_at_most": (
        "JSON으로 {maximum:,}바이트 이하여야 합니다",
        "at most {maximum:,} bytes as JSON",
    ),
    "no_control_characters": ("제어 문자를 쓸 수 없습니다", "free of control characters"),
    "not_dots": (
        "점(.)만으로 된 이름은 주소에 쓸 수 없습니다",
        "a name other than . and .., which no address can hold",
    ),
    "no_card_number": (
        "카드번호를 넣을 수 없습니다. 카드번호는 KICC 결제창에서만 입력합니다",
        "free of card numbers: the payer enters a card in KICC's window only",
    ),
    "storable_text": ("저장할 수 없는 문자가 들어 있습니다", "text of valid Unicode characters"),
    "text": ("문자열이어야 합니다", "a text"),
    "text_not_blank": ("빈 값이 아닌 문자열이어야 합니다", "a text that is not blank"),
    "identifier": (
        "영문자, 숫자, -, _로 된 {minimum}자 이상 {maximum}자 이하여야 합니다",
        "{minimum} to {maximum} letters, digits, - or _",
    ),
    # presence and choice
    "required_parameter": ("필수 파라미터입니다", "present"),
    "required_value": ("필수 값입니다", "present"),
    "one_of": ("{values} 중 하나여야 합니다", "one of: {values}"),
    "boolean": ("true 또는 false여야 합니다", "true or false"),
    "pc_or_mobile": ("pc 또는 mobile이어야 합니다", "pc or mobile"),
    "not_with_to": ("to와 함께 쓸 수 없습니다", "absent where `to` is sent"),
    "advance_or_to": (
        "advance(초) 또는 to(epoch 초)가 필요합니다",
        "present (seconds), or `to` (epoch seconds) in its place",
    ),
    "customer_or_order": (
        "customer_uid 또는 merchant_uid가 필요합니다",
        "present, or merchant_uid in its place",
    ),
    # numbers
    "number": ("숫자여야 합니다", "a number"),
    "number_between": (
        "{minimum} 이상 {maximum} 이하여야 합니다",
        "a number from {minimum} to {maximum}",
    ),
    "whole_number": ("정수여야 합니다 (소수, 문자 불가)", "a whole number"),
    "whole_won": ("원 단위 정수여야 합니다 (소수, 문자 불가)", "whole won"),
    "whole_seconds": ("초 단위 정수여야 합니다 (소수, 문자 불가)", "whole seconds"),
    "not_negative": ("0 이상의 정수여야 합니다", "a whole number, at least 0"),
    "large_number_as_text": (
        "큰 수는 문자열로 보내야 합니다",
        "a text, because JSON readers round a number of this size",
    ),
    "page_at_most": ("마지막 페이지는 {last_page}입니다", "at most {last_page}, the last page"),
    # money and instalments
    "won_at_least": ("{minimum}원 이상이어야 합니다", "whole won, at least {minimum}"),
    "cancel_amount": (
        "1원 이상 {maximum:,}원 이하로 입력하세요. 전부 취소하려면 전액 취소를 누르세요",
        "whole won from 1 to {maximum:,}. To cancel all that remains, press the button for it",
    ),
    "won_between": (
        "{minimum}원 이상 {maximum:,}원 이하의 정수여야 합니다",
        "whole won from {minimum} to {maximum:,}",
    ),
    "won_in_window": (
        "1원 이상이어야 합니다 (customer_uid로 카드를 등록할 때만 0원 가능)",
        "at least 1 won (0 only when customer_uid registers a card)",
    ),
    "within_amount": (
        "amount({amount_krw}원)보다 클 수 없습니다",
        "at most the amount, {amount_krw} won",
    ),
    "within_payment": ("결제 금액(amount)보다 클 수 없습니다", "at most the amount"),
    "krw_only": ("원화(KRW) 결제만 지원합니다", "KRW"),
    "card_only": ("이 결제 서버는 카드 결제(card)만 지원합니다", "card"),
    "no_escrow": ("에스크로 결제는 지원하지 않습니다", "absent: escrow is not supported"),
    "quota_months": (
        "0(일시불만) 또는 2 이상 {maximum} 이하의 개월 수여야 합니다",
        "0 (lump sum only) or 2 to {maximum} months",
    ),
    "quota_amount": (
        "할부는 amount {minimum_krw}원 이상부터 쓸 수 있습니다",
        "absent below an amount of {minimum_krw} won",
    ),
    "quota_list": (
        "{maximum}개 이하의 개월 수 배열이어야 합니다",
        "a list of at most {maximum} numbers of months",
    ),
    "quota_between": (
        "개월 수는 0 이상 {maximum} 이하의 정수입니다",
        "numbers of months from 0 to {maximum}",
    ),
    # lists and bodies
    "count_between": (
        "{minimum}개 이상 {maximum}개 이하여야 합니다",
        "a list of {minimum} to {maximum}",
    ),
    "count_at_most": ("최대 {maximum}개입니다", "at most {maximum} values"),
    "too_many_values": (
        "최대 {maximum}개입니다 (받은 개수 {count}개)",
        "at most {maximum} values ({count} received)",
    ),
    "urls_at_most": ("{maximum}개까지 지정할 수 있습니다", "at most {maximum} URLs"),
    "object": ("객체여야 합니다", "an object"),
    "object_list": ("객체의 배열이어야 합니다", "a list of objects"),
    "unicode_form": ("UTF-8 폼 데이터여야 합니다", "a form in UTF-8"),
    "readable_form": ("form으로 읽을 수 없습니다. ({detail})", "a form ({detail})"),
    "readable_json": ("JSON으로 읽을 수 없습니다. ({detail})", "JSON ({detail})"),
    "readable_return": (
        "PG가 보낸 값을 읽을 수 없습니다. ({detail})",
        "what the PG's window sends ({detail})",
    ),
    # addresses
    "email_address": (
        "kim@shop.example 같은 이메일 주소여야 합니다",
        "an address such as kim@shop.example",
    ),
    "http_url": (
        "http 또는 https URL이어야 합니다 (최대 {maximum}자)",
        "an http or https URL of at most {maximum} characters",
    ),
    "http_url_printable": (
        "공백과 제어 문자가 없는 http 또는 https URL이어야 합니다 (최대 {maximum}자)",
        "an http or https URL of at most {maximum} characters, without blanks or control "
        "characters",
    ),
    "url_without_user": (
        "사용자 이름과 비밀번호가 없는 주소여야 합니다",
        "a URL without a user name and password",
    ),
    "url_ascii_host": (
        "호스트는 영문자, 숫자, 점, 하이픈이어야 합니다 (한글 도메인은 xn--… 형식)",
        "a host of ASCII letters, digits, dots and hyphens (other alphabets as xn--…)",
    ),
    "url_web_port": (
        "포트는 80, 443 또는 1024 이상이어야 합니다",
        "port 80, 443, or 1024 and above",
    ),
    "absolute_url": ("http 또는 https로 시작하는 온전한 주소여야 합니다", "an http or https URL"),
    "redirect_url": (
        "https://… 또는 앱 스킴으로 시작하는 절대 주소여야 합니다",
        "an absolute URL that begins with https:// or an app's scheme",
    ),
    "return_address": (
        "shop.example 같은 호스트나 myapp: 같은 앱 스킴이어야 합니다 (받은 값 {address})",
        "a host such as shop.example or an app scheme such as myapp: (received {address})",
    ),
    "return_host_allowed": (
        "결제 페이지의 호스트이거나 돌아갈 주소로 등록한 호스트여야 합니다 (받은 호스트 {host}, "
        "콘솔의 결제창 설정에서 등록)",
        "a URL at the page's own host or at a registered return address (received {host}; the "
        "console registers it: Windows)",
    ),
    "return_scheme_allowed": (
        "돌아갈 주소로 등록한 앱 스킴이어야 합니다 (받은 스킴 {scheme}, 콘솔의 결제창 설정에서 "
        "등록)",
        "an app scheme that is a registered return address (received {scheme}; the console "
        "registers it: Windows)",
    ),
    "url_length": (
        "UTF-8로 {maximum:,}바이트 이하의 주소여야 합니다",
        "a URL of at most {maximum:,} bytes in UTF-8",
    ),
    "url_characters": (
        "공백, 제어 문자, 역슬래시를 쓸 수 없습니다",
        "a URL without blanks, control characters or backslashes",
    ),
    "readable_url": ("주소로 읽을 수 없습니다", "a URL"),
    "endpoint_url": (
        "웹훅을 받는 http 또는 https URL 전체여야 합니다",
        "the whole http or https URL that receives webhooks",
    ),
    # times
    "date": ("2026-09-03 같은 날짜여야 합니다", "a date such as 2026-09-03"),
    "date_time": ("2026-09-03T10:00 같은 시각이어야 합니다", "a time such as 2026-09-03T10:00"),
    "in_future": (
        "미래 시각이어야 합니다 (받은 시각 {received}, 현재 {now})",
        "a time in the future (received {received}, now {now})",
    ),
    "days_ahead_at_most": (
        "최대 {days}일 뒤까지 예약할 수 있습니다",
        "at most {days} days ahead",
    ),
    "clock_forward": ("시계는 앞으로만 돌릴 수 있습니다", "later than the clock"),
    "hours_at_most": (
        "0보다 길고 {hours}시간을 넘지 않아야 합니다",
        "more than nothing and at most {hours} hours",
    ),
    "clock_days_at_most": (
        "최대 {days}일 앞까지 돌릴 수 있습니다",
        "at most {days} days ahead",
    ),
    "after_since": ("since보다 뒤의 시각이어야 합니다", "a time after `since`"),
    "not_after": ("{other}보다 늦을 수 없습니다", "at or before `{other}`"),
    "range_days": ("조회 기간은 최대 {days}일입니다", "a range of at most {days} days"),
    "range_months": ("조회 기간은 최대 {months}개월입니다", "a range of at most {months} months"),
    "retry_days": (
        "1 이상 {day_max} 이하의 커지는 숫자 {count_max}개까지 쓸 수 있습니다",
        "at most {count_max} growing numbers from 1 to {day_max}",
    ),
    # single fields
    "filter_query": (
        "먼저 찾을 조건을 고르세요. 조건은 1자 이상 {maximum}자 이하여야 합니다",
        "1 to {maximum} characters: choose something to look for first",
    ),
    "role_and_merchant": (
        "owner는 가맹점 없이, 다른 역할은 가맹점 하나와 함께 지정해야 합니다",
        "owner without a merchant, or another role of one merchant",
    ),
    "password_guessable": (
        "쉽게 추측할 수 없어야 합니다. 흔한 비밀번호, 반복되거나 이어지는 글자를 피하세요",
        "hard to guess: no common password, no repeated or consecutive characters",
    ),
    "password_personal": (
        "이메일, 이름, 가맹점 이름이 들어 있지 않아야 합니다",
        "free of your email, your name and the names of your merchants",
    ),
    "pg_merchant_id": (
        "PG가 발급한 영문자와 숫자 {maximum}자 이하여야 합니다",
        "1 to {maximum} letters and digits, as the PG issued it",
    ),
    "pg_secret": (
        "PG가 발급한 {maximum}자 이하의 글자여야 합니다",
        "1 to {maximum} characters, as the PG issued it",
    ),
    "live_pg_merchant_id": (
        "{pg_merchant_id}는 PG의 테스트용 상점아이디입니다. 계약 후 발급받은 실제 상점아이디를 "
        "입력하세요",
        "{pg_merchant_id} is a MID that the PG published for tests; enter the MID of your contract",
    ),
    "live_pg_secret": (
        "테스트용 시크릿 키입니다. 실제 상점아이디의 시크릿 키를 입력하세요",
        "this is a secret for tests; enter the secret of the live MID",
    ),
    "pg_tid": ("PG의 거래번호가 필요합니다", "the PG's number of the transaction"),
    "resendable_event": (
        "전송이 끝났고 웹훅 주소가 있는 가맹점의 이벤트여야 합니다",
        "an event that is not under way, of a merchant with a URL",
    ),
}


def rule_text(refused: Refused, *, language: Literal["ko", "en"]) -> str:
    """Return the text of the rule that `refused` names, with its facts filled in."""
    ko, en = RULE_TEXTS[str(refused.facts["rule"])]
    blanks = {name: _readable(fact) for name, fact in refused.facts.items()}
    return (ko if language == "ko" else en).format_map(blanks)


def _readable(fact: object) -> object:
    if isinstance(fact, datetime):
        return fact.astimezone(KST).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(fact, Sequence) and not isinstance(fact, str):
        return ", ".join(str(value) for value in fact)
    return fact
