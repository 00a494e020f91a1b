"""nginx and Caddy of this machine, with TLS, in front of a gateway.

Both pass on the headers of the client and add where it came from, as their packages do by default.
"""

import contextlib
import datetime as dt
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support.served_app import free_socket

Header = Literal["x-forwarded-for", "forwarded"]
_START_PATIENCE_S = 10


@dataclass(frozen=True)
class Proxy:
    url: str
    tls: ssl.SSLContext
    certificate: Path
    """The file of the certificate, which signs itself."""


def needs_program(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(name) is None, reason=f"{name} is not installed (Debian: apt install {name})"
    )


@contextmanager
def running_proxy(program: str, upstream: str, *, header: Header) -> Iterator[Proxy]:
    """Run nginx or Caddy with a certificate of its own. It writes the client into `header`."""
    with free_socket() as listening:
        port = listening.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificate = write_certificate(folder)
        write = {"nginx": _nginx, "caddy": _caddy}[program]
        command = write(folder, port=port, upstream=upstream, header=header)
        process = subprocess.Popen(
            command,
            env={**os.environ, "HOME": name, "XDG_DATA_HOME": name, "XDG_CONFIG_HOME": name},
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port, process)
            tls = ssl.create_default_context(cafile=certificate)
            yield Proxy(f"https://localhost:{port}", tls, certificate)
        finally:
            process.terminate()
            process.wait(10)


@contextmanager
def running_balancer(*upstreams: str) -> Iterator[str]:
    """Run nginx in front of several gateways, with its default settings, and yield its URL."""
    servers = " ".join(f"server {url.removeprefix('http://')};" for url in upstreams)
    with free_socket() as listening:
        port = listening.getsockname()[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "nginx.conf").write_text(f"""
            daemon off; pid {folder}/pid; error_log {folder}/error.log; user root;
            events {{ worker_connections 256; }}
            http {{
              access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
              fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
              upstream gateways {{ {servers} }}
              server {{
                listen 127.0.0.1:{port};
                location / {{ proxy_pass http://gateways; }}
              }}
            }}""")
        command = ["nginx", "-p", name, "-c", str(folder / "nginx.conf")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            _wait_for(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(10)


def _nginx(folder: Path, *, port: int, upstream: str, header: Header) -> list[str]:
    # With two proxies the header keeps what is there already, as for a chain of proxies.
    value = {
        "x-forwarded-for": "X-Forwarded-For $proxy_add_x_forwarded_for",
        "forwarded": 'Forwarded "$http_forwarded, for=$remote_addr;proto=$scheme"',
    }[header]
    (folder / "nginx.conf").write_text(f"""
        daemon off; pid {folder}/pid; error_log {folder}/error.log; user root;
        events {{ worker_connections 256; }}
        http {{
          access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
          fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
          server {{
            listen 127.0.0.1:{port} ssl;
            ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
            location / {{
              proxy_pass {upstream};
              proxy_set_header Host $http_host;
              proxy_set_header {value};
              proxy_set_header X-Forwarded-Proto $scheme;
            }}
          }}
        }}""")
    return ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def _caddy(folder: Path, *, port: int, upstream: str, header: Header) -> list[str]:
    added = ""
    if header == "forwarded":
        added = 'header_up +Forwarded "for={remote_host};proto={scheme}"'
    (folder / "Caddyfile").write_text(f"""{{
        admin off
        auto_https off
    }}
    https://localhost:{port} {{
        bind 127.0.0.1
        tls {folder}/cert.pem {folder}/key.pem
        reverse_proxy {upstream.removeprefix("http://")} {{
            {added}
        }}
    }}
    """)
    return ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]


def write_certificate(folder: Path) -> Path:
    """Write `key.pem` and a certificate for localhost, `cert.pem`, which signs itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path = folder / "cert.pem"
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + _START_PATIENCE_S
    while time.monotonic() < ends_at:
        assert process.poll() is None, f"the proxy ended with exit code {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.02)
        else:
            return
    raise TimeoutError("the proxy does not listen")
