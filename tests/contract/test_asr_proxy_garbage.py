"""The proxy under whatever a client may send: a clear answer, never a fault of ours, and bounded memory."""

from __future__ import annotations

import asyncio
import json
import tracemalloc
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any, Final

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from gpu_fleet.asr_proxy.audio import read_audio
from gpu_fleet.asr_proxy.closing import Closing
from tests.contract.proxy_bench import BEARER, TOKEN, as_deployed, proxy_bench, recording
from tests.contract.proxy_process import proxy_process
from tests.contract.scripted_riva import HeardStream, ScriptedRiva, serving

pytestmark = pytest.mark.contract

CLOSES: Final = {*map(int, Closing), 1002, 1007, 1009} - {Closing.INTERNAL}
MANY: Final = 200


def broken(seed: int, whole: bytes) -> bytes:
    """The bytes with a few of them changed, taken away or repeated."""
    dice, data = Random(seed), bytearray(whole)
    for _ in range(dice.randint(1, 8)):
        place = dice.randrange(len(data)) if dice.random() < 0.5 else dice.randrange(min(64, len(data)))
        match dice.randrange(4):
            case 0:
                data[place] = dice.choice([0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256)])
            case 1:
                data[place : place + 4] = dice.randbytes(4)
            case 2:
                del data[place : place + dice.randint(1, 2_000)]
            case _:
                data[place:place] = data[: dice.randint(1, 100)]
        if not data:
            break
    return bytes(data)


@pytest.mark.parametrize(
    ("kind", "subtype"), [("WAV", "PCM_16"), ("WAV", "FLOAT"), ("WAV", "ULAW"), ("FLAC", "PCM_16"), ("OGG", "OPUS")]
)
async def test_a_broken_file_is_heard_or_refused(kind: str, subtype: str) -> None:
    """Whatever is wrong with it, the answer is a transcript or a 400 with a reason, and the proxy lives on."""
    whole = recording(kind, rate=16_000 if kind != "OGG" else 48_000, seconds=0.3, subtype=subtype)
    async with proxy_bench() as bench:
        for seed in range(150):
            answer = await bench.http.post("/transcribe", files={"audio": ("call", broken(seed, whole))})

            assert answer.status_code in (200, 400), (seed, answer.text)
            assert answer.status_code == 200 or answer.json()["error"]["message"], seed
        assert (await bench.transcribe(whole)).status_code == 200


@pytest.mark.parametrize("path", ["/transcribe", "/detect-language"])
async def test_a_broken_body_is_refused(path: str) -> None:
    """JSON and forms that are not quite any: a 4xx with a code, never a 5xx."""
    bodies = [
        ("application/json", json.dumps({"audio": "UklGRg==", "encoding": "pcm", "sample_rate": 8_000}).encode()),
        ("application/json", b'{"text": "Haben Sie ein Zimmer?"}'),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="audio"; filename="a"\r\n\r\nRIFF\r\n'
            b'--x\r\nContent-Disposition: form-data; name="language"\r\n\r\nde-DE\r\n--x--\r\n',
        ),
    ]
    async with proxy_bench() as bench:
        for seed in range(240):
            kind, whole = bodies[seed % len(bodies)]
            body = broken(seed, whole)

            answer = await bench.http.post(path, content=body, headers={"Content-Type": kind})

            assert answer.status_code in (200, 400), (seed, answer.text)
            assert answer.status_code == 200 or answer.json()["error"]["code"] == "invalid", seed


async def test_a_body_of_nothing_but_fields_takes_no_more_memory() -> None:
    """A few bytes a field would be much more here and in the answer, which names only some and no name at length."""
    many = ("{" + ",".join(f'"{number:x}":0' for number in range(100_000)) + "}").encode()
    long = json.dumps({"Ada " * 50_000: 0, "audio": "UklGRg=="}).encode()
    async with proxy_bench(max_audio_bytes=1_000_000) as bench:
        tracemalloc.start()
        try:
            answers = [await bench.http.post("/transcribe", content=body) for body in (many, long)]
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert [answer.status_code for answer in answers] == [400, 400]
    assert max(len(answer.content) for answer in answers) < 1_000
    assert most < 10 * len(many)


async def test_a_stream_of_anything_is_closed_with_a_reason() -> None:
    """Whatever is sent in whatever order, the close code is one of the table, and no fault of ours."""
    whole = [b'{"sample_rate": 16000}', b'{"type": "end"}', b'{"sample_rate": 8000, "encoding": "mulaw"}']
    async with proxy_bench(max_idle_seconds=0.2, max_stream_seconds=1) as bench, as_deployed(bench.app) as listening:
        for seed in range(60):
            dice = Random(seed)
            async with connect(f"ws://{listening.address}/transcribe-stream", additional_headers=BEARER) as client:
                try:
                    if dice.random() < 0.7:
                        await client.send(dice.choice([whole[0], whole[2]]).decode())
                    for _ in range(dice.randint(0, 6)):
                        await client.send(anything(dice, whole))
                    while True:
                        await client.recv()
                except ConnectionClosed:
                    pass

            assert client.close_code in CLOSES, seed


def anything(dice: Random, whole: list[bytes]) -> str | bytes:
    """A message that a client might send."""
    match dice.randrange(5):
        case 0:
            return broken(dice.randrange(1_000), dice.choice(whole)).decode(errors="replace")
        case 1:
            return dice.choice(whole).decode()
        case 2:
            return dice.randbytes(dice.randrange(2_000))
        case _:
            return bytes(2 * dice.randrange(8_000))


async def exchange(address: str, *parts: bytes) -> bytes:
    """What a server answers to these bytes, of which it need not take all."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        async with asyncio.timeout(10):
            return await reader.read(65_536)
    except ConnectionError:
        return b""
    finally:
        writer.transport.abort()


async def test_a_gigabyte_that_is_announced_is_not_awaited() -> None:
    """Content-Length of a gigabyte is answered before its first byte comes."""
    lines = ["POST /transcribe HTTP/1.1", "Host: proxy", f"Authorization: Bearer {TOKEN}", f"Content-Length: {1 << 30}"]
    async with proxy_bench() as bench, as_deployed(bench.app) as listening:
        answer = await exchange(listening.address, "\r\n".join([*lines, "", ""]).encode())

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"too_large" in answer


@pytest.mark.parametrize("start", [b"GET /health HTTP/1.1\r\nX-Guest: ", b"GET /"])
async def test_a_header_of_a_gigabyte_is_cut_off(start: bytes) -> None:
    """A request's head that never ends is refused after some kilobytes, and its connection is closed."""
    sent = 0
    async with proxy_bench() as bench, as_deployed(bench.app) as listening:
        host, port = listening.address.split(":")
        _, writer = await asyncio.open_connection(host, port)
        writer.write(start)
        try:
            async with asyncio.timeout(30):
                while sent < 1 << 30:
                    writer.write(b"a" * 65_536)
                    await writer.drain()
                    sent += 65_536
        except ConnectionError:
            pass
        writer.transport.abort()
        assert (await bench.http.get("/health")).status_code == 200

    assert sent < 20_000_000


@pytest.mark.parametrize(
    "parts", [[], [b"GET /health HTTP/1.1\r\nHost: "], [b"GET /health HTTP/1.1\r\n\r\n", b"GET /"]]
)
async def test_a_request_that_does_not_come_is_not_awaited(parts: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection on which nothing is asked, or not to its end, is closed, also when something was asked before."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.server.HEAD_WITHIN", 0.2)
    async with proxy_bench() as bench, as_deployed(bench.app) as listening:
        host, port = listening.address.split(":")
        reader, writer = await asyncio.open_connection(host, port)
        for part in parts:
            writer.write(part)
            await asyncio.sleep(0.05)
        async with asyncio.timeout(20):
            # One that is closed while a part is on its way is reset.
            with suppress(ConnectionError):
                await reader.read()
        writer.close()


async def test_the_rest_of_an_answered_request_is_not_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger who was refused cannot keep the connection by a body that never ends."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.server.REST_WITHIN", 0.2)
    async with proxy_bench() as bench, as_deployed(bench.app) as listening:
        host, port = listening.address.split(":")
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"POST /transcribe HTTP/1.1\r\nHost: proxy\r\nContent-Length: 1000\r\n\r\n")
        head = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"{")
        async with asyncio.timeout(20):
            with suppress(ConnectionError):
                await reader.read()
        writer.close()

    assert head.startswith(b"HTTP/1.1 401 ")


async def test_a_request_that_has_come_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit on a request's head is none on a stream, nor on how long an answer takes."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.server.HEAD_WITHIN", 1.0)

    async def slow(stream: HeardStream) -> None:
        await stream.hear()
        await asyncio.sleep(1.2)
        await stream.answer("hello")

    async with proxy_bench() as bench, as_deployed(bench.app) as listening:
        bench.service.scripts += [slow, slow]
        async with httpx.AsyncClient(base_url=f"http://{listening.address}", headers=BEARER) as http:
            answer = await http.post("/transcribe", files={"audio": ("call", recording("WAV"))})
        async with connect(f"ws://{listening.address}/transcribe-stream", additional_headers=BEARER) as client:
            await client.send('{"sample_rate": 16000}')
            await client.send('{"type": "end"}')
            heard = json.loads(await client.recv())

    assert answer.json()["text"] == heard["text"] == "hello"


async def test_a_stream_on_a_connection_that_asked_before_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limits on a request are none on a stream that follows one."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.server.REST_WITHIN", 0.2)
    lines = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13"]
    lines += ["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", f"Authorization: Bearer {TOKEN}"]
    async with proxy_bench() as bench, as_deployed(bench.app) as listening:
        host, port = listening.address.split(":")
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: proxy\r\n\r\n")
        await reader.readuntil(b"ready")
        writer.write("\r\n".join(["GET /transcribe-stream HTTP/1.1", "Host: proxy", *lines, "", ""]).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.5):
                await reader.read(1)
        writer.close()

    assert head.startswith(b"HTTP/1.1 101 ")


def test_what_has_many_channels_takes_no_more_memory() -> None:
    """A minute in eight channels, which as a file is small, is decoded in the memory of one."""
    file = recording("FLAC", rate=48_000, seconds=60, channels=8)
    tracemalloc.start()
    try:
        audio = read_audio(file, encoding=None, sample_rate=None, longest=60)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert audio.seconds == 60
    assert most < 3 * len(audio.data)


async def tells_whom(stream: HeardStream) -> None:
    """Says at the end which guest it has heard, and how much of it."""
    await stream.hear(1)
    await stream.answer("guest", final=False)
    await stream.hear()
    await stream.answer(f"guest {stream.numbers[0]} spoke {len(set(stream.numbers))} {len(stream.numbers)}")


async def test_two_hundred_streams_at_once_are_each_heard() -> None:
    """All that are allowed hear their own words, the rest are told to come again, and memory stays where it was."""
    service = ScriptedRiva()
    service.scripts.extend([tells_whom] * (2 * MANY))
    async with serving(service) as riva, proxy_process(riva, max_streams=MANY // 2) as process:

        async def guest(number: int) -> tuple[int | None, list[str]]:
            finals = []
            async with connect(
                f"ws://{process.address}/transcribe-stream",
                additional_headers=BEARER,
                compression=None,
                open_timeout=60,
            ) as client:
                try:
                    await client.send('{"sample_rate": 16000}')
                    for _ in range(20):
                        await client.send(number.to_bytes(2, "little") * 3_200)
                    await client.send('{"type": "end"}')
                    while True:
                        result = json.loads(await client.recv())
                        finals += [result["text"]] if result["type"] == "final" else []
                except ConnectionClosed:
                    return client.close_code, finals

        await guest(1)
        before = process.megabytes
        answers = await asyncio.gather(*(guest(number) for number in range(1, MANY + 1)))
        taken = process.most_megabytes - before

    codes = Counter(code for code, _ in answers)
    heard = [(number, finals) for number, (code, finals) in enumerate(answers, 1) if code == Closing.DONE]
    assert codes.keys() <= {Closing.DONE, Closing.BUSY}
    assert codes[Closing.DONE] >= MANY // 2
    assert all(finals == [f"guest {number} spoke 1 20"] for number, finals in heard)
    assert taken < 60


async def test_two_hundred_recordings_at_once_take_the_memory_of_those_that_are_heard() -> None:
    """Who finds no place is refused before the recording is read."""
    megabyte = bytes(1_000_000)
    limits: dict[str, Any] = {"max_audio_bytes": 1_000_000, "max_audio_seconds": 60, "max_streams": 8}
    service = ScriptedRiva()
    async with serving(service) as riva, proxy_process(riva, **limits) as process:

        async def send(http: httpx.AsyncClient) -> int:
            form = {"encoding": "pcm", "sample_rate": "16000"}
            answer = await http.post("/transcribe", files={"audio": ("call", megabyte)}, data=form)
            return answer.status_code

        async with httpx.AsyncClient(
            base_url=f"http://{process.address}",
            headers=BEARER,
            timeout=60,
            limits=httpx.Limits(max_connections=None),
        ) as http:
            assert await send(http) == 200
            before = process.megabytes
            codes = Counter(await asyncio.gather(*(send(http) for _ in range(MANY))))
            taken = process.most_megabytes - before

    assert codes.keys() <= {200, 429}
    assert codes[200] >= 8
    assert taken < 100
