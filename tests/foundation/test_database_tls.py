"""A PostgreSQL on another machine proves its name, unless the URL turns that off."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from dasi.foundation.db import connect
from dasi.foundation.postgres import unverified_sslmode
from dasi.foundation.postgres.tls import connect_options
from dasi.runtime.bootstrap import database_unreachable
from support.tls_postgres import HOST, binaries, running_tls_postgres

needs_tls = pytest.mark.skipif(
    binaries() is None, reason="no PostgreSQL with TLS (Debian: apt install postgresql)"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Path]:
    with running_tls_postgres() as folder:
        yield folder


@pytest.fixture(scope="module")
def server_of_another_name() -> Iterator[Path]:
    with running_tls_postgres(certified="192.0.2.1") as folder:
        yield folder


@pytest.fixture(scope="module")
def server_without_tls() -> Iterator[Path]:
    with running_tls_postgres(has_tls=False) as folder:
        yield folder


def url_of(folder: Path, query: str = "") -> str:
    return f"postgresql://postgres@{HOST}:{(folder / 'port').read_text()}/postgres{query}"


async def is_encrypted(url: str) -> bool:
    connection = await connect(url)
    try:
        encrypted: bool = await connection.fetchval(
            "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        )
        return encrypted
    finally:
        await connection.close()


@needs_tls
async def test_a_server_with_an_unknown_certificate_is_refused(server: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError) as refused:
        await connect(url_of(server))
    assert "sslrootcert" in database_unreachable(refused.value).hint


@needs_tls
async def test_a_server_with_the_certificate_of_its_ca_is_reached(server: Path) -> None:
    assert await is_encrypted(url_of(server, f"?sslrootcert={server}/ca.crt"))


@needs_tls
@pytest.mark.parametrize("query", ["", "?sslrootcert=system", "?sslmode=verify-full"])
async def test_a_ca_that_this_machine_trusts_needs_no_setting(
    server: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(server / "ca.crt"))
    assert await is_encrypted(url_of(server, query))


@needs_tls
async def test_a_certificate_of_another_host_is_refused(server_of_another_name: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        await connect(
            url_of(server_of_another_name, f"?sslrootcert={server_of_another_name}/ca.crt")
        )


@needs_tls
async def test_a_server_without_tls_is_refused_unless_the_url_allows_it(
    server_without_tls: Path,
) -> None:
    with pytest.raises(ConnectionError) as refused:
        await connect(url_of(server_without_tls))
    assert "sslmode=disable" in database_unreachable(refused.value).hint
    assert not await is_encrypted(url_of(server_without_tls, "?sslmode=disable"))


@needs_tls
async def test_an_explicit_sslmode_is_obeyed(server: Path) -> None:
    assert await is_encrypted(url_of(server, "?sslmode=require"))
    assert not await is_encrypted(url_of(server, "?sslmode=disable"))


@pytest.mark.parametrize(
    "host",
    ["", "127.0.0.1", "127.8.9.1:5432", "localhost:5432", "[::1]:5432", "%2Frun%2Fpostgresql"],
)
def test_this_machine_needs_no_certificate(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PGHOST", raising=False)
    assert connect_options(f"postgresql://dasi@{host}/dasi")["ssl"] is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://dasi@db/dasi",
        "postgresql://db",
        "postgresql://dasi:p@10.0.0.2:5432/dasi",
        "postgresql://dasi@127.0.0.1,db:5433/dasi",
        "postgresql:///dasi?host=db",
        "postgresql://dasi@127.0.0.1@db/dasi",
        "postgresql://dasi@localhost.example/dasi",
        "postgresql://dasi@[2001:db8::1]/dasi",
    ],
)
def test_any_other_host_is_verified(url: str) -> None:
    options = connect_options(url)
    assert isinstance(options["ssl"], ssl.SSLContext)
    assert options["ssl"].check_hostname
    assert options["ssl"].verify_mode == ssl.CERT_REQUIRED
    assert unverified_sslmode(url) is None


@pytest.mark.parametrize(
    ("query", "unverified"),
    [
        ("sslmode=disable", "disable"),
        ("sslmode=prefer", "prefer"),
        ("sslmode=require", "require"),
        ("sslmode=require&sslrootcert=/ca.crt", None),
        ("sslmode=verify-ca", None),
        ("sslmode=verify-full", None),
    ],
)
def test_an_sslmode_that_does_not_verify_is_named(query: str, unverified: str | None) -> None:
    assert unverified_sslmode(f"postgresql://dasi@db/dasi?{query}") == unverified
    assert unverified_sslmode(f"postgresql://dasi@localhost/dasi?{query}") is None
