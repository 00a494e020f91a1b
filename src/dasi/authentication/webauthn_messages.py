"""The browser's half of a passkey: what it is asked to sign, and whether what it signed is right.

WebAuthn level 2, by the `webauthn` library. Its import takes a second or two and its arithmetic is
not free, so both happen in a thread, when the first passkey is used. A browser signs for one host
name only: that of `DASI_PUBLIC_URL`.
"""

import asyncio
import ipaddress
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
_TIMEOUT_MS = 120_000
# What the library lets through of an answer that is no answer: it parses before it verifies.
_NOT_AN_ANSWER = (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error)


class InvalidAssertion(Exception):
    """The answer is not one to our challenge by this passkey. Says why, for the audit log."""


@dataclass(frozen=True, slots=True)
class Host:
    """Whom a passkey is for. `origin` is the page's, `name` the host that the browser checks."""

    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class NewKey:
    credential_id: bytes
    public_key: bytes
    sign_count: int


def host_of(public_url: str) -> Host | None:
    """None where browsers have no passkeys: without HTTPS (but for localhost), and at a bare IP
    address."""
    parts = urlsplit(public_url)
    name = parts.hostname or ""
    is_local = name == "localhost" or name.endswith(".localhost")
    if parts.scheme != "https" and not is_local:
        return None
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return Host(f"{parts.scheme}://{parts.netloc.lower()}", name)
    return None


async def options_to_add(
    host: Host, challenge: bytes, *, user_id: bytes, email: str, name: str, known: Sequence[bytes]
) -> str:
    """JSON for `navigator.credentials.create`; an authenticator that is known refuses by itself."""

    def make() -> str:
        import webauthn  # noqa: PLC0415  # see above: it is slow to load
        from webauthn.helpers import structs  # noqa: PLC0415  # as above

        return webauthn.options_to_json(
            webauthn.generate_registration_options(
                rp_id=host.name,
                rp_name="dasi",
                user_id=user_id,
                user_name=email,
                user_display_name=name,
                challenge=challenge,
                timeout=_TIMEOUT_MS,
                authenticator_selection=structs.AuthenticatorSelectionCriteria(
                    resident_key=structs.ResidentKeyRequirement.DISCOURAGED,
                    user_verification=structs.UserVerificationRequirement.PREFERRED,
                ),
                exclude_credentials=[
                    structs.PublicKeyCredentialDescriptor(id=one) for one in known
                ],
            )
        )

    return await asyncio.to_thread(make)


async def options_to_sign_in(host: Host, challenge: bytes, *, known: Sequence[bytes]) -> str:
    """JSON for `navigator.credentials.get`."""

    def make() -> str:
        import webauthn  # noqa: PLC0415  # see above: it is slow to load
        from webauthn.helpers import structs  # noqa: PLC0415  # as above

        return webauthn.options_to_json(
            webauthn.generate_authentication_options(
                rp_id=host.name,
                challenge=challenge,
                timeout=_TIMEOUT_MS,
                allow_credentials=[structs.PublicKeyCredentialDescriptor(id=one) for one in known],
            )
        )

    return await asyncio.to_thread(make)


async def read_new_key(host: Host, challenge: bytes, answer: str) -> NewKey:
    """`InvalidAssertion`."""

    def verify() -> NewKey:
        import webauthn  # noqa: PLC0415  # see above: it is slow to load

        told = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=host.name,
            expected_origin=host.origin,
        )
        return NewKey(told.credential_id, told.credential_public_key, told.sign_count)

    return await _verified(verify)


async def credential_id_of(answer: str) -> bytes:
    """Which passkey claims to have answered. `InvalidAssertion`."""

    def read() -> bytes:
        from webauthn.helpers import parse_authentication_credential_json  # noqa: PLC0415  # above

        return parse_authentication_credential_json(answer).raw_id

    return await _verified(read)


async def new_sign_count(
    host: Host, challenge: bytes, answer: str, *, public_key: bytes, sign_count: int
) -> int:
    """The authenticator's count after an answer that is right; it must have grown, where it is not
    always 0: else there are two of that authenticator. `InvalidAssertion`."""

    def verify() -> int:
        import webauthn  # noqa: PLC0415  # see above: it is slow to load

        return webauthn.verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=host.name,
            expected_origin=host.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
        ).new_sign_count

    return await _verified(verify)


async def _verified(verify: Callable[[], T]) -> T:
    def run() -> T:
        from webauthn.helpers.exceptions import WebAuthnException  # noqa: PLC0415  # as above

        try:
            return verify()
        except (WebAuthnException, *_NOT_AN_ANSWER) as why:
            raise InvalidAssertion(f"{type(why).__name__}: {str(why)[:200]}") from why

    return await asyncio.to_thread(run)
