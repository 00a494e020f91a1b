"""nginx with `deploy/nginx/dasi.conf` as it is shipped: only names, ports and files are put in.

The file is included in a main configuration of our own, as Debian's includes `conf.d/*.conf`.
"""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SHIPPED = Path(__file__).parents[2] / "deploy/nginx/dasi.conf"
_START_PATIENCE_S = 10


@dataclass(frozen=True)
class Site:
    """What an operator changes in the file."""

    name: str
    port: int
    http_port: int
    certificate: Path
    key: Path
    gateways: Sequence[str]
    """URLs of the gateways: two, as in the file."""


def configured(site: Site) -> str:
    """Return the shipped file with the values of a site. Each must be in the file."""
    text = SHIPPED.read_text(encoding="utf-8")
    first, second = (url.removeprefix("http://") for url in site.gateways)
    for shipped, own in (
        ("server_name pay.example.com;", f"server_name {site.name};"),
        ("listen 80;", f"listen {site.http_port};"),
        ("listen 443 ", f"listen {site.port} "),
        ("/etc/dasi/tls/fullchain.pem", str(site.certificate)),
        ("/etc/dasi/tls/privkey.pem", str(site.key)),
        ("server 127.0.0.1:8000 ", f"server {first} "),
        ("server 127.0.0.1:8001 ", f"server {second} "),
    ):
        assert shipped in text, f"{SHIPPED.name} has no {shipped!r} any more"
        text = text.replace(shipped, own)
    return text


@contextmanager
def shipped_nginx(folder: Path, site: Site, *, also: str = "") -> Iterator[Path]:
    """Run nginx with the file until the block ends, and yield its access log: one status a line.

    `also`: more `server` blocks. `nginx -t` runs first, and its complaint fails the start.
    """
    log = folder / "access.log"
    (folder / "dasi.conf").write_text(configured(site), encoding="utf-8")
    (folder / "nginx.conf").write_text(
        f"""
        daemon off; pid {folder}/pid; error_log {folder}/error.log; user root;
        events {{ worker_connections 1024; }}
        http {{
          log_format status '$status $upstream_status $request_method $uri';
          access_log {log} status;
          client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
          fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
          include {folder}/dasi.conf;
          {also}
        }}""",
        encoding="utf-8",
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, check=False, text=True)
    assert checked.returncode == 0, checked.stderr
    assert "[warn]" not in checked.stderr, checked.stderr
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        _wait_for(site.port, process)
        yield log
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends_at = time.monotonic() + _START_PATIENCE_S
    while time.monotonic() < ends_at:
        assert process.poll() is None, f"nginx ended with exit code {process.returncode}"
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.02)
    raise TimeoutError("nginx does not listen")
