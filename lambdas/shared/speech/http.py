"""The engine `http`: any server that speaks the small protocol of an HTTP speech service.

POST <url>/v1/speech  {"text", "voice", "language", "sample_rate"} → chunked `audio/L16`, little-endian
errors                {"error": {"code", "message"}}
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import aiohttp

from lambdas.shared.domain.errors import BellhopError, NotFound, Refused, Unreachable
from lambdas.shared.speech.engine import Headers

_LONGEST_ERROR: Final = 4_096
_CODE: Final = re.compile(rb'"code"\s*:\s*"([a-z_]{1,40})"')
_TRANSIENT: Final = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)


@dataclass(frozen=True)
class Patience:
    """How long an engine may take, in seconds: to accept a connection, to its first sample, between two chunks."""

    connect: float = 1.0
    first_audio: float = 3.0
    stall: float = 3.0


class HttpEngine:
    """Speech over HTTP; one client for the life of the engine, because a new one costs tens of milliseconds."""

    def __init__(
        self,
        url: str,
        *,
        sample_rate: int,
        api_key: str | None = None,
        headers: Headers = dict,
        patience: Patience | None = None,
    ) -> None:
        self._url = f"{url.rstrip('/')}/v1/speech"
        self._sample_rate = sample_rate
        self._authorization = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._headers = headers
        self._patience = patience or Patience()
        self._client: aiohttp.ClientSession | None = None

    @property
    def sample_rate(self) -> int:
        return self._sample_rate

    async def speak(self, text: str, voice: str, language: str) -> AsyncGenerator[bytes, None]:
        """See Engine."""
        body = {"text": text, "voice": voice, "language": language, "sample_rate": self._sample_rate}
        headers = {**self._headers(), **self._authorization}
        response: aiohttp.ClientResponse | None = None
        odd = b""
        try:
            async with asyncio.timeout(self._patience.first_audio):
                response = await self._post(body, headers)
                if response.status != HTTPStatus.OK or response.content_type != "audio/l16":
                    raise await _fault(response, voice)
                chunk = await response.content.readany()
            while chunk:
                chunk = odd + chunk
                whole = len(chunk) & ~1
                odd = chunk[whole:]
                if whole:
                    yield chunk[:whole]
                async with asyncio.timeout(self._patience.stall):
                    chunk = await response.content.readany()
        except TimeoutError as error:
            raise Unreachable("engine http does not go on in time") from error
        except aiohttp.ClientError as error:
            raise Unreachable(f"engine http cannot be reached or broke off ({type(error).__name__})") from error
        finally:
            if response is not None:
                response.close()

    async def close(self) -> None:
        """See Engine."""
        if self._client is not None:
            await self._client.close()

    async def _post(self, body: Mapping[str, object], headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        client = self._open_client()
        try:
            return await client.post(self._url, json=body, headers=headers)
        except aiohttp.ClientConnectorError:
            raise
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            # The server closed the connection that was kept from the last sentence: once more on a new one.
            return await client.post(self._url, json=body, headers=headers)

    def _open_client(self) -> aiohttp.ClientSession:
        # Here and not in the constructor: a client belongs to the running loop.
        if self._client is None:
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._patience.connect)
            self._client = aiohttp.ClientSession(timeout=timeout)
        return self._client


async def _fault(response: aiohttp.ClientResponse, voice: str) -> BellhopError:
    """What a wrong answer means; of its body only the code is kept, the rest might repeat what was to be said."""
    code = _CODE.search(await response.content.read(_LONGEST_ERROR))
    told = f"engine http answered {response.status} {code[1].decode() if code else response.content_type}"
    status = response.status
    if status == HTTPStatus.NOT_FOUND:
        return NotFound(f"{told} for voice {voice}")
    if 400 <= status < 500 and status not in _TRANSIENT:
        return Refused(told)
    return Unreachable(told)
