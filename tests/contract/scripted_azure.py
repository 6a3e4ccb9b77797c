"""Azure Speech's side of its websocket, which hears numbered speech and remembers what it was asked.

The protocol is that of Microsoft's SDK: text messages of headers, a blank line and JSON, binary ones whose first two
bytes are the headers' length, and `turn.start`, `speech.hypothesis`, `speech.phrase`, `turn.end` from the service
(https://github.com/MicrosoftDocs/azure-docs/blob/05ec75e1bc144c593db1a3bd07958514934395bc/articles/cognitive-services/Speech/API-Reference-REST/websocketprotocol.md).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import WSMsgType, web

from tests.contract.numbered_speech import NumberedEar, Word

KEY: Final = "a key of Azure's"
_TICKS: Final = 10_000_000


@dataclass
class Asked:
    """One turn of the protocol, of which a connection may have several: its language, its hints and its audio."""

    language: str
    phrases: list[str]
    ear: NumberedEar = field(default_factory=NumberedEar)


class ScriptedAzure:
    """Hears every connection that shows the key; it can complete no phrase, or with a status and no words, answer the
    end so many seconds late, or hang up after so many phrases."""

    def __init__(self) -> None:
        self.turns: list[Asked] = []
        self.refused = 0
        self.completes = True
        self.wordless: str | None = None
        self.late = 0.0
        self.hang_up_after: int | None = None
        self._told = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """A connection from its handshake to its end."""
        if request.headers.get("Ocp-Apim-Subscription-Key") != KEY:
            self.refused += 1
            return web.Response(status=401, text="Access denied due to invalid subscription key.")
        socket = web.WebSocketResponse(protocols=("USP",))
        await socket.prepare(request)
        async for message in socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            path, turn, body = _read(message.data)
            if path == "speech.context":
                self.turns.append(_asked(json.loads(body)))
                await _send(socket, turn, "turn.start", {"context": {"serviceTag": "stand-in"}})
            elif path == "audio" and not await self._hear(socket, turn, self.turns[-1], body):
                break
        return socket

    async def _hear(self, socket: web.WebSocketResponse, turn: str, asked: Asked, audio: bytes) -> bool:
        """Answers to a chunk, of which an empty one ends the audio; False when it hangs up."""
        before = len(asked.ear.words)
        for phrase in asked.ear.feed(_without_header(audio)):
            if not self.completes:
                continue
            body = _phrase(phrase) if self.wordless is None else _wordless(phrase, self.wordless)
            await _send(socket, turn, "speech.phrase", body)
            self._told += 1
            if self.hang_up_after is not None and self._told >= self.hang_up_after:
                await socket.close(code=1011)
                return False
        if len(asked.ear.words) > before:
            await _send(socket, turn, "speech.hypothesis", _hypothesis(asked.ear.words))
        if not audio:
            await asyncio.sleep(self.late)
            if rest := asked.ear.take():
                await _send(socket, turn, "speech.phrase", _phrase(rest))
            end = {"Offset": round(asked.ear.heard * _TICKS)}
            await _send(socket, turn, "speech.endDetected", end)
            await _send(socket, turn, "speech.phrase", {"RecognitionStatus": "EndOfDictation", **end, "Duration": 0})
            await _send(socket, turn, "turn.end", {})
        return True


@asynccontextmanager
async def serving_azure(azure: ScriptedAzure) -> AsyncIterator[str]:
    """Its address on the loopback interface, as the SDK wants a host, until the block ends."""
    app = web.Application()
    app.router.add_get("/{path:.*}", azure.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"ws://{host}:{port}"
    finally:
        await runner.cleanup()


def _read(data: str | bytes) -> tuple[str, str, Any]:
    """Path, request id and body of a message."""
    head: str
    body: str | bytes
    if isinstance(data, str):
        head, _, body = data.partition("\r\n\r\n")
    else:
        length = int.from_bytes(data[:2], "big")
        head, body = data[2 : 2 + length].decode("ascii"), data[2 + length :]
    headers = dict(line.split(":", 1) for line in head.split("\r\n") if ":" in line)
    named = {name.strip().lower(): value.strip() for name, value in headers.items()}
    return named.get("path", ""), named.get("x-requestid", ""), body


def _without_header(audio: bytes) -> bytes:
    """The samples of a chunk; the first one of a turn begins with a WAV header."""
    if not audio.startswith(b"RIFF"):
        return audio
    return audio[audio.index(b"data") + 8 :]


def _asked(context: dict[str, Any]) -> Asked:
    groups = context.get("dgi", {}).get("Groups", [])
    phrases = [item["Text"] for group in groups for item in group.get("Items", [])]
    return Asked(context["phraseDetection"]["language"], phrases)


def _hypothesis(words: Sequence[Word]) -> dict[str, Any]:
    return {"Id": "0", "Text": " ".join(word.text for word in words), **_times(words[0].start, words[-1].end)}


def _phrase(words: Sequence[Word]) -> dict[str, Any]:
    text = " ".join(word.text for word in words)
    best = {
        "Confidence": 0.9,
        "Lexical": text,
        "ITN": text,
        "MaskedITN": text,
        "Display": text,
        "Words": [{"Word": word.text, **_times(word.start, word.end)} for word in words],
    }
    times = _times(words[0].start, words[-1].end)
    return {"Id": "0", "RecognitionStatus": "Success", "DisplayText": text, **times, "NBest": [best]}


def _wordless(words: Sequence[Word], status: str) -> dict[str, Any]:
    return {"Id": "0", "RecognitionStatus": status, "DisplayText": "", **_times(words[0].start, words[-1].end)}


def _times(start: float, end: float) -> dict[str, int]:
    return {"Offset": round(start * _TICKS), "Duration": round((end - start) * _TICKS)}


async def _send(socket: web.WebSocketResponse, turn: str, path: str, body: dict[str, Any]) -> None:
    head = f"X-RequestId:{turn}\r\nContent-Type:application/json; charset=utf-8\r\nPath:{path}\r\n\r\n"
    await socket.send_str(head + json.dumps(body))
