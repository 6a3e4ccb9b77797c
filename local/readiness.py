"""How the stack finds out that a part can be used."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import grpc
import httpx
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc

Ready = Callable[[], Awaitable[bool]]


def answers(http: httpx.AsyncClient, url: str) -> Ready:
    """An HTTP service answers 200."""

    async def ready() -> bool:
        try:
            return (await http.get(url)).status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    return ready


def recognises(address: str) -> Ready:
    """A recogniser answers what it can do."""

    async def ready() -> bool:
        async with grpc.aio.insecure_channel(address) as channel:
            stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(channel)
            try:
                await stub.GetRivaSpeechRecognitionConfig(
                    riva_asr_pb2.RivaSpeechRecognitionConfigRequest(), timeout=1.0
                )
            except grpc.aio.AioRpcError:
                return False
            return True

    return ready
