"""Streams of recognition through the proxy, by WebSocket: words while one speaks, and a close code that says why."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
from riva.client.proto import riva_audio_pb2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gpu_fleet.asr_proxy.app import build_app
from gpu_fleet.asr_proxy.closing import Closing
from gpu_fleet.asr_proxy.stream import MOST_MESSAGE
from gpu_fleet.riva.client import Riva
from lambdas.shared.settings import SettingsError
from tests.contract.proxy_bench import BEARER, TOKEN, Bench, Listening, WordDetector, as_deployed, proxy_bench
from tests.contract.proxy_bench import proxy_settings as settings_of
from tests.contract.scripted_riva import HeardStream, ScriptedRiva, fails, hangs, says, says_nothing, serving

pytestmark = pytest.mark.contract

TELEPHONE = '{"sample_rate": 8000, "encoding": "mulaw", "language": "de-DE"}'
WIDE = '{"sample_rate": 16000}'
END = '{"type": "end"}'
CHUNK = (7).to_bytes(2, "little") * 320


class Served:
    """The proxy as it is deployed, and what stands on both sides of it."""

    def __init__(self, bench: Bench, listening: Listening) -> None:
        self.bench = bench
        self.service = bench.service
        self.server = listening.server
        self.url = f"ws://{listening.address}/transcribe-stream"

    def connect(self, headers: dict[str, str] = BEARER, **how: Any) -> connect:
        return connect(self.url, additional_headers=headers, compression=None, **how)

    async def talk(self, *messages: str | bytes, headers: dict[str, str] = BEARER) -> tuple[int, str, list[Any]]:
        """Sends these messages: the close code, the reason and the results that came before it."""
        async with self.connect(headers) as client:
            for message in messages:
                try:
                    await client.send(message)
                except ConnectionClosed:
                    break
            return await closed(client)

    async def free(self) -> bool:
        """Whether every place is free again, soon."""
        async with asyncio.timeout(10):
            while await self.bench.metric("bellhop_asr_streams") or self.service.open:
                await asyncio.sleep(0.01)
        return True


async def closed(client: ClientConnection) -> tuple[int, str, list[Any]]:
    """What a client is told until it is closed, and why it is."""
    results = [json.loads(message) async for message in client_messages(client)]
    assert client.close_code is not None
    return client.close_code, client.close_reason or "", results


async def client_messages(client: ClientConnection) -> AsyncIterator[str | bytes]:
    """Every message until the close, whatever its code."""
    async with asyncio.timeout(30):
        while True:
            try:
                yield await client.recv()
            except ConnectionClosed:
                return


@asynccontextmanager
async def proxy(**more: Any) -> AsyncIterator[Served]:
    async with proxy_bench(**more) as bench, as_deployed(bench.app) as listening:
        yield Served(bench, listening)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with proxy() as served:
        yield served


async def test_words_come_while_one_speaks(served: Served) -> None:
    """Interim results before the sound has ended, finals as they are sure, the last ones after the end."""

    async def interrupts(stream: HeardStream) -> None:
        await stream.hear(1)
        await stream.answer("ein ", "Zimm", final=False)
        await stream.hear(1)
        await stream.answer("Ein Zimmer.", language="de-DE")
        await stream.hear()
        await stream.answer("Danke.")

    served.service.scripts.append(interrupts)
    async with served.connect() as client:
        await client.send(TELEPHONE)
        await client.send(bytes(160))
        interim = json.loads(await client.recv())
        await client.send(bytes(160))
        final = json.loads(await client.recv())
        await client.send(END)
        code, reason, rest = await closed(client)

    assert interim == {
        "type": "interim",
        "text": "ein Zimm",
        "language": "de-DE",
        "confidence": pytest.approx(0.9),
        "seconds": pytest.approx(0.02),
    }
    assert (final["type"], final["text"], final["language"]) == ("final", "Ein Zimmer.", "de-DE")
    assert [result["text"] for result in rest] == ["Danke."]
    assert (code, reason) == (Closing.DONE, "all was heard")
    stream = served.service.streams[0]
    config = stream.config.config
    assert (config.language_code, config.sample_rate_hertz, stream.config.interim_results) == ("de-DE", 8_000, True)
    assert riva_audio_pb2.AudioEncoding.Name(config.encoding) == "MULAW"
    assert stream.half_closed


async def test_a_stream_may_want_finals_only(served: Served) -> None:
    """Riva is asked for what the client wants, in the default language when it names none."""
    served.service.scripts.append(says("hello"))

    code, _, results = await served.talk('{"sample_rate": 16000, "interim_results": false}', CHUNK, b"", CHUNK, END)

    stream = served.service.streams[0]
    assert (code, [result["text"] for result in results]) == (Closing.DONE, ["hello"])
    assert (stream.config.interim_results, stream.config.config.language_code) == (False, "en-US")
    assert stream.numbers == [7, 7]


@pytest.mark.parametrize(
    ("messages", "code", "reason"),
    [
        ([b"\x00\x00"], Closing.INVALID, "the first message describes the sound"),
        (["{"], Closing.INVALID, "body: Invalid JSON"),
        (["[]"], Closing.INVALID, "body: Input should be"),
        (["{}"], Closing.INVALID, "sample_rate: Field required"),
        (['{"sample_rate": 4000}'], Closing.INVALID, "sample_rate: Input should be greater than or equal to 8000"),
        (['{"sample_rate": 16000, "encoding": "opus"}'], Closing.INVALID, "encoding: Input should be"),
        (['{"sample_rate": 16000, "language": "xx-XX"}'], Closing.INVALID, "language: is none of en-US"),
        (['{"sample_rate": 16000, "guest": "Ada"}'], Closing.INVALID, "guest: Extra inputs"),
        (['{"sample_rate": "Ada Lovelace"}'], Closing.INVALID, "sample_rate: Input should be a valid integer"),
        ([WIDE, b"\x00"], Closing.INVALID, "length is odd"),
        ([WIDE, WIDE], Closing.INVALID, "messages are binary samples"),
        ([WIDE, CHUNK, "Ada"], Closing.INVALID, "messages are binary samples"),
        ([WIDE, bytes(MOST_MESSAGE + 2)], 1009, ""),
        ([" " * MOST_MESSAGE + WIDE], 1009, ""),
        ([WIDE, *[bytes(100_000)] * 3], Closing.TOO_LONG, "a stream may be 5 s long"),
    ],
)
async def test_what_cannot_be_heard_is_told_why(messages: list[str | bytes], code: int, reason: str) -> None:
    """A close code for a program, a reason for a person, no word of what was sent, and the place is free again."""
    async with proxy(max_stream_seconds=5) as served:
        told = await served.talk(*messages)

        assert told[0] == code
        assert reason in told[1]
        assert "Ada" not in told[1]
        assert await served.free()


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}"])
async def test_only_the_token_opens_a_stream(served: Served, authorization: str | None) -> None:
    """A stranger is told so before a word to Riva, and takes no place."""
    headers = {} if authorization is None else {"Authorization": authorization}

    code, reason, _ = await served.talk(WIDE, CHUNK, headers=headers)

    assert (code, reason) == (Closing.UNAUTHENTICATED, "send Authorization: Bearer with the proxy's token")
    assert served.service.streams == []
    assert await served.bench.metric("bellhop_asr_closes_total", code="4401") == 1


async def test_a_secret_that_cannot_be_read_opens_nothing() -> None:
    """When the token is not to be had, streams are told to come again."""

    def missing() -> str:
        raise SettingsError("secret 't' cannot be read")

    async with aclosing(Riva("127.0.0.1:1")) as riva:
        app = build_app(riva, settings_of(), missing, WordDetector())
        async with (
            as_deployed(app) as listening,
            connect(f"ws://{listening.address}/transcribe-stream", additional_headers=BEARER) as client,
        ):
            code, reason, _ = await closed(client)

    assert (code, reason) == (Closing.UNREACHABLE, "secret 't' cannot be read")


@pytest.mark.parametrize("messages", [[], [WIDE], [WIDE, CHUNK]])
async def test_a_client_that_falls_silent_is_closed(messages: list[str | bytes]) -> None:
    """Whoever connects and says nothing, or stops, does not keep the place."""
    async with proxy(max_idle_seconds=0.2) as served:
        code, reason, _ = await served.talk(*messages)

        assert (code, reason) == (Closing.IDLE, "nothing was sent for 0.2 s")
        assert await served.free()


async def test_more_streams_than_allowed_are_told_to_come_again(served: Served) -> None:
    """Recordings and streams share the places, which count from the handshake on; one that ends makes room."""
    served.service.scripts += [hangs, hangs]
    async with served.connect() as first, served.connect() as second:
        for client in (first, second):
            await client.send(WIDE)
        async with asyncio.timeout(10):
            while served.service.open < 2:
                await asyncio.sleep(0.01)

        third, _, _ = await served.talk(WIDE, CHUNK)
        recording = await served.bench.transcribe(b"")

        assert (third, recording.status_code) == (Closing.BUSY, 429)
    assert await served.free()
    assert (await served.talk(WIDE, CHUNK, END))[0] == Closing.DONE


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, Closing.INVALID),
        (grpc.StatusCode.UNAVAILABLE, Closing.UNREACHABLE),
        (grpc.StatusCode.INTERNAL, Closing.UNREACHABLE),
    ],
)
@pytest.mark.parametrize("after", [0, 1])
async def test_a_fault_of_riva_is_told(served: Served, status: grpc.StatusCode, code: Closing, after: int) -> None:
    """Riva's own word for it, as the client's mistake or as a reason to come again."""
    served.service.scripts += [fails(status, after=after)] * 2

    told, reason, _ = await served.talk(WIDE, *[CHUNK] * 20)

    assert (told, status.name in reason) == (code, True)
    assert await served.free()


async def test_a_riva_that_ends_by_itself_is_no_silence(served: Served) -> None:
    """The client hears that nobody listens any more, while it still speaks."""

    async def ends(stream: HeardStream) -> None:
        await stream.hear(1)

    served.service.scripts.append(ends)

    code, reason, _ = await served.talk(WIDE, CHUNK)

    assert (code, reason) == (Closing.UNREACHABLE, "Riva ended the stream before the sound did")


async def test_a_riva_that_is_not_there_is_told() -> None:
    """A refused connection is a reason to come again."""
    async with aclosing(Riva("127.0.0.1:1")) as riva, as_deployed(Bench(ScriptedRiva(), riva).app) as listening:
        url = f"ws://{listening.address}/transcribe-stream"
        async with connect(url, additional_headers=BEARER) as client:
            await client.send(WIDE)
            code, reason, _ = await closed(client)

    assert (code, "UNAVAILABLE" in reason) == (Closing.UNREACHABLE, True)


async def test_a_riva_that_does_not_answer_is_not_waited_for(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the end the last words come within a limit, or the client is told that they do not."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.stream.RIVA_WITHIN", 1.0)
    served.service.scripts.append(hangs)

    code, reason, _ = await served.talk(WIDE, CHUNK, END)

    assert (code, reason) == (Closing.UNREACHABLE, "Riva did not say all it heard")


async def test_a_client_that_sends_faster_than_riva_listens_is_slowed_down(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Riva does not take is not taken from the client either, and after a while that is said."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.stream.RIVA_WITHIN", 0.5)
    taken = 0

    async def deaf(stream: HeardStream) -> None:
        await asyncio.Event().wait()

    served.service.scripts.append(deaf)
    async with served.connect() as client:
        await client.send(WIDE)
        with suppress(ConnectionClosed):
            while taken < 400_000_000:
                await client.send(bytes(100_000))
                taken += 100_000

    assert (client.close_code, client.close_reason) == (Closing.UNREACHABLE, "Riva takes no more sound")
    assert taken < 60_000_000


async def test_a_client_that_does_not_read_is_closed_and_makes_riva_wait() -> None:
    """Results that nobody takes are not piled up; a client that wakes up is told what happened."""
    written = 0

    async def talks(stream: HeardStream) -> None:
        nonlocal written
        while written < 4_000:
            await stream.answer("so " * 20_000, final=False)
            written += 1

    async with proxy(max_idle_seconds=2) as served:
        served.service.scripts.append(talks)
        async with served.connect(max_queue=1) as client:
            await client.send(WIDE)
            sending = asyncio.create_task(keep_sending(client))
            async with asyncio.timeout(60):
                while await served.bench.metric("bellhop_asr_closes_total", code=str(int(Closing.SLOW))) == 0:
                    await asyncio.sleep(0.05)
            piled = written
            code, reason, _ = await closed(client)
            sending.cancel()

    assert (code, reason) == (Closing.SLOW, "no result was taken for 2 s")
    assert piled < 1_000


async def keep_sending(client: ClientConnection) -> None:
    """Sound for as long as the stream is open."""
    while True:
        await client.send(CHUNK)
        await asyncio.sleep(0.1)


async def test_a_client_that_is_gone_leaves_its_place(served: Served) -> None:
    """A connection that breaks ends the recognition, whether it is closed or cut."""
    served.service.scripts += [hangs, hangs]
    async with served.connect() as polite, served.connect() as rude:
        for client in (polite, rude):
            await client.send(WIDE)
            await client.send(CHUNK)
        async with asyncio.timeout(10):
            while served.service.open < 2:
                await asyncio.sleep(0.01)

        rude.transport.abort()
        await polite.close()

        assert await served.free()
    assert await served.bench.metric("bellhop_asr_closes_total", code="gone") == 2


async def test_a_client_that_does_not_wait_for_the_rest_leaves_its_place(served: Served) -> None:
    """One that goes after its end is not recognised any longer; what it sends in between is not heard."""
    served.service.scripts.append(hangs)
    async with served.connect() as client:
        for message in (WIDE, CHUNK, END, CHUNK):
            await client.send(message)
        async with asyncio.timeout(10):
            while not served.service.streams or not served.service.streams[0].half_closed:
                await asyncio.sleep(0.01)

        client.transport.abort()

        async with asyncio.timeout(8):
            assert await served.free()
    assert served.service.streams[0].numbers == [7]
    assert await served.bench.metric("bellhop_asr_closes_total", code="gone") == 1


async def test_a_stream_that_is_given_up_on_both_sides_is_told_why(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To stop sending to a Riva that takes nothing ends what it says as well, and the client hears of the first."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.stream.RIVA_WITHIN", 0.2)
    monkeypatch.setattr(Riva, "hear", lambda *_, **__: nullcontext(Stuck()))

    code, reason, _ = await served.talk(WIDE, CHUNK)

    assert (code, reason) == (Closing.UNREACHABLE, "Riva takes no more sound")


class Stuck:
    """A stream that takes no sound; as in gRPC, who gives up sending cancels the whole call."""

    def __init__(self) -> None:
        self._cancelled = asyncio.Event()

    async def send(self, _: bytes) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self._cancelled.set()

    async def __aiter__(self) -> AsyncIterator[None]:
        await self._cancelled.wait()
        raise asyncio.CancelledError
        yield


async def test_a_server_that_stops_says_so(served: Served) -> None:
    """A deployment closes its streams with the code that asks clients to connect again."""
    served.service.scripts.append(hangs)
    async with served.connect() as client:
        await client.send(WIDE)
        while not served.service.open:
            await asyncio.sleep(0.01)

        served.server.should_exit = True
        code, _, _ = await closed(client)

    assert code == 1012
    assert await served.free()


async def test_a_fault_of_ours_is_told_without_its_words(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """What goes wrong here closes the stream as that, and quotes nothing."""

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("Ada Lovelace")

    monkeypatch.setattr(Riva, "hear", broken)

    code, reason, _ = await served.talk(WIDE)

    assert (code, reason) == (Closing.INTERNAL, "something went wrong here")


async def test_what_streams_did_is_counted(served: Served) -> None:
    """Seconds of sound and how streams ended, in Prometheus' text."""
    await served.talk(WIDE, bytes(32_000), END)
    await served.talk("{")

    assert await served.free()
    assert await served.bench.metric("bellhop_asr_audio_seconds_total") == 1
    assert await served.bench.metric("bellhop_asr_closes_total", code="1000") == 1
    assert await served.bench.metric("bellhop_asr_closes_total", code="4400") == 1


def test_every_close_code_is_in_the_operators_table() -> None:
    """Who writes a client finds each code there, and none that does not exist."""
    page = (Path(__file__).parents[2] / "docs/operations.md").read_text(encoding="utf-8")
    table = {int(code) for code in re.findall(r"^\| (\d{4}) \|", page, re.MULTILINE)}

    assert table == {*map(int, Closing), 1002, 1007, 1009, 1012}


async def test_a_silent_stream_has_no_words(served: Served) -> None:
    """A stream in which nobody speaks ends well, without a result."""
    served.service.scripts.append(says_nothing)

    assert await served.talk(WIDE, CHUNK, END) == (Closing.DONE, "all was heard", [])


async def test_two_streams_are_not_mixed_up(served: Served) -> None:
    """Each client hears what was said about its own sound."""

    async def tells(stream: HeardStream) -> None:
        await stream.hear()
        await stream.answer(f"guest {stream.numbers[0]}")

    served.service.scripts += [tells, tells]

    both = await asyncio.gather(*(served.talk(WIDE, number.to_bytes(2, "little") * 320, END) for number in (1, 2)))

    assert [results[0]["text"] for _, _, results in both] == ["guest 1", "guest 2"]


async def test_a_client_that_never_reads_again_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be delivered is not kept for ever, though the client's machine answers that it is there."""
    monkeypatch.setattr("gpu_fleet.asr_proxy.stream.CLOSE_WITHIN", 0.2)

    async def talks(stream: HeardStream) -> None:
        while True:
            await stream.answer("so " * 20_000, final=False)

    service = ScriptedRiva()
    service.scripts.append(talks)
    async with serving(service) as address, aclosing(Riva(address)) as riva:
        bench = Bench(service, riva, max_idle_seconds=2)
        async with as_deployed(bench.app, unread=5) as listening:
            host, port = listening.address.split(":")
            # It keeps a kilobyte of what it is sent, and after the handshake takes nothing.
            reader, writer = await asyncio.open_connection(host, int(port), limit=1_024)
            writer.write(handshake(listening.address))
            await reader.readuntil(b"\r\n\r\n")
            writer.write(masked(0x81, WIDE.encode()))
            async with asyncio.timeout(60):
                while listening.server.server_state.connections or not service.streams:
                    writer.write(masked(0x82, bytes(2)))
                    await asyncio.sleep(0.1)
            writer.transport.abort()
            assert await bench.metric("bellhop_asr_closes_total", code=str(int(Closing.SLOW))) == 1

    assert service.open == 0


def handshake(host: str) -> bytes:
    """A request for a stream, as a client writes it."""
    lines = [
        "GET /transcribe-stream HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version: 13",
        f"Authorization: Bearer {TOKEN}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def masked(kind: int, data: bytes) -> bytes:
    """A frame of under 126 bytes, masked with zeros."""
    return bytes([kind, 0x80 | len(data), 0, 0, 0, 0]) + data
