"""The connections to Riva: one a process for each server name, found again quickly, and known to be dead quickly."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import grpc
from riva.client.proto import riva_asr_pb2_grpc

CHANNEL_OPTIONS: Final = (
    # A recogniser that restarts is found again within half a second; gRPC by itself would come to wait two minutes,
    # and would not ask for its address anew for half a minute.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 400),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # Several recognisers answer under one name, and each turn may go to another.
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
    # Recovery is ours; gRPC's own would keep a copy of each message, which costs an eighth of what a message costs.
    ("grpc.enable_retries", 0),
    # Each line has sockets of its own, so that another one is not the same again.
    ("grpc.use_local_subchannel_pool", 1),
    # With keepalive on, its timeout is also the socket's TCP_USER_TIMEOUT (github.com/grpc/proposal, A18): a
    # connection whose other end has gone without a word ends 3 s after the first audio that nobody acknowledges.
    # The pings themselves are rare: a server allows one in 5 minutes while it sends nothing, and closes the
    # connection with "too_many_pings" at the third that comes sooner (grpc/doc/keepalive.md).
    ("grpc.keepalive_time_ms", 310_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
)


@cache
def riva_credentials(
    ca: Path | None = None, cert: Path | None = None, key: Path | None = None
) -> grpc.ChannelCredentials:
    """TLS with the authorities in `ca` (else gRPC's own list) and, given `cert` and `key`, with a client's certificate.

    All are PEM files, read once a process. Raises ValueError for half a pair, and OSError for a file that is not there.
    """
    if (cert is None) != (key is None):
        raise ValueError("a certificate for Riva needs its key and a key its certificate: set both or neither")
    authorities, chain, secret = (None if file is None else file.read_bytes() for file in (ca, cert, key))
    return grpc.ssl_channel_credentials(authorities, private_key=secret, certificate_chain=chain)


@dataclass(eq=False)
class Line:
    """One channel, with the requests that are under way on it."""

    channel: grpc.aio.Channel
    stub: Any
    requests: int = 0
    given_up: bool = False

    @property
    def ready(self) -> bool:
        """Whether a request would go out at once."""
        return self.channel.get_state() is grpc.ChannelConnectivity.READY


@dataclass(eq=False)
class _Shared:
    line: Line | None = None
    users: int = 0


@dataclass
class Connection:
    """The process's line to one server name, opened with the first request and closed with the last user."""

    target: str
    credentials: grpc.ChannelCredentials | None = None
    _shared: _Shared | None = field(default=None, init=False)

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Line]:
        """The present line, for one request."""
        line = self.line()
        line.requests += 1
        try:
            yield line
        finally:
            line.requests -= 1
            if line.given_up and not line.requests:
                await line.channel.close(None)

    def line(self) -> Line:
        """The line of the running event loop."""
        shared = self._shared
        if shared is None:
            shared = self._shared = _shared(self.target, self.credentials)
            shared.users += 1
        if shared.line is None:
            channel = self._open()
            shared.line = Line(channel, riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel))
        return shared.line

    def give_up(self, line: Line) -> None:
        """Sends further requests over another line: this one may be dead, whatever its sockets say.

        A proxy on the way can acknowledge for a server that is gone. What is under way on the old line may go on.
        """
        line.given_up = True
        if self._shared is not None and self._shared.line is line:
            self._shared.line = None

    def connect(self) -> None:
        """Begins to connect, so that the first request need not wait for it."""
        self.line().channel.get_state(try_to_connect=True)

    async def aclose(self) -> None:
        """Lets the line go; the last user closes it, and with it whatever request still runs."""
        shared, self._shared = self._shared, None
        if shared is None:
            return
        shared.users -= 1
        if shared.users:
            return
        del _SHARED[asyncio.get_running_loop()][self.target, self.credentials]
        if shared.line is not None:
            await shared.line.channel.close(None)

    def _open(self) -> grpc.aio.Channel:
        if self.credentials is None:
            return grpc.aio.insecure_channel(self.target, options=CHANNEL_OPTIONS)
        return grpc.aio.secure_channel(self.target, self.credentials, options=CHANNEL_OPTIONS)


_Place = tuple[str, grpc.ChannelCredentials | None]
_SHARED: Final[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Place, _Shared]]] = (
    weakref.WeakKeyDictionary()
)


def _shared(target: str, credentials: grpc.ChannelCredentials | None) -> _Shared:
    return _SHARED.setdefault(asyncio.get_running_loop(), {}).setdefault((target, credentials), _Shared())
