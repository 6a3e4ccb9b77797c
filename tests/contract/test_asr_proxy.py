"""The proxy before a scripted Riva: recordings in, words or a reason out, and nothing that costs memory or a 5xx."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import soundfile
from prometheus_client import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families
from riva.client.proto import riva_audio_pb2

from gpu_fleet.asr_proxy.app import build_app
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.client import Riva
from lambdas.shared.settings import SettingsError
from tests.contract.scripted_riva import HeardStream, ScriptedRiva, fails, hangs, says, serving

pytestmark = pytest.mark.contract

TOKEN = "a-token-of-the-clients"
SECOND = np.zeros(16_000, np.int16)


class Bench:
    """The proxy, asked over HTTP by a client who has the token."""

    def __init__(self, service: ScriptedRiva, riva: Riva) -> None:
        self.service = service
        settings = ProxySettings(
            riva_url="riva:50051", token_secret="t", max_audio_bytes=200_000, max_audio_seconds=5, max_streams=2
        )
        self.app = build_app(riva, settings, token=lambda: TOKEN)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self.http = httpx.AsyncClient(
            transport=transport, base_url="http://proxy", headers={"Authorization": f"Bearer {TOKEN}"}
        )

    async def transcribe(self, audio: bytes, **more: Any) -> httpx.Response:
        return await self.http.post("/transcribe", json={"audio": base64.b64encode(audio).decode(), **more})

    async def metric(self, name: str, **labels: str) -> float:
        scraped = await self.http.get("/metrics")
        assert scraped.headers["content-type"] == CONTENT_TYPE_LATEST
        samples = [s for family in text_string_to_metric_families(scraped.text) for s in family.samples]
        return sum(s.value for s in samples if s.name == name and s.labels.items() >= labels.items())


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    service = ScriptedRiva()
    async with serving(service) as address, aclosing(Riva(address)) as riva:
        bench = Bench(service, riva)
        async with bench.http:
            yield bench


def recording(kind: str, *, rate: int = 16_000, seconds: int = 1, channels: int = 1) -> bytes:
    """Silence as a file of that kind."""
    file = io.BytesIO()
    samples = np.zeros((rate * seconds, channels), np.int16)
    soundfile.write(file, samples, rate, format=kind, subtype="OPUS" if kind == "OGG" else "PCM_16")
    return file.getvalue()


@pytest.mark.parametrize(
    ("kind", "rate", "channels"), [("WAV", 16_000, 1), ("WAV", 8_000, 2), ("FLAC", 44_100, 1), ("OGG", 48_000, 1)]
)
async def test_a_file_is_known_by_itself(bench: Bench, kind: str, rate: int, channels: int) -> None:
    """The kind, rate and channels of a file need not be said; Riva gets mono at the file's rate."""
    bench.service.scripts.append(says("a double room", "for two nights", language="en-GB"))

    answer = await bench.transcribe(recording(kind, rate=rate, channels=channels), language="en-GB")

    assert answer.status_code == 200
    assert answer.json() == {
        "text": "a double room for two nights",
        "language": "en-GB",
        "confidence": pytest.approx(0.9),
        "seconds": pytest.approx(1, abs=0.02),
    }
    config = bench.service.streams[0].config.config
    assert (config.sample_rate_hertz, config.audio_channel_count, config.language_code) == (rate, 1, "en-GB")


@pytest.mark.parametrize(("encoding", "name", "size"), [("pcm", "LINEAR_PCM", 2), ("mulaw", "MULAW", 1)])
async def test_raw_samples_are_passed_on_as_they_are(bench: Bench, encoding: str, name: str, size: int) -> None:
    """A telephone's µ-law goes to Riva as µ-law; a language that is not said is the proxy's own."""
    bench.service.scripts.append(says("hello"))

    answer = await bench.transcribe(bytes(8_000 * size), encoding=encoding, sample_rate=8_000)

    assert answer.json()["seconds"] == 1
    config = bench.service.streams[0].config.config
    assert riva_audio_pb2.AudioEncoding.Name(config.encoding) == name
    assert config.language_code == "en-US"


async def test_silence_has_no_words(bench: Bench) -> None:
    """A recording without speech is an empty text, not an error."""
    answer = await bench.transcribe(recording("WAV"))

    assert (answer.status_code, answer.json()["text"], answer.json()["confidence"]) == (200, "", 0)


@pytest.mark.parametrize(
    ("audio", "more", "reason"),
    [
        (b"", {}, "audio"),
        (b"\x00" * 999, {}, "audio: is no wav, flac or ogg file"),
        (b"RIFF\xff\xff\xff\x7fWAVEfmt ", {}, "audio: is no wav, flac or ogg file"),
        (recording("WAV")[:44], {}, "audio: holds no sound"),
        (recording("FLAC"), {"encoding": "wav"}, "audio: is FLAC, not wav"),
        (b"FORM" + bytes(8) + b"AIFF", {}, "audio: is no wav, flac or ogg file"),
        (recording("WAV", rate=4_000), {}, "1 channels at 4000 Hz"),
        (recording("FLAC", rate=8_000, seconds=6), {}, "audio: is longer than 5 s"),
        (bytes(16_000 * 2 * 6), {"encoding": "pcm", "sample_rate": 16_000}, "audio: is longer than 5 s"),
        (bytes(201_000), {"encoding": "pcm", "sample_rate": 16_000}, "audio: is larger than 200,000 bytes"),
        (bytes(3), {"encoding": "pcm", "sample_rate": 16_000}, "its length is odd"),
        (bytes(4), {"encoding": "pcm"}, "sample_rate: say it"),
        (bytes(4), {"encoding": "mp3"}, "encoding: Input should be"),
        (bytes(4), {"encoding": "pcm", "sample_rate": 1}, "sample_rate: Input should be"),
        (bytes(4), {"language": "german"}, "language: String should match"),
        (bytes(4), {"guest": "Ada"}, "guest: Extra inputs"),
    ],
)
async def test_a_recording_that_cannot_be_used_is_told_why(
    bench: Bench, audio: bytes, more: dict[str, Any], reason: str
) -> None:
    """A 400 that names the field and what is allowed, and no word to Riva."""
    answer = await bench.transcribe(audio, **more)

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid"
    assert reason in answer.json()["error"]["message"]
    assert bench.service.streams == []


async def test_the_value_of_a_wrong_field_is_not_quoted(bench: Bench) -> None:
    """What a guest said, or is called, does not come back in an error."""
    answer = await bench.http.post("/transcribe", json={"audio": "Ada Lovelace"})

    assert answer.status_code == 400
    assert "Ada" not in answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"audio": 5}', b"\xff\xfe"])
async def test_a_body_that_is_no_request_is_a_400(bench: Bench, body: bytes) -> None:
    """Garbage is the client's fault and is told so."""
    answer = await bench.http.post("/transcribe", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


async def test_a_body_that_is_too_large_is_refused_unread(bench: Bench) -> None:
    """An announced body over the limit is a 413; so is one that was not announced, as soon as it is over."""
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 100_000
            yield bytes(100_000)

    announced = await bench.http.post("/transcribe", content=bytes(300_000))
    streamed = await bench.http.post("/transcribe", content=endless(), headers={"Content-Type": "application/json"})

    assert (announced.status_code, streamed.status_code) == (413, 413)
    assert {answer.json()["error"]["code"] for answer in (announced, streamed)} == {"too_large"}
    assert taken <= 400_000


@pytest.mark.parametrize("length", ["300000", "-1", "many"])
async def test_a_body_that_announces_too_much_is_not_waited_for(bench: Bench, length: str) -> None:
    """The refusal comes before the first byte, and says that nothing else is read from the connection."""
    asked_for = False

    async def unread() -> AsyncIterator[bytes]:
        nonlocal asked_for
        asked_for = True
        yield b"{}"

    answer = await bench.http.post("/transcribe", content=unread(), headers={"Content-Length": length})

    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
    assert answer.headers["Connection"] == "close"
    assert not asked_for


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
async def test_only_the_token_opens(bench: Bench, authorization: str) -> None:
    """Without the token nothing is recognised; health and metrics are for the network's own probes."""
    headers = {"Authorization": authorization}

    answer = await bench.http.post("/transcribe", content=bytes(1_000_000), headers=headers)

    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert (await bench.http.get("/health", headers=headers)).status_code == 200
    assert (await bench.http.get("/metrics", headers=headers)).status_code == 200
    assert (await bench.http.get("/openapi.json", headers=headers)).status_code == 401


async def test_a_secret_that_cannot_be_read_is_no_open_door() -> None:
    """When the token is not to be had, requests wait outside with a 503."""

    def missing() -> str:
        raise SettingsError("secret 't' cannot be read")

    settings = ProxySettings(riva_url="riva:50051", token_secret="t")
    async with aclosing(Riva("127.0.0.1:1")) as riva:
        app = build_app(riva, settings, token=missing)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://proxy") as http:
            answer = await http.post("/transcribe", headers={"Authorization": "Bearer x"}, json={})

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unreachable")


async def test_a_language_riva_does_not_know_is_the_clients_fault(bench: Bench) -> None:
    """Riva's refusal is a 400 with Riva's own words, also when it comes while audio is being sent."""
    bench.service.scripts += [fails(grpc.StatusCode.INVALID_ARGUMENT, after=0)] * 2

    answer = await bench.transcribe(recording("WAV", seconds=4), language="xx-XX")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    assert "INVALID_ARGUMENT" in answer.json()["error"]["message"]


async def test_a_riva_that_fails_is_not_the_clients_fault(bench: Bench) -> None:
    """A 503 that says when to come again."""
    bench.service.scripts.append(fails(grpc.StatusCode.UNAVAILABLE, after=1_000))

    answer = await bench.transcribe(recording("WAV"))

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json()["error"]["code"] == "unreachable"


async def test_more_recordings_than_allowed_are_told_to_come_again(bench: Bench) -> None:
    """The third of two at once is a 429, and there is room again when one has ended."""
    going_on = asyncio.Event()

    async def waits(stream: HeardStream) -> None:
        await going_on.wait()
        await stream.hear()

    bench.service.scripts += [waits, waits]
    first = [asyncio.create_task(bench.transcribe(recording("WAV"))) for _ in range(2)]
    async with asyncio.timeout(10):
        while bench.service.open < 2:
            await asyncio.sleep(0.01)

    third = await bench.transcribe(recording("WAV"))

    assert (third.status_code, third.json()["error"]["code"], third.headers["Retry-After"]) == (429, "busy", "1")
    assert await bench.metric("bellhop_asr_streams") == 2
    going_on.set()
    assert [answer.status_code for answer in await asyncio.gather(*first)] == [200, 200]
    assert (await bench.transcribe(recording("WAV"))).status_code == 200


async def test_health_says_whether_riva_can_be_asked(bench: Bench) -> None:
    """200 when Riva has a model; 503 and the reason when it has none yet or is not there."""
    assert (await bench.http.get("/health")).status_code == 200

    bench.service.models = ()
    loading = await bench.http.get("/health")

    assert (loading.status_code, loading.text) == (503, "Riva has loaded no model")
    async with aclosing(Riva("127.0.0.1:1")) as riva:
        gone = Bench(bench.service, riva)
        async with gone.http:
            answer = await gone.http.get("/health")
    assert (answer.status_code, "UNAVAILABLE" in answer.text) == (503, True)


async def test_what_was_done_is_counted(bench: Bench) -> None:
    """Requests by route and status, seconds of audio and of work, in Prometheus' text."""
    bench.service.scripts.append(says("hello"))
    await bench.transcribe(recording("WAV", seconds=2))
    await bench.transcribe(b"")
    await bench.http.get("/nowhere")

    assert await bench.metric("bellhop_asr_requests_total", route="/transcribe", status="200") == 1
    assert await bench.metric("bellhop_asr_requests_total", route="/transcribe", status="400") == 1
    assert await bench.metric("bellhop_asr_requests_total", route="other", status="404") == 1
    assert await bench.metric("bellhop_asr_audio_seconds_total") == 2
    assert await bench.metric("bellhop_asr_seconds_count") == 1


async def test_a_riva_that_falls_silent_does_not_hold_a_client_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recognition has a deadline; after it the client hears 503."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.app.PATIENCE", 0.2)
    bench.service.scripts.append(hangs)

    answer = await bench.transcribe(bytes(320), encoding="pcm", sample_rate=16_000)

    assert answer.status_code == 503
    assert "DEADLINE_EXCEEDED" in answer.json()["error"]["message"]
