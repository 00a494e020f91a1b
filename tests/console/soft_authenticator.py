"""A passkey made of software: what a browser and its authenticator answer, right or wrong on
purpose. Written from WebAuthn level 2 (§6.1, §6.5, §5.8.1), not with the gateway's library."""

import hashlib
import json
import os
import struct
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

_PRESENT, _VERIFIED, _WITH_KEY = 0x01, 0x04, 0x40


@dataclass
class SoftAuthenticator:
    origin: str
    rp_id: str = "localhost"
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    counts: bool = True
    count: int = 0

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())

    def create(self, options: dict[str, Any], **instead: Any) -> str:
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        key = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})
        length = struct.pack(">H", len(self.credential_id))
        attested = bytes(16) + length + self.credential_id + key
        data = self._authenticator_data(_PRESENT | _VERIFIED | _WITH_KEY, instead) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._answer(
            clientDataJSON=self._client_data("webauthn.create", options, instead),
            attestationObject=attestation,
        )

    def get(self, options: dict[str, Any], **instead: Any) -> str:
        """`instead` puts another `challenge`, `origin`, `rp_id` or `count` in its place."""
        self.count += self.counts
        data = self._authenticator_data(_PRESENT | _VERIFIED, instead)
        client_data = self._client_data("webauthn.get", options, instead)
        signed = data + hashlib.sha256(client_data).digest()
        return self._answer(
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=self.key.sign(signed, ec.ECDSA(SHA256())),
        )

    def _authenticator_data(self, flags: int, instead: dict[str, Any]) -> bytes:
        rp_id_hash = hashlib.sha256(instead.get("rp_id", self.rp_id).encode()).digest()
        return rp_id_hash + struct.pack(">BI", flags, instead.get("count", self.count))

    def _client_data(self, kind: str, options: dict[str, Any], instead: dict[str, Any]) -> bytes:
        client_data = {
            "type": kind,
            "challenge": instead.get("challenge", options["challenge"]),
            "origin": instead.get("origin", self.origin),
            "crossOrigin": False,
        }
        return json.dumps(client_data).encode()

    def _answer(self, **response: bytes) -> str:
        name = _text(self.credential_id)
        encoded = {key: _text(value) for key, value in response.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": encoded})


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
