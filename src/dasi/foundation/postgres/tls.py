"""TLS to a PostgreSQL server, from its URL.

The certificate of a server on another machine is verified, unless the URL has an `sslmode`.
PostgreSQL's own default, `prefer`, sends rows to any server that answers.
"""

import os
import ssl
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit


def connect_options(url: str) -> dict[str, Any]:
    """Return asyncpg's `dsn` and `ssl`. Without an `sslmode`, a remote server is verified.

    Its certificate must be for its host and from the CA of `sslrootcert`, or from one that this
    machine trusts if there is none or it is `system`.
    """
    query = _query(url)
    mode = _explicit_mode(query) or ("verify-full" if _is_remote(url) else None)
    if mode == "verify-full" and (query.get("sslrootcert") == "system" or not _has_root(query)):
        context = ssl.create_default_context()
        if query.get("sslcert"):
            context.load_cert_chain(
                query["sslcert"], query.get("sslkey"), lambda: query.get("sslpassword", "")
            )
        return {"dsn": url, "ssl": context}
    return {"dsn": url, "ssl": mode}


def unverified_sslmode(url: str) -> str | None:
    """Return the `sslmode` of a URL that reaches a remote server without verifying it, or None."""
    query = _query(url)
    mode = _explicit_mode(query)
    if not _is_remote(url) or mode in (None, "verify-ca", "verify-full"):
        return None
    return None if mode == "require" and _has_root(query) else mode


def _query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


def _explicit_mode(query: dict[str, str]) -> str | None:
    return query.get("sslmode") or os.environ.get("PGSSLMODE") or None


def _has_root(query: dict[str, str]) -> bool:
    root = query.get("sslrootcert") or os.environ.get("PGSSLROOTCERT")
    return bool(root) or Path("~/.postgresql/root.crt").expanduser().exists()


def _is_remote(url: str) -> bool:
    """Return whether a host of the URL may be another machine. None at all is a local socket."""
    netloc = urlsplit(url).netloc
    hosts = netloc.partition("@")[2] if "@" in netloc else netloc
    hosts = hosts or _query(url).get("host", "") or os.environ.get("PGHOST", "")
    return any(not _is_local(unquote(host)) for host in hosts.split(",") if host)


def _is_local(host: str) -> bool:
    name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
    if host.startswith("/") or name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
