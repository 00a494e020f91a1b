"""Every setting: its environment variable, default, unit and effect.

The composition root and its starters read them once, at start. A wrong value stops the start and
names the variable, the rule and the correction. `docs/reference/settings.md` is checked against
`dasi.settings.environment.SETTINGS`.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from dasi.http.client_address import Network
from dasi.settings import readers
from dasi.settings.alert_settings import AlertSettings
from dasi.settings.setting import setting

KICC_SANDBOX_URL = "https://testpgapi.easypay.co.kr"
KICC_LIVE_URL = "https://pgapi.easypay.co.kr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(AlertSettings):
    """All values, read and checked."""

    database_url: str = setting(
        "DASI_DATABASE_URL",
        default=None,
        unit="URL",
        read=readers.database_url,
        is_secret=True,
        sentence="The PostgreSQL to use. Of several hosts dasi uses the one that accepts "
        "writes. A server on another machine is verified by "
        "TLS unless `sslmode` says otherwise (`sslrootcert` names its CA). Without it "
        "`dasi up` and `dasi demo` start their own, and the provisioning commands use the "
        "one in `--data`.",
    )
    database_direct_url: str = setting(
        "DASI_DATABASE_DIRECT_URL",
        default="none",
        unit="URL",
        read=readers.none_or(readers.database_url),
        is_secret=True,
        sentence="The same PostgreSQL, past the pooler, if `DASI_DATABASE_URL` leads to a "
        "transaction pooler (PgBouncer). It wakes the worker, and `dasi migrate` uses it. "
        "With it, statements are not prepared by name, because poolers lose such "
        "statements.",
    )
    database_owner_url: str = setting(
        "DASI_DATABASE_OWNER_URL",
        default="none",
        unit="URL",
        read=readers.none_or(readers.database_url),
        is_secret=True,
        sentence="The same PostgreSQL for the role that owns the schema, past any pooler. `dasi "
        "migrate` and `dasi up` migrate with it and grant the role of `DASI_DATABASE_URL` "
        "its privileges. Without it, that role owns the schema itself.",
    )
    database_pool_size: int = setting(
        "DASI_DATABASE_POOL_SIZE",
        default="16",
        unit="connections",
        read=readers.whole_number(2, 500),
        sentence="The most connections of one process to PostgreSQL.",
    )
    statement_timeout_s: int = setting(
        "DASI_STATEMENT_TIMEOUT_S",
        default="15",
        unit="seconds",
        read=readers.whole_number(1, 300),
        sentence="The longest time of one statement, from when it is queued.",
    )
    asynchronous_standbys: Literal["refuse", "accept-lost-payments"] = setting(
        "DASI_ASYNCHRONOUS_STANDBYS",
        default="refuse",
        unit="word",
        read=readers.one_of("refuse", "accept-lost-payments"),
        sentence="Whether live charges are taken while PostgreSQL has standbys and waits for none "
        "of them: `refuse`, or `accept-lost-payments`. A failover to such a standby forgets "
        "payments that customers have made.",
    )
    data_folder: str = setting(
        "DASI_DATA_FOLDER",
        default="none",
        unit="path",
        read=readers.none_or(str),
        sentence="The data folder of the embedded database, whose disk must keep 256 MiB free. "
        "`dasi up` and `dasi demo` set it.",
    )
    state_dir: str = setting(
        "DASI_STATE_DIR",
        default="none",
        unit="path",
        read=readers.none_or(str),
        sentence="A folder of this host, outside the database and its backups, in which gateway "
        "and worker keep the newest commits that they know. With it, a restart together with a "
        "restore is noticed. One folder for all processes of an installation on a host. `dasi up` "
        "uses its data folder when it is unset.",
    )
    backup_dir: str = setting(
        "DASI_BACKUP_DIR",
        default="none",
        unit="path",
        read=readers.none_or(str),
        sentence="Where `dasi backup` puts backups of the embedded database, and `dasi up` the "
        "archive of its WAL. It must exist, on another disk. The data folder remembers it; `none` "
        "ends the archive.",
    )
    wal_archive_command: str = setting(
        "DASI_WAL_ARCHIVE_COMMAND",
        default="none",
        unit="command",
        read=readers.none_or(readers.wal_archive_command),
        sentence="A shell command that takes the WAL of the embedded database in place of the "
        "folder, such as an upload: `%p` is the file, `%f` its name (PostgreSQL's "
        "`archive_command`). The data folder remembers it.",
    )
    wal_archive_timeout_s: int = setting(
        "DASI_WAL_ARCHIVE_TIMEOUT_S",
        default="60",
        unit="seconds",
        read=readers.whole_number(1, 86_400),
        sentence="How old a commit of the embedded database may become before its WAL is archived. "
        "A lost machine loses at most this much.",
    )
    public_url: str = setting(
        "DASI_PUBLIC_URL",
        default="http://127.0.0.1:8000",
        unit="URL",
        read=readers.web_url("http", "https"),
        sentence="The URL at which payers' browsers reach the gateway. Without it `dasi up` and "
        "`dasi demo` use their own port. Live channels need https and a host that is not this "
        "machine: else they are not added or enabled, and open no window. If `DASI_KICC_LIVE_URL` "
        "is on this machine, any URL will do (a rehearsal).",
    )
    vault_keys: tuple[bytes, ...] = setting(
        "DASI_VAULT_KEYS",
        default=None,
        unit="base64",
        read=readers.vault_keys,
        is_secret=True,
        sentence="The keys that seal secrets at rest, newest first, separated by commas: 32 bytes "
        "each (`openssl rand -base64 32`). Required, unless one of the next two is set or "
        "the database is embedded. An embedded database gets keys in the folder of "
        "`--keys`.",
    )
    vault_keys_file: str = setting(
        "DASI_VAULT_KEYS_FILE",
        default="none",
        unit="path",
        read=str,
        sentence="A file with the sealing keys, in the form of `DASI_VAULT_KEYS` or one on each "
        "line.",
    )
    vault_keys_command: str = setting(
        "DASI_VAULT_KEYS_COMMAND",
        default="none",
        unit="command",
        read=str,
        is_secret=True,
        sentence="A command that prints the sealing keys in that form, such as a KMS client. Each "
        "process runs it once at its start, without a shell, for at most 20 s.",
    )
    kicc_sandbox_url: str = setting(
        "DASI_KICC_SANDBOX_URL",
        default=KICC_SANDBOX_URL,
        unit="URL",
        read=readers.web_url("http", "https"),
        sentence="KICC's test host. `dasi demo` and `dasi up --simulator` set it to the simulator.",
    )
    kicc_live_url: str = setting(
        "DASI_KICC_LIVE_URL",
        default=KICC_LIVE_URL,
        unit="URL",
        read=readers.web_url("https"),
        sentence="KICC's live host. Plain http is refused, because real cards travel here.",
    )
    kicc_connections: int = setting(
        "DASI_KICC_CONNECTIONS",
        default="64",
        unit="requests",
        read=readers.whole_number(1, 1_000),
        sentence="The most requests of one process under way at one KICC host; of one MID at most "
        "seven eighths. Ask KICC for its limit before you raise it.",
    )
    allow_local_webhooks: bool = setting(
        "DASI_ALLOW_LOCAL_WEBHOOKS",
        default="off",
        unit="on or off",
        read=readers.switch,
        sentence="Whether webhooks may go to this machine and to private networks. Set it when the "
        "gateway starts. On in `dasi demo`; for development only.",
    )
    webhook_retry_schedule: tuple[timedelta, ...] = setting(
        "DASI_WEBHOOK_RETRY_SCHEDULE",
        default="5s,30s,2m,10m,30m,1h,2h,4h,4h,4h,4h,6h,6h,6h,6h,6h,6h,6h,6h,6h",
        unit="durations",
        read=readers.webhook_retry_schedule,
        sentence="The waits between attempts of a webhook, each up to a tenth longer at random: 72 "
        "hours or more together. After the last attempt the delivery is `failed`.",
    )
    max_concurrent_schedules: int = setting(
        "DASI_MAX_CONCURRENT_SCHEDULES",
        default="32",
        unit="charges",
        read=readers.whole_number(1, 256),
        sentence="The most scheduled payments that one worker runs at once for one merchant, over "
        "all of its MIDs. Ask KICC for its limit before you raise it.",
    )
    window_ttl_s: int = setting(
        "DASI_WINDOW_TTL_S",
        default="3600",
        unit="seconds",
        read=readers.whole_number(60, 86_400),
        sentence="How long a payment window may stay open before its order ends.",
    )
    abandoned_days: int = setting(
        "DASI_ABANDONED_DAYS",
        default="30",
        unit="days",
        read=readers.whole_number(1, 3_650),
        sentence="The age at which the worker deletes abandoned payment windows and notifications "
        "of unknown orders. It never deletes payments, attempts, their events and the audit log.",
    )
    webhook_days: int | None = setting(
        "DASI_WEBHOOK_DAYS",
        default="90",
        unit="days",
        read=readers.days_or_off,
        sentence="The age at which the worker deletes webhook events with their deliveries and "
        "attempts, at least 30. Waiting deliveries stay. `off` deletes none.",
    )
    pg_message_days: int | None = setting(
        "DASI_PG_MESSAGE_DAYS",
        default="400",
        unit="days",
        read=readers.days_or_off,
        sentence="The age at which the worker deletes the masked messages to and from PGs, and "
        "their notifications, at least 30. The attempts stay, with the PG's number, code and text. "
        "`off` deletes none.",
    )
    idempotency_days: int | None = setting(
        "DASI_IDEMPOTENCY_DAYS",
        default="30",
        unit="days",
        read=readers.days_or_off,
        sentence="The age at which the worker deletes the response stored for an "
        "`Idempotency-Key`, at least 30. The key stays: the answer to a repetition is then the "
        "present state of the payment. `off` deletes none.",
    )
    window_days: int | None = setting(
        "DASI_WINDOW_DAYS",
        default="90",
        unit="days",
        read=readers.days_or_off,
        sentence="The age at which the worker deletes payment windows whose payment has ended, "
        "at least 30. The payment stays. `off` deletes none.",
    )
    inline_lookup_delay_s: int = setting(
        "DASI_INLINE_LOOKUP_DELAY_S",
        default="2",
        unit="seconds",
        read=readers.whole_number(0, 20),
        sentence="After KICC's response to a charge was lost, the gateway waits for so long, looks "
        "the charge up once, and then answers the caller. 0 answers at once.",
    )
    max_body_bytes: int = setting(
        "DASI_MAX_BODY_BYTES",
        default="1048576",
        unit="bytes",
        read=readers.whole_number(16_384, 67_108_864),
        sentence="The longest request body that the gateway reads.",
    )
    trusted_proxies: tuple[Network, ...] = setting(
        "DASI_TRUSTED_PROXIES",
        default="none",
        unit="networks",
        read=readers.networks,
        sentence="The proxies in front, as networks: `10.0.0.0/8,::1`. The gateway takes the "
        "client's address and scheme from their headers only. The audit log, sign-in "
        "limits, limits of payment windows and the check of KICC's senders use that "
        "address.",
    )
    forwarded_header: Literal["x-forwarded-for", "forwarded"] = setting(
        "DASI_FORWARDED_HEADER",
        default="x-forwarded-for",
        unit="word",
        read=readers.one_of("x-forwarded-for", "forwarded"),
        sentence="The header that the trusted proxies write: `x-forwarded-for`, or `forwarded` "
        "(RFC 7239). The other one is ignored, because proxies pass it on as the client "
        "wrote it.",
    )
    windows_per_address: int = setting(
        "DASI_WINDOWS_PER_ADDRESS",
        default="120",
        unit="windows a minute",
        read=readers.whole_number(1, 100_000),
        sentence="The most payment windows that one client address (IPv6: its /64) may open in a "
        "minute, counted by each process. Above it the answer is 429. A proxy that is not "
        "in `DASI_TRUSTED_PROXIES` counts as one address.",
    )
    windows_per_merchant: int = setting(
        "DASI_WINDOWS_PER_MERCHANT",
        default="1200",
        unit="windows a minute",
        read=readers.whole_number(1, 1_000_000),
        sentence="The most payment windows of one merchant in a minute, by all clients together, "
        "counted by each process. Each is a request to KICC and a stored payment.",
    )
    keep_alive_s: int = setting(
        "DASI_KEEP_ALIVE_S",
        default="75",
        unit="seconds",
        read=readers.whole_number(5, 3_600),
        sentence="How long an idle connection stays open. It must be longer than in the proxy in "
        "front (nginx: 60), so that the proxy never sends a request into a closing "
        "connection.",
    )
    drain_pause_s: int = setting(
        "DASI_DRAIN_PAUSE_S",
        default="5",
        unit="seconds",
        read=readers.whole_number(0, 300),
        sentence="After SIGTERM: how long the gateway goes on serving while `/health/ready` "
        "answers 503, so that load balancers notice. Then it accepts nothing more and ends what "
        "is under way. Ctrl-C and a second signal skip it.",
    )
    max_concurrent_requests: int = setting(
        "DASI_MAX_CONCURRENT_REQUESTS",
        default="256",
        unit="requests",
        read=readers.whole_number(1, 10_000),
        sentence="The most requests of merchants' servers that one process works on at once; of "
        "one merchant at most seven eighths. Above it the answer is 503 with "
        "`Retry-After`, and nothing is done. Payers, the console and notifications of "
        "KICC have as many slots of their own.",
    )
    buyer_retention_days: int | None = setting(
        "DASI_BUYER_RETENTION_DAYS",
        default="off",
        unit="days",
        read=readers.days_or_off,
        sentence="The age at which buyers' personal data is erased from payments, at least 30; "
        "amounts and statuses stay. `off` erases nothing. The law asks for five years of "
        "payment records (1827 days). An erasure cannot be undone.",
    )
    security_contact: str = setting(
        "DASI_SECURITY_CONTACT",
        default="none",
        unit="URL",
        read=readers.security_contact,
        sentence="The address for reports of weaknesses: `mailto:…` or `https://…`. The gateway "
        "serves it as `/.well-known/security.txt`.",
    )
    metrics_token: str = setting(
        "DASI_METRICS_TOKEN",
        default="none",
        unit="text",
        read=readers.none_or(readers.token),
        is_secret=True,
        sentence="The token in `Authorization: Bearer …` that reads `/metrics` of the gateway, 16 "
        "characters or more. With `none` only a program on this machine reads it, and "
        "never through a proxy that adds `Via`, `Forwarded`, `X-Forwarded-For` or "
        "`X-Real-IP`.",
    )
    tracing: bool = setting(
        "DASI_TRACING",
        default="off",
        unit="on or off",
        read=readers.switch,
        sentence="Whether requests, requests to the PG and webhooks make OpenTelemetry spans. It "
        "needs `dasi-gateway[otel]`. The variables `OTEL_EXPORTER_OTLP_ENDPOINT`, "
        "`OTEL_TRACES_SAMPLER` and others of OpenTelemetry apply.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = setting(
        "DASI_LOG_LEVEL",
        default="info",
        unit="word",
        read=readers.one_of("debug", "info", "warning", "error"),
        sentence="The lowest level that is logged: `debug`, `info`, `warning` or `error`. `debug` "
        "also logs every request.",
    )
    log_format: Literal["auto", "json", "text"] = setting(
        "DASI_LOG_FORMAT",
        default="auto",
        unit="word",
        read=readers.one_of("auto", "json", "text"),
        sentence="`json` or `text`; `auto` writes text to a terminal and JSON elsewhere.",
    )
