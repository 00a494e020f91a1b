"""Seals secrets at rest: AES-256-GCM, a fresh key per record, bound to where the record belongs.

Several sealing keys may live side by side, newest first: the first seals, all open. To rotate, give
every process the new key behind the old one, then in front of it; run
`dasi vault rotate`; then drop the old one.

Sealed form, version 1: `0x01 | key id (4) | salt (16) | nonce (12) | ciphertext and tag`.
Message authentication code: `key id (4) | first 16 bytes of HMAC-SHA256`.
"""

import base64
import binascii
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_VERSION = b"\x01"
_PURPOSE = b"dasi vault record"
_MAC_PURPOSE = b"dasi ledger mac"
KEY_ID_BYTES = 4
_ID, _SALT, _NONCE, _TAG = KEY_ID_BYTES, 16, 12, 16
_encode_json = msgspec.json.Encoder().encode
_HEADER = 1 + _ID + _SALT + _NONCE


class DecryptionError(Exception):
    """The record was sealed with a key we do not hold, for another place, or has been altered."""


class MacKeyMissingError(Exception):
    """The MAC was made with a key that is not loaded; the text is the key's id."""


class MacKeys:
    """MAC keys by key id. The first signs, all verify. It never prints them.

    Values are encoded as one JSON array whose first element names their kind: a MAC of one kind
    never passes for another.
    """

    def __init__(self, keys: Mapping[bytes, bytes]) -> None:
        self._keys = dict(keys)
        self.newest = next(iter(self._keys))
        """The id of the key that signs."""

    def including(self, older: Mapping[bytes, bytes]) -> "MacKeys":
        """Return these keys and older ones, which only verify."""
        return MacKeys({**self._keys, **{k: v for k, v in older.items() if k not in self._keys}})

    @property
    def signing_key(self) -> bytes:
        """The key that signs."""
        return self._keys[self.newest]

    @property
    def older(self) -> dict[bytes, bytes]:
        """The keys that no longer sign, by id."""
        return {key_id: key for key_id, key in self._keys.items() if key_id != self.newest}

    def sign(self, kind: str, *values: Any) -> bytes:
        """Return the MAC of the values."""
        return self.newest + self.digest(self.newest, kind, *values)

    def is_valid(self, mac: bytes, kind: str, *values: Any) -> bool:
        """Return whether the MAC belongs to the values. `MacKeyMissingError` without its key."""
        return hmac.compare_digest(
            mac[KEY_ID_BYTES:], self.digest(mac[:KEY_ID_BYTES], kind, *values)
        )

    def digest(self, key_id: bytes, kind: str, *values: Any) -> bytes:
        """Return the MAC of the values under one key, without the key id."""
        key = self._keys.get(key_id)
        if key is None:
            raise MacKeyMissingError(key_id.hex())
        return hmac.digest(key, _encode_json((kind, *values)), "sha256")[:_TAG]

    def __repr__(self) -> str:
        return f"MacKeys({len(self._keys)} keys)"


class Vault:
    """Seals and opens secrets with its keys, which it never prints."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        if not keys or any(len(key) != KEY_BYTES for key in keys):
            raise ValueError(f"the vault needs one or more keys of {KEY_BYTES} bytes each")
        self._keys = {_key_id(key): key for key in keys}
        self._newest = _key_id(keys[0])
        self._mac_keys = MacKeys(
            {_key_id(key): _derived_key(key, b"", _MAC_PURPOSE) for key in keys}
        )

    def seal(self, secret: str, *, associated_data: str) -> bytes:
        """Return `secret` sealed; only `open` with the same `associated_data` returns it."""
        salt, nonce = os.urandom(_SALT), os.urandom(_NONCE)
        cipher = AESGCM(_derived_key(self._keys[self._newest], salt, _PURPOSE))
        sealed = cipher.encrypt(nonce, secret.encode(), associated_data.encode())
        return _VERSION + self._newest + salt + nonce + sealed

    def open(self, sealed: bytes, *, associated_data: str) -> str:
        """Return the secret. `DecryptionError` names the reason and nothing of the content."""
        if sealed[:1] != _VERSION or len(sealed) <= _HEADER:
            raise DecryptionError("not a sealed record of version 1")
        key = self._keys.get(sealed[1 : 1 + _ID])
        if key is None:
            raise DecryptionError(
                f"sealed with key {sealed[1 : 1 + _ID].hex()}, which is not loaded"
            )
        salt = sealed[1 + _ID : 1 + _ID + _SALT]
        nonce = sealed[1 + _ID + _SALT : _HEADER]
        try:
            opened = AESGCM(_derived_key(key, salt, _PURPOSE)).decrypt(
                nonce, sealed[_HEADER:], associated_data.encode()
            )
        except InvalidTag as wrong:
            raise DecryptionError(f"altered, or not bound to {associated_data!r}") from wrong
        return opened.decode()

    @property
    def mac_keys(self) -> MacKeys:
        """MAC keys that are derived from the sealing keys (HKDF) and share their ids."""
        return self._mac_keys

    @property
    def newest_mark(self) -> bytes:
        """How everything begins that the newest key has sealed."""
        return _VERSION + self._newest

    def __repr__(self) -> str:
        return f"Vault({len(self._keys)} keys)"


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedColumn:
    """One column of sealed values. A value opens in its own row and column only."""

    title: str
    """For an operator: "billing keys"."""
    table: str
    key: tuple[str, ...]
    """The primary key."""
    column: str
    bound_to: tuple[str, ...]
    """The columns that identify the row and are known before it is inserted. The merchant is one
    of them where the table has it."""

    def seal(self, vault: Vault, secret: str, /, **columns: object) -> bytes:
        """Seal a value for the row with these columns."""
        return vault.seal(secret, associated_data=self._associated_data(columns))

    def open(self, vault: Vault, sealed: bytes, /, **columns: object) -> str:
        """Open the value of the row with these columns. Raises `DecryptionError`."""
        return vault.open(sealed, associated_data=self._associated_data(columns))

    def _associated_data(self, columns: Mapping[str, object]) -> str:
        """A JSON list: no two rows have the same one, also with odd characters in their values."""
        place = [self.table, self.column, *(columns[name] for name in self.bound_to)]
        return msgspec.json.encode(place).decode()


def new_key() -> str:
    """A fresh sealing key in the form `DASI_VAULT_KEYS` takes."""
    return base64.b64encode(os.urandom(KEY_BYTES)).decode()


def parse_keys(text: str) -> tuple[bytes, ...]:
    """`DASI_VAULT_KEYS`: base64 keys of 32 bytes, newest first, separated by commas."""
    try:
        keys = tuple(base64.b64decode(part.strip(), validate=True) for part in text.split(","))
    except binascii.Error as wrong:
        raise ValueError("a sealing key is not base64") from wrong
    if any(len(key) != KEY_BYTES for key in keys):
        raise ValueError(f"a sealing key is not {KEY_BYTES} bytes long")
    return keys


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"dasi vault key id" + key).digest()[:_ID]


def _derived_key(key: bytes, salt: bytes, purpose: bytes) -> bytes:
    """HKDF (RFC 5869) with SHA-256 for 32 bytes: extract, then the one block that is needed."""
    extracted = hmac.digest(salt, key, "sha256")
    return hmac.digest(extracted, purpose + b"\x01", "sha256")
