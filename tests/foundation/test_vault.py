"""The vault's keys are those of HKDF as the `cryptography` library makes them."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from dasi.foundation.vault import Vault

_KEYS = st.binary(min_size=32, max_size=32)


@given(_KEYS, st.text(max_size=60))
def test_a_sealed_record_opens_with_a_key_made_by_the_library(key: bytes, secret: str) -> None:
    sealed = Vault([key]).seal(secret, associated_data="merchant 1")
    salt, nonce, rest = sealed[5:21], sealed[21:33], sealed[33:]

    record_key = HKDF(hashes.SHA256(), 32, salt, b"dasi vault record").derive(key)

    assert AESGCM(record_key).decrypt(nonce, rest, b"merchant 1").decode() == secret
