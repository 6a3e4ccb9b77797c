"""The engine `http` and the service it speaks through."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import count

import aiohttp
import numpy as np
import pytest

from lambdas.shared.domain.errors import BellhopError, NotFound, Refused, Unreachable
from lambdas.shared.speech.http import HttpEngine, Patience
from local.voices import GERMAN_VOICE, build_app, speak
from tests.contract.speech_service import SAMPLE_RATE, TENTH, VOICE, CountingVoice, ScriptedServer, answer
from tests.serving import served

pytestmark = pytest.mark.contract

SHORT = Patience(connect=0.2, first_audio=0.2, stall=0.2)


@dataclass(frozen=True)
class Program:
    """`python -m local.voices` while it runs."""

    process: subprocess.Popen[bytes]
    url: str
    api_key: str = "a key"


@pytest.fixture(scope="module")
def program() -> Iterator[Program]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = {**os.environ, "PORT": str(port), "API_KEY": Program.api_key}
    process = subprocess.Popen([sys.executable, "-m", "local.voices"], env=environ, stdout=subprocess.PIPE)
    url = f"http://127.0.0.1:{port}"
    try:
        assert process.stdout is not None
        assert b"voices are ready" in process.stdout.readline()
        wait_for_port(port)
        yield Program(process, url)
    finally:
        process.kill()
        process.communicate()


def wait_for_port(port: int) -> None:
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError(f"nothing listens on {port}")


@asynccontextmanager
async def opened(url: str, **settings: object) -> AsyncIterator[HttpEngine]:
    engine = HttpEngine(url, **{"sample_rate": SAMPLE_RATE, "patience": SHORT, **settings})  # type: ignore[arg-type]
    try:
        yield engine
    finally:
        await engine.close()


async def said(engine: HttpEngine, text: str = "Good evening.", voice: str = VOICE) -> bytes:
    async with aclosing(engine.speak(text, voice, "en")) as audio:
        return b"".join([chunk async for chunk in audio])


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 24_000])
async def test_the_voice_speaks_at_the_rate_that_is_asked_for(program: Program, sample_rate: int) -> None:
    """A sentence of a second or two arrives as sound of that length, loud and never clipped, at any rate."""
    async with opened(
        program.url, sample_rate=sample_rate, api_key=program.api_key, patience=Patience(first_audio=30, stall=30)
    ) as engine:
        pcm = np.frombuffer(await said(engine, "Breakfast is served from seven to ten."), np.int16)

    assert 1.0 < len(pcm) / sample_rate < 4.0
    assert 16_000 < np.abs(pcm.astype(np.int32)).max() < 32_767


@pytest.mark.parametrize("api_key", [None, "another key"])
async def test_without_the_key_nothing_is_said(program: Program, api_key: str | None) -> None:
    """A service with an API key answers only those who have it."""
    async with opened(program.url, api_key=api_key) as engine:
        with pytest.raises(Refused, match="401 unauthorized"):
            await said(engine)


async def test_an_unknown_voice_is_not_found(program: Program) -> None:
    """A voice that the service does not have is named in the error."""
    async with opened(program.url, api_key=program.api_key) as engine:
        with pytest.raises(NotFound, match="404 unknown_voice for voice en_US-jane"):
            await said(engine, voice="en_US-jane")


@pytest.mark.parametrize(
    ("change", "status", "code", "told"),
    [
        ({"text": "  "}, 400, "bad_request", "text:"),
        ({"text": "a" * 2_001}, 400, "bad_request", "at most 2000"),
        ({"sample_rate": 11_025}, 400, "unsupported_sample_rate", "one of 8000, 16000"),
        ({"language": "de"}, 400, "wrong_language", "speaks 'en', not 'de'"),
        ({"voice": "jane"}, 404, "unknown_voice", f"known are {VOICE}"),
        ({"voice": GERMAN_VOICE}, 400, "wrong_language", "speaks 'de', not 'en'"),
        ({"speed": 2}, 400, "bad_request", "speed:"),
    ],
)
async def test_the_service_says_what_is_wrong_with_a_request(
    program: Program, change: dict[str, object], status: int, code: str, told: str
) -> None:
    """A client learns from the answer what to write instead."""
    body = {"text": "Hello.", "voice": VOICE, "language": "en", "sample_rate": SAMPLE_RATE, **change}
    headers = {"Authorization": f"Bearer {program.api_key}"}
    async with (
        aiohttp.ClientSession(program.url, headers=headers) as client,
        client.post("/v1/speech", json=body) as response,
    ):
        error = (await response.json())["error"]

    assert (response.status, error["code"]) == (status, code)
    assert told in error["message"]


async def test_the_service_lists_its_voices(program: Program) -> None:
    """What may be asked for can be asked."""
    headers = {"Authorization": f"Bearer {program.api_key}"}
    async with (
        aiohttp.ClientSession(program.url, headers=headers) as client,
        client.get("/v1/voices") as response,
    ):
        listed = await response.json()

    assert listed == {"voices": [{"voice": VOICE, "language": "en"}, {"voice": GERMAN_VOICE, "language": "de"}]}


async def test_a_voice_whose_program_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else speaks in its place: the client learns what to install."""
    monkeypatch.setenv("PATH", "")
    body = {"text": "Guten Tag.", "voice": GERMAN_VOICE, "language": "de", "sample_rate": SAMPLE_RATE}
    async with (
        served(build_app()) as url,
        aiohttp.ClientSession(url) as client,
        client.post("/v1/speech", json=body) as response,
    ):
        error = (await response.json())["error"]

    assert (response.status, error["code"]) == (503, "voice_missing")
    assert "apt-get install espeak-ng" in error["message"]


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")
def test_german_is_said_sentence_by_sentence() -> None:
    """Each sentence is a piece at the rate that was asked for; a day's dot ends none."""
    pieces = list(speak("Guten Tag. Sie kommen am 12. März?", GERMAN_VOICE, SAMPLE_RATE))

    assert len(pieces) == 2
    assert all(0.3 < len(piece) / 2 / SAMPLE_RATE < 5 for piece in pieces)
    assert all(np.abs(np.frombuffer(piece, np.int16)).max() > 1_000 for piece in pieces)


def test_the_service_ends_when_it_is_told_to() -> None:
    """SIGTERM ends the program without an error, and its log is JSON without a word of what was said."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environ = {**os.environ, "PORT": str(port)}
    with subprocess.Popen(
        [sys.executable, "-m", "local.voices"], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        wait_for_port(port)
        process.send_signal(signal.SIGTERM)
        log, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert json.loads(log.splitlines()[-1])["event"] == "voices are ready"


async def test_the_first_sound_does_not_wait_for_the_last() -> None:
    """A chunk is heard while the next sentence is still being computed."""
    voice = CountingVoice(gated_after=1)
    async with (
        served(build_app(voice.speak)) as url,
        opened(url, patience=Patience()) as engine,
        aclosing(engine.speak("One. Two.", VOICE, "en")) as audio,
    ):
        first = await anext(audio)
        computed = voice.computed
        voice.gate.set()
        rest = b"".join([chunk async for chunk in audio])

    assert (len(first), computed, len(rest)) == (len(TENTH), 1, len(TENTH))


async def test_who_stops_listening_stops_the_work() -> None:
    """A guest who interrupts costs the service no more than the sentence it is computing."""
    voice = CountingVoice(gated_after=1)
    async with served(build_app(voice.speak)) as url, opened(url, patience=Patience()) as engine:
        async with aclosing(engine.speak("So. " * 50, VOICE, "en")) as audio:
            await anext(audio)
        await asyncio.sleep(0.2)
        voice.gate.set()
        voice.gated_after = None
        other = await said(engine, "Other.")

    assert len(other) == len(TENTH)
    assert voice.computed <= 3


async def test_a_cancelled_listener_hangs_up() -> None:
    """Cancelling the task that waits for the first sound ends the request."""
    server = ScriptedServer(b"", hangs_up=False)
    async with server.serve() as url, opened(url, patience=Patience()) as engine:
        listening = asyncio.create_task(said(engine))
        await until(lambda: bool(server.requests))
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

        await asyncio.wait_for(server.gone.wait(), 2)

    assert listening.cancelled()


@pytest.mark.parametrize(
    ("sent", "hangs_up"),
    [
        (b"", False),
        (answer("200 OK", "audio/L16", is_whole=False), False),
        (answer("200 OK", "audio/L16", TENTH, is_whole=False), False),
    ],
    ids=["never answers", "sends no sound", "stalls in the middle"],
)
async def test_an_engine_that_stalls_is_given_up(sent: bytes, hangs_up: bool) -> None:
    """Silence has an end, and the error says that it was a matter of time."""
    async with ScriptedServer(sent, hangs_up=hangs_up).serve() as url, opened(url) as engine:
        with pytest.raises(Unreachable) as raised:
            await said(engine)

    assert isinstance(raised.value.__cause__, TimeoutError)


@pytest.mark.parametrize(
    ("sent", "error", "told"),
    [
        (b"", Unreachable, "ServerDisconnected"),
        (answer("200 OK", "audio/L16", TENTH, is_whole=False), Unreachable, "broke off"),
        (answer("500 Internal Server Error", "application/json", b"{}"), Unreachable, "500"),
        (answer("429 Too Many Requests", "application/json", b'{"error":{"code":"busy"}}'), Unreachable, "429 busy"),
        (answer("200 OK", "text/html", b"<p>Good evening.</p>"), Unreachable, "200 text/html"),
        (answer("400 Bad Request", "application/json", b'{"error":{"code":"bad_request"}}'), Refused, "bad_request"),
        (answer("404 Not Found", "text/plain", b"Good evening."), NotFound, "404 text/plain"),
    ],
)
async def test_a_wrong_answer_becomes_an_error_of_ours(sent: bytes, error: type[BellhopError], told: str) -> None:
    """A fault says whether to try again, and never repeats what was to be said."""
    async with ScriptedServer(sent, hangs_up=True).serve() as url, opened(url) as engine:
        with pytest.raises(error, match=told) as raised:
            await said(engine)

    assert "Good evening" not in str(raised.value)


async def test_nobody_there_is_unreachable() -> None:
    """A refused connection is told at once."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    async with opened(f"http://127.0.0.1:{port}") as engine:
        with pytest.raises(Unreachable, match="cannot be reached"):
            await said(engine)


async def test_samples_are_never_torn() -> None:
    """However the network cuts the sound, a chunk holds whole samples."""
    sent = answer("200 OK", "audio/L16; rate=24000", b"\1", b"\2\3\4", b"\5\6", b"\7")
    async with (
        ScriptedServer(sent, hangs_up=True).serve() as url,
        opened(url) as engine,
        aclosing(engine.speak("So.", VOICE, "en")) as audio,
    ):
        chunks = [chunk async for chunk in audio]

    assert b"".join(chunks) == b"\1\2\3\4\5\6"
    assert not any(len(chunk) % 2 for chunk in chunks)


async def test_each_request_carries_its_own_headers() -> None:
    """The trace of the turn goes along, made anew for each request; so does the key."""
    numbers = count(1)
    sent = answer("200 OK", "audio/L16", TENTH)
    server = ScriptedServer(sent, hangs_up=True)
    async with (
        server.serve() as url,
        opened(url, api_key="a key", headers=lambda: {"traceparent": f"turn {next(numbers)}"}) as engine,
    ):
        await said(engine)
        await said(engine)

    assert ["traceparent: turn 1" in server.requests[0], "traceparent: turn 2" in server.requests[1]] == [True, True]
    assert all("Authorization: Bearer a key" in request for request in server.requests)
