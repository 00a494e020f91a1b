"""A finding, and its message in English and Korean: the state and the way out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Status = Literal["ok", "warn", "fail"]
Language = Literal["en", "ko"]


class _Message(NamedTuple):
    status: Status
    en: str
    ko: str
    en_fix: str = ""
    ko_fix: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check. `reason` is a key of `MESSAGES`; `facts` fill the blanks."""

    check: str
    reason: str
    facts: Mapping[str, object] = field(default_factory=dict)

    @property
    def status(self) -> Status:
        return MESSAGES[self.reason].status

    def text(self, language: Language) -> str:
        """Return the result as a sentence."""
        message = MESSAGES[self.reason]
        return (message.ko if language == "ko" else message.en).format(**self.facts)

    def fix(self, language: Language) -> str:
        """Return the way out; empty if there is nothing to do."""
        message = MESSAGES[self.reason]
        return (message.ko_fix if language == "ko" else message.en_fix).format(**self.facts)


_TRUST_FIX = (
    "Set DASI_TRUSTED_PROXIES to the proxy's network, such as {peer}, and restart.",
    "DASI_TRUSTED_PROXIES에 {peer} 같은 프록시 대역을 지정하고 다시 시작하세요.",
)
_APPEND_FIX = (
    "Let the proxy append or set {header} itself, and not pass it on as the client wrote it.",
    "프록시가 {header}를 덧붙이거나 새로 쓰게 하세요. 클라이언트의 값을 그대로 넘기지 마세요.",
)
_PUBLIC_FIX = (
    "Set DASI_PUBLIC_URL to the https address at which payers reach the gateway, and restart.",
    "DASI_PUBLIC_URL에 결제자가 접속하는 https 주소를 지정하고 다시 시작하세요.",
)
MESSAGES: Mapping[str, _Message] = {
    "database_ok": _Message("ok", "It accepts writes.", "쓰기가 됩니다."),
    "database_unable": _Message(
        "fail",
        "It cannot be used: {text}.",
        "사용할 수 없습니다: {text}.",
        "See that PostgreSQL runs, is the leader and is what DASI_DATABASE_URL names.",
        "PostgreSQL이 실행 중인 리더인지, DASI_DATABASE_URL이 맞는지 확인하세요.",
    ),
    "schema_ok": _Message("ok", "It is of this version.", "이 버전의 스키마입니다."),
    "schema_wrong": _Message("fail", "{problem} {cause}", "{problem} {cause}", "{hint}", "{hint}"),
    "standbys_ok": _Message("ok", "{text}.", "이상이 없습니다: {text}."),
    "standbys_risky": _Message(
        "warn",
        "{text}.",
        "장애 조치 때 결제를 잃을 수 있습니다: {text}.",
        "Set synchronous_standby_names and synchronous_commit = on in PostgreSQL.",
        "PostgreSQL에 synchronous_standby_names와 synchronous_commit = on을 설정하세요.",
    ),
    "clock_ok": _Message("ok", "{text}.", "PostgreSQL과 맞습니다: {text}."),
    "clock_unable": _Message(
        "fail",
        "{text}.",
        "PostgreSQL과 다릅니다: {text}.",
        "Set the clocks of both machines by NTP (chronyc tracking, timedatectl).",
        "두 서버의 시계를 NTP로 맞추세요 (chronyc tracking, timedatectl).",
    ),
    "sealing_keys_ok": _Message(
        "ok", "They open the database's secrets.", "데이터베이스의 비밀을 열 수 있습니다."
    ),
    "sealing_keys_unable": _Message(
        "fail",
        "{text}",
        "데이터베이스의 비밀을 열 수 없습니다: {text}",
        "Give dasi the sealing keys of this database (DASI_VAULT_KEYS, or its file or command).",
        "이 데이터베이스의 봉인 키를 지정하세요 (DASI_VAULT_KEYS 또는 그 파일이나 명령).",
    ),
    "public_url_ok": _Message(
        "ok",
        "{url} leads to this installation, dasi {version}.",
        "{url}은 이 설치의 게이트웨이(dasi {version})로 연결됩니다.",
    ),
    "public_url_on_loopback": _Message(
        "warn",
        "{url} leads to this machine only, so live channels are refused.",
        "{url}은 이 서버 자신만 접속할 수 있어 실연동 채널을 쓸 수 없습니다.",
        *_PUBLIC_FIX,
    ),
    "public_url_not_https": _Message(
        "warn",
        "{url} is not https, so live channels are refused.",
        "{url}은 https가 아니어서 실연동 채널을 쓸 수 없습니다.",
        *_PUBLIC_FIX,
    ),
    "public_url_unreachable": _Message(
        "fail",
        "{url} cannot be reached: {cause}.",
        "{url}에 접속할 수 없습니다: {cause}.",
        "Check DNS, firewall, certificate and proxy, that the gateway runs, and DASI_PUBLIC_URL.",
        "DNS, 방화벽, 인증서, 프록시와 게이트웨이 실행 여부, DASI_PUBLIC_URL을 확인하세요.",
    ),
    "public_url_foreign": _Message(
        "fail",
        "{url} answers {status}, but not as a gateway with these sealing keys.",
        "{url}이 {status}로 응답했지만 같은 봉인 키를 쓰는 게이트웨이가 아닙니다.",
        "Let the proxy pass every path on to this gateway; check DASI_PUBLIC_URL and the keys.",
        "프록시가 모든 경로를 이 게이트웨이로 보내는지, DASI_PUBLIC_URL과 봉인 키를 확인하세요.",
    ),
    "public_url_differs": _Message(
        "warn",
        "The running gateway has the public URL {running}, and the settings here say {url}.",
        "실행 중인 게이트웨이의 공개 주소는 {running}, 여기의 설정은 {url}입니다.",
        "Restart the gateway, or read its own settings: dasi --env-file FILE doctor.",
        "게이트웨이를 다시 시작하거나 dasi --env-file FILE doctor로 같은 설정을 읽으세요.",
    ),
    "certificate_ok": _Message("ok", "It ends in {days} days.", "{days}일 뒤에 만료됩니다."),
    "certificate_ending": _Message(
        "warn",
        "It ends in {days} days.",
        "{days}일 뒤에 만료됩니다.",
        "Renew it, and see why it was not renewed by itself.",
        "인증서를 갱신하고, 자동 갱신이 안 된 이유를 확인하세요.",
    ),
    "proxy_none": _Message(
        "ok",
        "None in front: the gateway sees clients itself ({client}).",
        "앞에 프록시가 없습니다. 게이트웨이가 클라이언트 주소를 직접 봅니다 ({client}).",
    ),
    "proxy_ok": _Message(
        "ok",
        "Through {peer} the gateway sees the client {client}.",
        "프록시 {peer}를 거친 클라이언트를 {client}로 인식합니다.",
    ),
    "proxy_local": _Message(
        "ok",
        "{peer} appends {header}. This machine is a trusted proxy itself, so its own requests "
        "show no client.",
        "{peer}가 {header}를 덧붙입니다. 이 서버도 신뢰하는 프록시라서 여기서 보낸 요청의 주소는 "
        "구별되지 않습니다.",
    ),
    "proxy_untrusted": _Message(
        "fail",
        "The gateway takes the proxy {peer} for every client.",
        "모든 클라이언트를 프록시 {peer}로 인식합니다.",
        *_TRUST_FIX,
    ),
    "proxy_passes_on": _Message(
        "fail",
        "The proxy {peer} passes {header} on as the client wrote it: clients invent addresses.",
        "프록시 {peer}가 클라이언트가 쓴 {header}를 그대로 넘겨 주소를 꾸밀 수 있습니다.",
        *_APPEND_FIX,
    ),
    "proxy_silent": _Message(
        "fail",
        "The proxy {peer} sends no {header}, so the gateway takes it for every client.",
        "프록시 {peer}가 {header}를 보내지 않아 모든 클라이언트를 프록시로 인식합니다.",
        *_APPEND_FIX,
    ),
    "proxy_scheme": _Message(
        "warn",
        "The proxy {peer} does not say that clients came by https.",
        "프록시 {peer}가 클라이언트의 https 접속을 알리지 않습니다.",
        "Let the proxy set X-Forwarded-Proto (or proto= in Forwarded).",
        "프록시가 X-Forwarded-Proto(또는 Forwarded의 proto=)를 쓰게 하세요.",
    ),
    "pg_ok": _Message("ok", "{host} answers after {ms} ms.", "{host}가 {ms} ms 만에 응답합니다."),
    "pg_unreachable": _Message(
        "fail",
        "{host} cannot be reached: {cause}.",
        "{host}에 접속할 수 없습니다: {cause}.",
        "Allow outbound connections to {host}, and check DNS.",
        "{host}로 나가는 연결을 허용하고 DNS를 확인하세요.",
    ),
    "pg_unused_unreachable": _Message(
        "warn",
        "{host} cannot be reached: {cause}. No merchant uses it now.",
        "{host}에 접속할 수 없습니다: {cause}. 지금 쓰는 가맹점은 없습니다.",
        "Allow outbound connections to {host} before a merchant uses it.",
        "가맹점이 쓰기 전에 {host}로 나가는 연결을 허용하세요.",
    ),
    "backups_ok": _Message(
        "ok", "The newest is {hours} h old.", "가장 최근 백업은 {hours}시간 전의 것입니다."
    ),
    "backups_old": _Message(
        "warn",
        "The newest is {hours} h old.",
        "가장 최근 백업은 {hours}시간 전의 것입니다.",
        "Run `dasi backup`, and let a timer run it every day.",
        "dasi backup을 실행하고, 타이머로 매일 실행하세요.",
    ),
    "backups_none": _Message(
        "warn",
        "There is none.",
        "백업이 없습니다.",
        "Name a folder on another disk in DASI_BACKUP_DIR, then run `dasi backup`.",
        "다른 디스크의 폴더를 DASI_BACKUP_DIR에 지정하고 dasi backup을 실행하세요.",
    ),
    "backups_elsewhere": _Message(
        "warn",
        "dasi does not see the backups of this PostgreSQL, which archives its WAL.",
        "이 PostgreSQL은 WAL을 보관하지만, 백업은 dasi가 확인할 수 없습니다.",
        "Check them with their own tools, and restore one as a drill.",
        "백업 도구로 직접 확인하고, 복원 연습을 하세요.",
    ),
    "wal_not_archived": _Message(
        "warn",
        "This PostgreSQL archives no WAL, and dasi does not see its backups.",
        "이 PostgreSQL은 WAL을 보관하지 않으며, 백업은 dasi가 확인할 수 없습니다.",
        "Set up archive_mode and base backups, such as with pgBackRest.",
        "pgBackRest 등으로 archive_mode와 기본 백업을 설정하세요.",
    ),
    "wal_archive_failing": _Message(
        "fail",
        "PostgreSQL fails to archive its WAL since {since}.",
        "{since}부터 PostgreSQL이 WAL을 보관하지 못하고 있습니다.",
        "See PostgreSQL's log, and the space and rights of the archive.",
        "PostgreSQL 로그와 보관 위치의 공간, 권한을 확인하세요.",
    ),
    "disk_ok": _Message("ok", "{text}.", "충분합니다: {text}."),
    "disk_low": _Message(
        "warn",
        "{text}.",
        "얼마 남지 않았습니다: {text}.",
        "Free space or enlarge the disk soon.",
        "곧 공간을 비우거나 디스크를 늘리세요.",
    ),
    "disk_unable": _Message(
        "fail",
        "{text}.",
        "부족하거나 확인할 수 없습니다: {text}.",
        "Free space or enlarge the disk now.",
        "지금 공간을 비우거나 디스크를 늘리세요.",
    ),
}
