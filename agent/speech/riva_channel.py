"""The connections to Riva: one a process for each server name, found again quickly, and known to be dead quickly."""

from __future__ import annotations

import asyncio
import weakref
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

import grpc

CHANNEL_OPTIONS: Final = (
    # A recogniser that restarts is found again within half a second; gRPC by itself would come to wait two minutes,
    # and would not ask for its address anew for half a minute.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 400),
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # Several recognisers answer under one name, and each turn may go to another.
    ("grpc.service_config", '{"loadBalancingConfig": [{"round_robin": {}}]}'),
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
class _Shared:
    channel: grpc.aio.Channel
    users: int = 0


@dataclass
class Connection:
    """The process's channel to one server name, opened with the first use and closed with the last user."""

    target: str
    credentials: grpc.ChannelCredentials | None = None
    _shared: _Shared | None = field(default=None, init=False)

    @property
    def channel(self) -> grpc.aio.Channel:
        """The channel of the running event loop."""
        if self._shared is None:
            channels = _CHANNELS.setdefault(asyncio.get_running_loop(), {})
            place = (self.target, self.credentials)
            if place not in channels:
                channels[place] = _Shared(self._open())
            self._shared = channels[place]
            self._shared.users += 1
        return self._shared.channel

    @property
    def ready(self) -> bool:
        """Whether a request would go out at once."""
        return self.channel.get_state() is grpc.ChannelConnectivity.READY

    def connect(self) -> None:
        """Begins to connect, so that the first request need not wait for it."""
        self.channel.get_state(try_to_connect=True)

    async def aclose(self) -> None:
        """Lets the channel go; the last user closes it, and with it whatever request still runs."""
        shared, self._shared = self._shared, None
        if shared is None:
            return
        shared.users -= 1
        if not shared.users:
            del _CHANNELS[asyncio.get_running_loop()][self.target, self.credentials]
            await shared.channel.close(None)

    def _open(self) -> grpc.aio.Channel:
        if self.credentials is None:
            return grpc.aio.insecure_channel(self.target, options=CHANNEL_OPTIONS)
        return grpc.aio.secure_channel(self.target, self.credentials, options=CHANNEL_OPTIONS)


_CHANNELS: Final[
    weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, grpc.ChannelCredentials | None], _Shared]]
] = weakref.WeakKeyDictionary()
