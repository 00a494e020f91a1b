"""A PostgreSQL with TLS on this machine, and certificates from an unknown CA.

The embedded PostgreSQL is built without TLS, so this one is Debian's. `HOST` reaches the loopback
address and does not look like it, so that it counts as another machine.
"""

import asyncio
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from os import chown
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dasi.runtime import die_with_parent
from dasi.runtime.server_account import whom_to_run_as
from support.served_app import free_socket

HOST = "0.0.0.0"
Key = ec.EllipticCurvePrivateKey


def binaries() -> Path | None:
    """The folder of a PostgreSQL that was built with TLS, or None."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        shown = subprocess.run(
            [folder / "pg_config", "--configure"], capture_output=True, text=True, check=False
        )
        libraries = subprocess.run(
            ["ldd", folder / "postgres"], capture_output=True, text=True, check=False
        )
        if "libssl" in libraries.stdout or "openssl" in shown.stdout:
            return folder
    return None


@contextmanager
def running_tls_postgres(*, certified: str = HOST, has_tls: bool = True) -> Iterator[Path]:
    """Run it on a free port of loopback; yield a folder with `port` and `ca.crt`.

    `certified`: the address in the server's certificate. User and database are `postgres`.
    """
    programs = binaries()
    assert programs is not None, "a test checks binaries() first"
    folder = Path(tempfile.mkdtemp(prefix="dasi-tls-"))
    run_as = asyncio.run(whom_to_run_as())
    _write_certificates(folder, certified)
    with free_socket() as listening:
        port = listening.getsockname()[1]
    (folder / "port").write_text(str(port))
    data = folder / "data"
    data.mkdir(mode=0o700)
    if run_as.startswith("account"):
        folder.chmod(0o711)
        for path in (data, folder / "server.key"):
            chown(path, int(run_as.split(":")[1]), -1)
    options = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "ssl": "on" if has_tls else "off",
        "ssl_cert_file": str(folder / "server.crt"),
        "ssl_key_file": str(folder / "server.key"),
        "fsync": "off",
    }
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    initdb = (programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--no-sync")
    making = _start(run_as, *initdb)
    _, errors = making.communicate()
    assert making.returncode == 0, errors
    server = _start(run_as, programs / "postgres", "-D", data, *arguments)
    try:
        _read_until_ready(server)
        yield folder
    finally:
        server.send_signal(signal.SIGINT)
        server.communicate()
        shutil.rmtree(folder)


def _start(run_as: str, *command: str | Path) -> subprocess.Popen[str]:
    wrapped = die_with_parent.wrap_command(
        *map(str, command), on_parent_death=signal.SIGINT, run_as=run_as
    )
    return subprocess.Popen(
        wrapped, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _read_until_ready(server: subprocess.Popen[str]) -> None:
    assert server.stderr is not None, "piped"
    lines = []
    for line in server.stderr:
        lines.append(line)
        if "ready to accept connections" in line:
            return
    raise AssertionError("".join(lines))


def _write_certificates(folder: Path, certified: str) -> None:
    ca_key, server_key = (
        ec.generate_private_key(ec.SECP256R1()),
        ec.generate_private_key(ec.SECP256R1()),
    )
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of a test")])
    ca = _certificate(ca_name, ca_key, x509.BasicConstraints(ca=True, path_length=0), ca_key)
    server = _certificate(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "database")]),
        server_key,
        x509.SubjectAlternativeName([x509.IPAddress(ip_address(certified))]),
        ca_key,
    )
    pem = serialization.Encoding.PEM
    (folder / "ca.crt").write_bytes(ca.public_bytes(pem))
    (folder / "server.crt").write_bytes(server.public_bytes(pem))
    (folder / "server.key").touch(mode=0o600)
    (folder / "server.key").write_bytes(
        server_key.private_bytes(
            pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )


def _certificate(
    subject: x509.Name, key: Key, extension: x509.ExtensionType, ca_key: Key
) -> x509.Certificate:
    now = datetime.now(UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CA of a test")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(extension, critical=isinstance(extension, x509.BasicConstraints))
        .sign(ca_key, hashes.SHA256())
    )
