"""API Gateway's check of a Signature Version 4: the signature is made again with the caller's secret and compared."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

SERVICE: Final = "execute-api"
TOLERANCE: Final = timedelta(minutes=5)
TIMESTAMP: Final = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION: Final = re.compile(
    r"^AWS4-HMAC-SHA256 +"
    r"Credential=(?P<key>[^/ ,]+)/(?P<date>\d{8})/(?P<region>[^/ ,]+)/(?P<service>[^/ ,]+)/aws4_request, *"
    r"SignedHeaders=(?P<headers>[a-z0-9;_-]+), *Signature=(?P<signature>[0-9a-f]{64})$"
)

Headers = Sequence[tuple[str, str]]


class Forbidden(Exception):
    """API Gateway's 403: `kind` is its x-amzn-ErrorType, the message its body's."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True)
class SignatureCheck:
    """Lets one pair of credentials call in one region."""

    access_key: str
    secret_key: str
    region: str

    def check(self, method: str, raw_path: str, query: str, headers: Headers, body: bytes, now: datetime) -> None:
        """Raises Forbidden unless the request is signed with the credentials, recently, and is as it was signed."""
        values = {name.lower(): value for name, value in headers}
        if "authorization" not in values:
            raise Forbidden("MissingAuthenticationTokenException", "Missing Authentication Token")
        told = _AUTHORIZATION.match(values["authorization"])
        timestamp = values.get("x-amz-date", "")
        if told is None or "host" not in told["headers"].split(";") or not re.match(r"^\d{8}T\d{6}Z$", timestamp):
            raise Forbidden(
                "IncompleteSignatureException",
                "Authorization header requires 'Credential', 'SignedHeaders' with 'host', 'Signature', "
                "and the request a 'X-Amz-Date' header.",
            )
        if told["key"] != self.access_key:
            raise Forbidden("UnrecognizedClientException", "The security token included in the request is invalid.")
        if (told["date"], told["region"], told["service"]) != (timestamp[:8], self.region, SERVICE):
            scope = f"{timestamp[:8]}/{self.region}/{SERVICE}/aws4_request"
            raise Forbidden("InvalidSignatureException", f"Credential should be scoped to '{scope}'.")
        signed_at = datetime.strptime(timestamp, TIMESTAMP).replace(tzinfo=UTC)
        if abs(now - signed_at) > TOLERANCE:
            moment = "expired" if signed_at < now else "not yet current"
            raise Forbidden("InvalidSignatureException", f"Signature {moment}: {timestamp}")
        signed = [(name, value) for name, value in headers if name.lower() in told["headers"].split(";")]
        expected = self._signature(method, raw_path, query, signed, body, timestamp)
        claimed_hash = values.get("x-amz-content-sha256", hashlib.sha256(body).hexdigest())
        if not (hmac.compare_digest(expected, told["signature"]) and claimed_hash == hashlib.sha256(body).hexdigest()):
            raise Forbidden(
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
                "Access Key and signing method. Consult the service documentation for details.",
            )

    def _signature(self, method: str, raw_path: str, query: str, headers: Headers, body: bytes, timestamp: str) -> str:
        # The scheme only decides whether the body is a part of the signature, and over http it always is.
        request = AWSRequest(method=method, url=f"http://host{raw_path}{'?' if query else ''}{query}", data=body)
        for name, value in headers:
            request.headers.add_header(name, value)
        request.context["timestamp"] = timestamp
        signer = SigV4Auth(Credentials(self.access_key, self.secret_key), SERVICE, self.region)
        return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))
