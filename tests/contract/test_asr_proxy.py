"""The proxy before a scripted Riva: recordings in, words or a reason out, and nothing that costs memory or a 5xx."""

from __future__ import annotations

import asyncio
import base64
import io
import struct
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import httpx
import numpy as np
import pytest
import soundfile
from riva.client.proto import riva_audio_pb2

from gpu_fleet.asr_proxy.__main__ import serve
from gpu_fleet.asr_proxy.app import build_app
from gpu_fleet.asr_proxy.audio import read_audio
from gpu_fleet.asr_proxy.settings import ProxySettings
from gpu_fleet.riva.client import Riva
from lambdas.shared.settings import SettingsError
from lambdas.shared.speech.language import DetectorMissing, open_detector
from tests.contract.proxy_bench import BEARER, TOKEN, Bench, WordDetector, proxy_bench, proxy_settings, recording
from tests.contract.scripted_riva import HeardStream, fails, hangs, says

pytestmark = pytest.mark.contract


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    async with proxy_bench() as bench:
        yield bench


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


def announcing(size: int) -> bytes:
    """A WAV file of a second whose header says that its samples have so many bytes."""
    file = bytearray(recording("WAV"))
    file[40:44] = struct.pack("<I", size)
    return bytes(file)


@pytest.mark.parametrize(
    ("audio", "more", "reason"),
    [
        (b"", {}, "audio"),
        (b"\x00" * 999, {}, "audio: is no wav, flac or ogg file"),
        (b"RIFF\xff\xff\xff\x7fWAVEfmt ", {}, "audio: is no wav, flac or ogg file"),
        (recording("WAV", seconds=0), {}, "audio: holds no sound"),
        (recording("WAV")[:44], {}, "audio: is cut off"),
        (recording("WAV")[:-2], {}, "audio: is cut off"),
        (announcing(1 << 30), {}, "audio: is cut off"),
        (recording("FLAC", seconds=4)[:-9], {}, "audio: is"),
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
        (bytes(4), {"language": "xx-XX"}, "language: is none of en-US, en-GB, de-DE"),
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

    async with aclosing(Riva("127.0.0.1:1")) as riva:
        app = build_app(riva, proxy_settings(), missing, WordDetector())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://proxy") as http:
            answer = await http.post("/transcribe", headers={"Authorization": "Bearer x"}, json={})

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unreachable")


async def test_a_language_riva_does_not_know_is_the_clients_fault(bench: Bench) -> None:
    """Riva's refusal is a 400 with Riva's own words, also when it comes while audio is being sent."""
    bench.service.scripts += [fails(grpc.StatusCode.INVALID_ARGUMENT, after=0)] * 2

    answer = await bench.transcribe(recording("WAV", seconds=4), language="nl-NL")

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


async def test_a_fault_of_ours_is_counted_and_quotes_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A 500 without the fault's words, which operators see among the requests."""

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("Ada Lovelace")

    monkeypatch.setattr(Riva, "transcribe", broken)

    answer = await bench.transcribe(recording("WAV"))

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "Ada" not in answer.text
    assert await bench.metric("bellhop_asr_requests_total", route="/transcribe", status="500") == 1


async def test_a_riva_that_falls_silent_does_not_hold_a_client_for_ever(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recognition has a deadline; after it the client hears 503."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.app.PATIENCE", 0.2)
    bench.service.scripts.append(hangs)

    answer = await bench.transcribe(bytes(320), encoding="pcm", sample_rate=16_000)

    assert answer.status_code == 503
    assert "DEADLINE_EXCEEDED" in answer.json()["error"]["message"]


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG"])
async def test_a_recording_may_come_as_a_form(bench: Bench, kind: str) -> None:
    """A file in a form, as browsers and curl send it, is the same as base64 in JSON."""
    bench.service.scripts.append(says("ein Zimmer", language="de-DE"))

    answer = await bench.http.post(
        "/transcribe", files={"audio": ("call", recording(kind))}, data={"language": "de-DE", "encoding": ""}
    )

    assert (answer.status_code, answer.json()["text"]) == (200, "ein Zimmer")
    assert bench.service.streams[0].config.config.language_code == "de-DE"


async def test_raw_samples_may_come_as_a_form(bench: Bench) -> None:
    """A form's fields are text, and a rate is a number all the same."""
    data = {"encoding": "mulaw", "sample_rate": "8000"}

    answer = await bench.http.post("/transcribe", files={"audio": ("call", bytes(8_000))}, data=data)

    assert (answer.status_code, answer.json()["seconds"]) == (200, 1)


@pytest.mark.parametrize(
    ("files", "data", "reason"),
    [
        ([], {"audio": "UklGRg=="}, "audio: is a file"),
        ([], {"language": "de-DE"}, "audio: Field required"),
        ([("audio", ("a", b""))], {}, "audio: is empty"),
        ([("audio", ("a", bytes(201_000)))], {"encoding": "pcm", "sample_rate": "8000"}, "is larger than 200,000"),
        ([("sound", ("a", bytes(4)))], {}, "audio: is a file"),
        ([("audio", ("a", bytes(4))), ("audio", ("b", bytes(4)))], {}, "body: Too many files"),
        ([("audio", ("a", bytes(4)))], {"sample_rate": "fast"}, "sample_rate: Input should be"),
        ([("audio", ("a", bytes(4)))], {"language": ["de-DE", "en-US"]}, "body: a field is there more than once"),
        ([("audio", ("a", bytes(4)))], {"guest": "Ada"}, "guest: Extra inputs"),
        ([("audio", ("a", bytes(4)))], {"language": "d" * 20_000}, "body: Part exceeded maximum size"),
    ],
)
async def test_a_form_that_cannot_be_used_is_told_why(
    bench: Bench, files: list[Any], data: dict[str, Any], reason: str
) -> None:
    """A 400 that names the field and what is allowed, and no word to Riva."""
    answer = await bench.http.post("/transcribe", files=files or {"nothing": (None, "")}, data=data)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    assert reason in answer.json()["error"]["message"]
    assert bench.service.streams == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"\xff" * 999),
        ("multipart/form-data; boundary=" + "x" * 999, b"--x"),
        (
            "multipart/form-data; boundary=x; charset=idna",
            b'--x\r\nContent-Disposition: form-data; name="language"\r\n\r\n\xff..\r\n--x--\r\n',
        ),
        ("multipart/form-data; boundary=x; charset=\x00", b"--x--"),
    ],
)
async def test_a_form_that_is_none_is_a_400(bench: Bench, kind: str, body: bytes) -> None:
    """Garbage is the client's fault and is told so."""
    answer = await bench.http.post("/transcribe", content=body, headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")


@pytest.mark.parametrize("kind", ["text/plain", "audio/wav", "application/x-www-form-urlencoded", ";"])
async def test_another_kind_of_body_is_told_which_are_taken(bench: Bench, kind: str) -> None:
    """A 415 that names both."""
    answer = await bench.http.post("/transcribe", content=b"x", headers={"Content-Type": kind})

    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "unsupported")
    assert "application/json or multipart/form-data" in answer.json()["error"]["message"]


async def test_a_body_that_does_not_arrive_is_not_waited_for() -> None:
    """A client that stops half-way is told so, and its place is free again."""

    async def stops() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.Event().wait()

    async with proxy_bench(max_upload_seconds=0.2, max_streams=1) as bench:
        answer = await bench.http.post("/transcribe", content=stops(), headers={"Content-Type": "application/json"})

        assert (answer.status_code, answer.json()["error"]["code"]) == (408, "too_slow")
        assert (answer.headers["Connection"], await bench.metric("bellhop_asr_streams")) == ("close", 0)


async def test_samples_are_what_was_recorded(bench: Bench) -> None:
    """16-bit samples arrive bit by bit; a file of floats, or of two channels, as what they sound like."""
    tone = (np.sin(np.arange(1_600) / 5) * 20_000).astype(np.int16)
    heard = []

    async def keeps(stream: HeardStream) -> None:
        sent = [request.audio_content async for request in stream.requests]
        heard.append(np.frombuffer(b"".join(sent), "<i2"))

    for samples, subtype in [(tone, "PCM_16"), (tone / 32_768, "FLOAT"), (np.stack([tone, tone], 1), "PCM_16")]:
        bench.service.scripts.append(keeps)
        file = io.BytesIO()
        soundfile.write(file, samples, 16_000, format="WAV", subtype=subtype)
        assert (await bench.transcribe(file.getvalue())).status_code == 200

    assert all(np.array_equal(samples, tone) for samples in heard)
    assert len(heard) == 3


def test_a_file_of_numbers_that_are_none_is_sound() -> None:
    """Infinities, not-a-number and what is louder than loud are cut to what a sample can hold."""
    strange = np.array([np.inf, -np.inf, np.nan, 3e38, -3e38, 0.5], np.float32)
    file = io.BytesIO()
    soundfile.write(file, np.stack([strange, strange], 1), 16_000, format="WAV", subtype="FLOAT")

    audio = read_audio(file.getvalue(), encoding=None, sample_rate=None, longest=1)

    assert np.frombuffer(audio.data, "<i2").tolist() == [32_767, -32_768, 0, 32_767, -32_768, 16_384]


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF024])
async def test_a_wav_file_from_a_pipe_is_heard(bench: Bench, size: int) -> None:
    """A program that could not know the length writes the largest one; what is there is the recording."""
    answer = await bench.transcribe(announcing(size))

    assert (answer.status_code, answer.json()["seconds"]) == (200, 1)


async def test_many_channels_are_refused(bench: Bench) -> None:
    """More of them than a meeting room has microphones is no recording of speech."""
    answer = await bench.transcribe(recording("WAV", seconds=0.1, channels=9))

    assert (answer.status_code, "9 channels" in answer.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    ("text", "language", "probability"),
    [("Haben Sie ein Zimmer?", "de-DE", 0.9), ("a room, please", "en-US", 0.9), ("hm", None, 0)],
)
async def test_a_text_is_told_its_language(bench: Bench, text: str, language: str | None, probability: float) -> None:
    """The preferred variant of the language, or none when there is too little to tell by; Riva is not asked."""
    answer = await bench.http.post("/detect-language", json={"text": text})

    assert answer.status_code == 200
    assert answer.json() == {"language": language, "probability": probability, "detector": "both"}
    assert bench.service.streams == []


@pytest.mark.parametrize("form", [False, True])
async def test_a_recording_is_told_its_language(bench: Bench, form: bool) -> None:
    """Riva is left to find out the language it hears, and the words then tell it."""
    bench.service.scripts.append(says("Haben Sie ein Zimmer?"))
    file = recording("WAV")
    json, files = {"audio": base64.b64encode(file).decode()}, {"audio": ("call.wav", file)}

    answer = await bench.http.post("/detect-language", **({"files": files} if form else {"json": json}))

    assert (answer.status_code, answer.json()["language"]) == (200, "de-DE")
    assert bench.service.streams[0].config.config.language_code == "multi"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "send text or audio"),
        ({"text": "ja", "audio": "UklGRg=="}, "send text or audio"),
        ({"text": ""}, "send text or audio"),
        ({"text": "a" * 2_001}, "text: String should have at most 2000"),
        ({"text": "ja", "language": "de-DE"}, "language: Extra inputs"),
        ({"audio": "UklGRg=="}, "audio: is no wav"),
    ],
)
async def test_what_has_no_language_is_told_why(bench: Bench, body: dict[str, Any], reason: str) -> None:
    """Neither or both of text and recording, too much text, or no recording at all: a 400 that says so."""
    answer = await bench.http.post("/detect-language", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid")
    assert reason in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"LANGUAGES": "german"}, "LANGUAGES: String should match"),
        ({"LANGUAGES": "de-DE,pt-BR"}, "LANGUAGES: .*pt-BR is in none of a hotel's languages"),
        ({"LANGUAGES": "de-DE"}, "DEFAULT_LANGUAGE: .*en-US is none of LANGUAGES, de-DE"),
        ({"LANGUAGE_DETECTOR": "ears"}, "LANGUAGE_DETECTOR: Input should be"),
    ],
)
def test_languages_are_those_of_the_settings(variables: dict[str, str], reason: str) -> None:
    """A mistake in them stops the start and names the variable."""
    with pytest.raises(SettingsError, match=reason):
        ProxySettings.read({"RIVA_URL": "riva:50051", "TOKEN_SECRET": "t", **variables})


async def test_only_the_settings_languages_are_asked_for() -> None:
    """A proxy for two languages knows no third, and says which it knows."""
    async with proxy_bench(languages="de-DE,it-IT", default_language="de-DE") as bench:
        unknown = await bench.transcribe(recording("WAV"), language="en-US")
        known = await bench.transcribe(recording("WAV"))

    assert (unknown.status_code, known.status_code) == (400, 200)
    assert unknown.json()["error"]["message"] == "language: is none of de-DE, it-IT"
    assert known.json()["language"] == "de-DE"


async def test_a_detector_that_is_missing_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy does not start with another detector than the one that was asked for; it says which variable it is."""

    def missing(name: str, languages: tuple[str, ...]) -> None:
        raise DetectorMissing(f"{name} for {', '.join(languages)} is not installed")

    monkeypatch.setattr("gpu_fleet.asr_proxy.__main__.open_detector", missing)

    with pytest.raises(SettingsError, match=r"^LANGUAGE_DETECTOR: both for en, de, fr, it, es, nl is not installed$"):
        await serve(proxy_settings())


@pytest.mark.parametrize("idle", [1, 15, 300])
async def test_a_client_that_takes_nothing_is_told_before_it_is_cut_off(
    idle: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it may take nothing, the connection outlives that, and a slow one is not cut off at once."""
    cut: list[float] = []

    async def answer(*_: Any, unread: float, **__: Any) -> None:
        cut.append(unread)

    monkeypatch.setattr("gpu_fleet.asr_proxy.__main__.answer", answer)

    await serve(proxy_settings(max_idle_seconds=idle, language_detector="classifier"))

    assert cut[0] >= max(idle + 10, 30)


async def test_the_detector_of_the_settings_tells_languages() -> None:
    """A real detector, for the languages of the settings, tells them apart."""
    settings = proxy_settings(language_detector="classifier")
    detector = open_detector(settings.language_detector, settings.spoken_languages)
    text = "Guten Abend, ich möchte ein Doppelzimmer mit Frühstück reservieren."
    async with aclosing(Riva("127.0.0.1:1")) as riva:
        app = build_app(riva, settings, lambda: TOKEN, detector)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://proxy") as http:
            answer = await http.post("/detect-language", headers=BEARER, json={"text": text})

    assert (answer.json()["language"], answer.json()["detector"]) == ("de-DE", "classifier")
