"""Whether a webhook is LiveKit's and arrived as it was sent."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable
from typing import Final, Protocol

import jwt

from lambdas.shared.http import Unauthenticated
from lambdas.shared.livekit_key import LiveKitKey

LEEWAY_SECONDS: Final = 60
"""How far two clocks may be apart, as LiveKit's verifier has it."""


class Verify(Protocol):
    """Raises Unauthenticated unless the Authorization header signs exactly this body, now."""

    def __call__(self, body: bytes, authorization: str) -> None: ...


def verifier(read_key: Callable[[], LiveKitKey]) -> Verify:
    """Checks with the key as it is at each request, so a rotated one is used at once.

    LiveKit sends a bare JWT, without "Bearer", that is valid for some minutes and whose claim `sha256` is the base64
    digest of the body's bytes.
    """

    def verify(body: bytes, authorization: str) -> None:
        key = read_key()
        try:
            # LiveKit's own verifier does the same, and importing it takes longer than all else of this function.
            claims = jwt.decode(
                authorization,
                key.api_secret,
                algorithms=["HS256"],
                issuer=key.api_key,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp"]},
            )
            digest = base64.b64decode(claims.get("sha256") or "", validate=True)
        except (jwt.InvalidTokenError, binascii.Error, ValueError, TypeError, AttributeError) as error:
            raise Unauthenticated(f"the token is not LiveKit's ({type(error).__name__})") from None
        if not hmac.compare_digest(digest, hashlib.sha256(body).digest()):
            raise Unauthenticated("the body is not the one that was signed")

    return verify
