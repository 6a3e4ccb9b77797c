"""A Riva that hears numbered speech, and that can end in the middle of it for good."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
from riva.client.proto import riva_asr_pb2, riva_asr_pb2_grpc

from tests.contract.numbered_speech import NumberedEar, Word


class NumberedRiva(riva_asr_pb2_grpc.RivaSpeechRecognitionServicer):  # type: ignore[misc]
    """A final for each phrase, and for what is left when the client stops sending; `heard` is in seconds."""

    def __init__(self) -> None:
        self.heard = 0.0
        self._server = grpc.aio.server()
        riva_asr_pb2_grpc.add_RivaSpeechRecognitionServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"

    async def start(self) -> None:
        await self._server.start()

    async def stop(self) -> None:
        """Breaks every request stream; from now on nobody answers at the address."""
        await self._server.stop(None)

    async def StreamingRecognize(self, requests: AsyncIterator[Any], context: Any) -> None:  # noqa: N802
        ear = NumberedEar()
        async for request in requests:
            for phrase in ear.feed(request.audio_content):
                await self._tell(context, phrase, ear)
            self.heard = max(self.heard, ear.heard)
        if rest := ear.take():
            await self._tell(context, rest, ear)

    async def _tell(self, context: Any, words: Sequence[Word], ear: NumberedEar) -> None:
        response = riva_asr_pb2.StreamingRecognizeResponse()
        result = response.results.add(is_final=True, audio_processed=ear.heard)
        alternative = result.alternatives.add(transcript=" ".join(word.text for word in words), confidence=0.9)
        for word in words:
            start, end = round(word.start * 1000), round(word.end * 1000)
            alternative.words.add(word=word.text, start_time=start, end_time=end)
        await context.write(response)
