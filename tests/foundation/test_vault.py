"""The vault's keys are those of HKDF as the `cryptography` library makes them."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from dasi.foundation.vault import MacKeyMissingError, Vault

_KEYS = st.binary(min_size=32, max_size=32)


@given(_KEYS, st.text(max_size=60))
def test_a_sealed_record_opens_with_a_key_made_by_the_library(key: bytes, secret: str) -> None:
    sealed = Vault([key]).seal(secret, associated_data="merchant 1")
    salt, nonce, rest = sealed[5:21], sealed[21:33], sealed[33:]

    record_key = HKDF(hashes.SHA256(), 32, salt, b"dasi vault record").derive(key)

    assert AESGCM(record_key).decrypt(nonce, rest, b"merchant 1").decode() == secret


@given(_KEYS)
def test_a_mac_key_is_made_as_by_the_library(key: bytes) -> None:
    derived = HKDF(hashes.SHA256(), 32, None, b"dasi ledger mac").derive(key)

    assert Vault([key]).mac_keys.signing_key == derived


def test_a_mac_belongs_to_its_values_its_kind_and_its_key() -> None:
    first, second = bytes(32), bytes(range(32))
    mac = Vault([first]).mac_keys.sign("event", 1, "paid")

    for keys in (Vault([first]).mac_keys, Vault([second, first]).mac_keys):
        assert keys.is_valid(mac, "event", 1, "paid")
        assert not keys.is_valid(mac, "event", 1, "failed")
        assert not keys.is_valid(mac, "seal", 1, "paid")
    with pytest.raises(MacKeyMissingError):
        Vault([second]).mac_keys.is_valid(mac, "event", 1, "paid")
