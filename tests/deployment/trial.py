"""An installation under load, restarted and upgraded. `deploy/try.sh` prepares it and runs this.

The network is the script's own: nginx has the ports 80 and 443, and the addresses of a KICC server
and of a client are on this machine.
"""

import asyncio
import base64
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import aiohttp

from console.http_browser import ConsoleUser, add_member
from dasi.app import open_engine
from dasi.engine import Engine
from dasi.merchants import add_api_key, add_merchant
from dasi.runtime.embedded_postgres import APP_USER, DATABASE, EmbeddedPostgres
from dasi.settings import read_settings, without_ours
from dasi.users import Role
from support.charge_load import AMOUNT_KRW, ChargeLoad, charging
from support.gateway_merchant import (
    CODE,
    LIVE_MID,
    LIVE_SECRET,
    MerchantClient,
    add_live_channel,
)
from support.gateway_process import Program, Programs
from support.shipped_nginx import Site, shipped_nginx
from support.simulator_process import SimulatorProcess

URL = "https://localhost"
KICC_URL = "https://localhost:8443"
KICC_ADDRESS, CLIENT_ADDRESS = "203.233.72.150", "198.51.100.7"
PORTS = (8000, 8001)
BETWEEN_GATEWAYS_S = 15
"""`docs/operate/upgrade.md`: the time between the start of one gateway and the stop of the next."""


@dataclass
class Result:
    """What was measured. `bounds`: each claim and whether it holds."""

    bounds: dict[str, bool]

    def check(self, claim: str, holds: bool) -> None:
        self.bounds[claim] = holds
        write(f"{'ok  ' if holds else 'MISS'}  {claim}")


@dataclass
class Installation:
    folder: Path
    client: MerchantClient
    programs: Programs
    access_log: Path
    migrate_environment: dict[str, str]

    def use(self, version: str) -> None:
        link = self.folder / "opt/next"
        link.symlink_to(version)
        link.rename(self.folder / "opt/current")


async def main() -> int:
    folder = Path(os.environ["TRY_FOLDER"])
    seconds = int(os.environ["SECONDS_OF_LOAD"])
    result = Result({})
    async with installation(folder) as installed:
        await installed.client.register_card("card-1")
        started_at = monotonic()
        async with charging(installed.client, URL) as load:
            await restart_and_upgrade(installed, load)
            await charge_on(load, until=started_at + seconds)
        took_s = monotonic() - started_at
        write(f"      {len(load.paid)} charges in {took_s:.0f} s, by 6 clients")
        await check_money(installed, load, result)
        check_answers(installed, load, result)
        check_versions(installed, result)
        await check_audit_log(installed.client, result)
        await check_notifications(installed.client, result)
        await check_ledger(installed, result)
    return 0 if all(result.bounds.values()) else 1


async def restart_and_upgrade(installed: Installation, load: ChargeLoad) -> None:
    """A rolling restart by handover, the upgrade, and a rolling restart by stop and start."""
    gateways, (worker,) = installed.programs.gateways, installed.programs.workers
    await load.until_more(50)
    note("rolling restart of the previous version: SIGUSR2 to each gateway")
    for gateway in gateways:
        await gateway.replace()
        await load.until_more(50)
    note(f"upgrade: {os.environ['TRY_UPGRADE']}")
    await run("this", "migrate", folder=installed.folder, environment=installed.migrate_environment)
    installed.use("this")
    for gateway in gateways:
        await gateway.replace()
        await load.until_more(50)
    await worker.stop()
    await worker.start()
    note("rolling restart of this version: SIGTERM and a new start of each gateway")
    for gateway in gateways:
        await gateway.end(signal.SIGTERM)
        await gateway.start()
        await charge_on(load, until=monotonic() + BETWEEN_GATEWAYS_S)


async def charge_on(load: ChargeLoad, *, until: float) -> None:
    """Wait for charges until a moment of the monotonic clock."""
    while monotonic() < until:
        await load.until_more(1)


async def check_money(installed: Installation, load: ChargeLoad, result: Result) -> None:
    """Compare what the clients were answered, dasi's payments, and KICC's ledger."""
    client = installed.client
    rows = await client.rows(
        "SELECT merchant_uid, amount_krw FROM payments"
        " WHERE purpose = 'payment' AND status = 'paid'"
    )
    paid_krw = sum(row["amount_krw"] for row in rows)
    lost = set(load.paid) ^ {row["merchant_uid"] for row in rows}
    approvals, kicc_krw = await client.approvals(), await client.net_krw()
    result.check(f"{len(lost)} charges lost or invented", not lost and len(rows) == len(load.paid))
    result.check(
        f"clients {len(load.paid) * AMOUNT_KRW:,} won = dasi {paid_krw:,} won"
        f" = KICC {kicc_krw:,} won in {len(approvals)} approvals",
        len(load.paid) * AMOUNT_KRW == paid_krw == kicc_krw and len(approvals) == len(load.paid),
    )


def check_answers(installed: Installation, load: ChargeLoad, result: Result) -> None:
    statuses = Counter(line.split()[0] for line in installed.access_log.read_text().splitlines())
    errors = {status: count for status, count in statuses.items() if status.startswith("5")}
    seen = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    result.check(f"{sum(errors.values())} answers 5xx from nginx ({seen})", not errors)
    failures = f"{len(load.failures)} charges failed at the clients"
    result.check(f"{failures} {load.failures[:2] or ''}".strip(), not load.failures)


def check_versions(installed: Installation, result: Result) -> None:
    """The gateways and the worker run the code of the new version."""
    opt = installed.folder / "opt"
    used = {
        str(Path(f"/proc/{program.pid}/cmdline").read_bytes().split(b"\0")[0].decode())
        for program in installed.programs.all
    }
    expected = {str(opt / "this/bin/python")}
    names = ", ".join(sorted(path.replace(f"{opt}/", "") for path in used))
    result.check(f"all programs run {names}", used == expected)


async def check_audit_log(client: MerchantClient, result: Result) -> None:
    """Sign in to the console from an address, claiming to be another one."""
    email = await add_member(client, Role.OWNER)
    async with client_at(CLIENT_ADDRESS, {"X-Forwarded-For": KICC_ADDRESS}) as http:
        await ConsoleUser(client, http, url=URL).sign_in(email)
    rows = await client.rows("SELECT DISTINCT address FROM audit_log WHERE address <> 'terminal'")
    addresses = [row["address"] for row in rows]
    result.check(
        f"the audit log says {', '.join(addresses)}; the client is at {CLIENT_ADDRESS}"
        f" and claimed {KICC_ADDRESS}",
        addresses == [CLIENT_ADDRESS],
    )


async def check_notifications(client: MerchantClient, result: Result) -> None:
    """The same live notification, from an address of KICC and from another one."""
    payments = (await client.approvals())[:2]
    outcomes = []
    for address, payment in zip((KICC_ADDRESS, CLIENT_ADDRESS), payments, strict=True):
        outcomes.append(await outcome_of_notification(client, address, payment))
    result.check(
        f"a live notification from {KICC_ADDRESS} is processed ({outcomes[0]})",
        outcomes[0] in ("no_open_attempt", "lookup_triggered"),
    )
    result.check(
        f"one from {CLIENT_ADDRESS} is refused ({outcomes[1]})", outcomes[1] == "untrusted_source"
    )


async def outcome_of_notification(
    client: MerchantClient, address: str, payment: dict[str, Any]
) -> str:
    body = {
        "mallId": LIVE_MID,
        "pgCno": payment["pgCno"],
        "notiType": "10",
        "amount": AMOUNT_KRW,
        "shopOrderNo": payment["shopOrderNo"],
        "resCd": "0000",
        "resMsg": "정상",
    }
    async with (
        client_at(address, {"Content-Type": "application/json"}) as http,
        http.post(f"{URL}/pg-notifications/kicc", data=json.dumps(body)) as answer,
    ):
        assert answer.status == 200, await answer.text()
    async with asyncio.timeout(10):
        while True:
            rows = await client.rows(
                "SELECT outcome FROM pg_notifications WHERE source = $1", address
            )
            if rows and rows[0]["outcome"]:
                return str(rows[0]["outcome"])


async def check_ledger(installed: Installation, result: Result) -> None:
    environment = installed.programs.workers[0].environment
    arguments = ("ledger", "verify", "--json")
    proof = await run("this", *arguments, folder=installed.folder, environment=dict(environment))
    payments = json.loads(proof)["payments"]
    result.check(f"dasi ledger verify proves {payments} payments", payments > 0)


def client_at(address: str, headers: dict[str, str]) -> aiohttp.ClientSession:
    """A client with an address of its own."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(local_addr=(address, 0)),
        cookie_jar=aiohttp.CookieJar(unsafe=True),
        headers=headers,
    )


@asynccontextmanager
async def installation(folder: Path) -> AsyncIterator[Installation]:
    """All programs, with one live merchant. The block's end stops them."""
    postgres = EmbeddedPostgres(folder / "data", durable=True)
    await postgres.start()
    note("PostgreSQL: the embedded one, reached through a socket in the folder only")
    try:
        async with SimulatorProcess() as kicc:
            settings = settings_of(postgres, kicc)
            variables = {**without_ours(os.environ), **settings}
            migrating = {**variables, "DASI_DATABASE_OWNER_URL": postgres.url_of(DATABASE)}
            await run("current", "migrate", folder=folder, environment=migrating)
            programs = programs_of(folder, variables)
            with shipped_nginx(folder, site_of(folder), also=kicc_server(folder, kicc)) as log:
                try:
                    await programs.start()
                    note(f"2 gateways and 1 worker of the previous version behind {URL}")
                    async with (
                        open_engine(read_settings(settings)) as engine,
                        live_merchant(engine, kicc) as client,
                    ):
                        yield Installation(folder, client, programs, log, migrating)
                finally:
                    await programs.stop()
    finally:
        await postgres.stop()


def settings_of(postgres: EmbeddedPostgres, kicc: SimulatorProcess) -> dict[str, str]:
    return {
        "DASI_DATABASE_URL": postgres.url_of(DATABASE, user=APP_USER),
        "DASI_VAULT_KEYS": base64.b64encode(os.urandom(32)).decode(),
        "DASI_PUBLIC_URL": URL,
        "DASI_TRUSTED_PROXIES": "127.0.0.1",
        "DASI_KICC_LIVE_URL": KICC_URL,
        "DASI_KICC_SANDBOX_URL": kicc.base_url,
        "DASI_LOG_FORMAT": "json",
    }


def programs_of(folder: Path, variables: dict[str, str]) -> Programs:
    command = (str(folder / "opt/current/bin/dasi"),)
    return Programs(
        gateways=[
            Program(
                *("serve", "--port", str(port)),
                environment=variables,
                ready_event="gateway_ready",
                command=command,
            )
            for port in PORTS
        ],
        workers=[
            Program("worker", environment=variables, ready_event="worker_ready", command=command)
        ],
    )


def site_of(folder: Path) -> Site:
    return Site(
        name="localhost",
        port=443,
        http_port=80,
        certificate=folder / "tls/cert.pem",
        key=folder / "tls/key.pem",
        gateways=[f"http://127.0.0.1:{port}" for port in PORTS],
    )


def kicc_server(folder: Path, kicc: SimulatorProcess) -> str:
    """KICC's live host: the simulator with TLS. The windows it opens are on its own port."""
    own = kicc.base_url.removeprefix("http://")
    return f"""server {{
        listen 127.0.0.1:8443 ssl; access_log off;
        ssl_certificate {folder}/tls/cert.pem; ssl_certificate_key {folder}/tls/key.pem;
        location / {{ proxy_pass {kicc.base_url}; proxy_set_header Host {own}; }}
    }}"""


@asynccontextmanager
async def live_merchant(engine: Engine, kicc: SimulatorProcess) -> AsyncIterator[MerchantClient]:
    await kicc.control("POST", "/malls", {"mallId": LIVE_MID, "key": LIVE_SECRET})
    merchant = await add_merchant(engine, code=CODE, name="다시 커피", webhook_url=None)
    channel = await add_live_channel(engine, merchant)
    key = await add_api_key(engine, merchant)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield MerchantClient(URL, engine, merchant, key, channel, kicc, http)


async def run(version: str, *arguments: str, folder: Path, environment: dict[str, str]) -> str:
    """Run `dasi` of a version to its end and return what it printed."""
    process = await asyncio.create_subprocess_exec(
        str(folder / "opt" / version / "bin/dasi"),
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, notes = await process.communicate()
    assert process.returncode == 0, f"dasi {' '.join(arguments)}:\n{(printed + notes).decode()}"
    return printed.decode()


def note(text: str) -> None:
    write(f"      {text}")


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
