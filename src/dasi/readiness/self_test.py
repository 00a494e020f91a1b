"""A question that only this installation answers: how does a request to the public URL arrive?

`dasi doctor` signs a question with the sealing keys and sends it to the public URL. A gateway with
the same keys describes the request as it arrived, and seals the answer. Only a holder of the keys
reads or makes such an answer.
"""

import secrets
from datetime import datetime, timedelta

import msgspec

from dasi.foundation.vault import DecryptionError, MacKeyMissingError, Vault

SELF_TEST_PATH, SELF_TEST_HEADER = "/health/self", "dasi-self-test"
_KIND = "self_test_question"
_LIFE = timedelta(minutes=5)
_PARTS = 3


class RequestView(msgspec.Struct, frozen=True, kw_only=True):
    """A request as a gateway saw it, and the settings of that gateway."""

    version: str
    public_url: str
    peer: str
    """The address that opened the connection to the gateway."""
    client: str
    """The client's address after the trusted proxies' header was read."""
    scheme: str
    forwarded_header: str
    """The name of the header that is read."""
    forwarded: str
    """Its value, as it arrived."""


def new_question(vault: Vault, *, now: datetime) -> tuple[str, str]:
    """Return a nonce for `open_answer`, and the value of `SELF_TEST_HEADER`."""
    nonce, at = secrets.token_hex(16), int(now.timestamp())
    mac = vault.mac_keys.sign(_KIND, nonce, at).hex()
    return nonce, f"{nonce}.{at}.{mac}"


def read_question(vault: Vault, text: str, *, now: datetime) -> str | None:
    """Return the nonce of a question of this installation; None for anything else."""
    parts = text.split(".")
    if len(parts) != _PARTS or not text.isascii():
        return None
    nonce, at, mac = parts
    try:
        is_ours = vault.mac_keys.is_valid(bytes.fromhex(mac), _KIND, nonce, int(at))
    except (ValueError, MacKeyMissingError):
        return None
    is_fresh = abs(now.timestamp() - int(at)) <= _LIFE.total_seconds()
    return nonce if is_ours and is_fresh else None


def seal_answer(vault: Vault, nonce: str, view: RequestView) -> str:
    """Return the body of an answer."""
    sealed = vault.seal(msgspec.json.encode(view).decode(), associated_data=f"self test {nonce}")
    return sealed.hex()


def open_answer(vault: Vault, nonce: str, body: str) -> RequestView | None:
    """Return what the gateway saw; None if the answer is not of this installation."""
    try:
        opened = vault.open(bytes.fromhex(body.strip()), associated_data=f"self test {nonce}")
        return msgspec.json.decode(opened, type=RequestView)
    except (ValueError, DecryptionError):
        return None
