"""Write the options of a passkey for the browser, and verify the browser's answer.

WebAuthn level 2, by the `webauthn` library. Its import takes one or two seconds and its arithmetic
costs time, so both run in a thread, at the first use of a passkey. A browser signs for one host
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
# The errors that the library raises for a malformed answer, which it parses before it verifies.
_MALFORMED_ANSWER = (ValueError, TypeError, KeyError, IndexError, AttributeError, struct.error)


class InvalidAssertion(Exception):
    """The answer does not match the challenge and the passkey. The text is for the audit log."""


@dataclass(frozen=True, slots=True)
class Host:
    """The site of a passkey: the origin of its page, and the host name that the browser checks."""

    origin: str
    name: str


@dataclass(frozen=True, slots=True)
class NewKey:
    credential_id: bytes
    public_key: bytes
    sign_count: int


def host_of(public_url: str) -> Host | None:
    """Return the site of an address, or None if browsers offer no passkeys there.

    Browsers offer none without HTTPS (except at localhost) and none at an IP address.
    """
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
    """Return the JSON for `navigator.credentials.create`. Known authenticators refuse it."""

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
                    structs.PublicKeyCredentialDescriptor(id=key_id) for key_id in known
                ],
            )
        )

    return await asyncio.to_thread(make)


async def options_to_sign_in(host: Host, challenge: bytes, *, known: Sequence[bytes]) -> str:
    """Return the JSON for `navigator.credentials.get`."""

    def make() -> str:
        import webauthn  # noqa: PLC0415  # see above: it is slow to load
        from webauthn.helpers import structs  # noqa: PLC0415  # as above

        return webauthn.options_to_json(
            webauthn.generate_authentication_options(
                rp_id=host.name,
                challenge=challenge,
                timeout=_TIMEOUT_MS,
                allow_credentials=[
                    structs.PublicKeyCredentialDescriptor(id=key_id) for key_id in known
                ],
            )
        )

    return await asyncio.to_thread(make)


async def read_new_key(host: Host, challenge: bytes, answer: str) -> NewKey:
    """Return the new key of an answer. Raise `InvalidAssertion`."""

    def verify() -> NewKey:
        import webauthn  # noqa: PLC0415  # see above: it is slow to load

        registration = webauthn.verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=host.name,
            expected_origin=host.origin,
        )
        return NewKey(
            registration.credential_id,
            registration.credential_public_key,
            registration.sign_count,
        )

    return await _verified(verify)


async def credential_id_of(answer: str) -> bytes:
    """Return the id of the passkey that the answer names. Raise `InvalidAssertion`."""

    def read() -> bytes:
        from webauthn.helpers import parse_authentication_credential_json  # noqa: PLC0415  # above

        return parse_authentication_credential_json(answer).raw_id

    return await _verified(read)


async def new_sign_count(
    host: Host, challenge: bytes, answer: str, *, public_key: bytes, sign_count: int
) -> int:
    """Verify an answer and return the authenticator's count.

    The count must grow unless it is always 0; otherwise the authenticator was copied. Raise
    `InvalidAssertion`.
    """

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
        except (WebAuthnException, *_MALFORMED_ANSWER) as error:
            raise InvalidAssertion(f"{type(error).__name__}: {str(error)[:200]}") from error

    return await asyncio.to_thread(run)
