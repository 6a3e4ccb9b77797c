"""A scripted Riva on a loopback port, for the fleet's clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc

from tests.contract.scripted_riva import ScriptedRiva


class FleetRiva(ScriptedRiva):
    """A scripted Riva that also says which models it has loaded, which can be none yet."""

    def __init__(self, *, models: tuple[str, ...] = ("parakeet",)) -> None:
        super().__init__()
        self.models = models

    async def GetRivaSpeechRecognitionConfig(self, request: Any, context: Any) -> Any:  # noqa: N802
        response = riva_asr_pb2.RivaSpeechRecognitionConfigResponse()
        for model in self.models:
            response.model_config.add(model_name=model)
        return response


@asynccontextmanager
async def serving(service: FleetRiva) -> AsyncIterator[str]:
    """The service's address until the block ends."""
    server = grpc.aio.server()
    riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(None)
