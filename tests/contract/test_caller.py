"""The guest on the phone and a real livekit-server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from livekit import rtc
from livekit.api import AccessToken, DeleteRoomRequest, LiveKitAPI, VideoGrants

from lambdas.shared.domain.hotel import Hotel, load_hotel
from local.caller import Caller, Moment, Unanswered, What
from local.ear import answer_to, paused_after
from local.exchange import Exchange, new_call_id
from local.phone_line import RATE, Samples
from local.processes import ROOT
from local.scenario import Line
from tests.livekit_server import livekit_server

pytestmark = pytest.mark.contract

HOTEL: Hotel = load_hotel(ROOT / "hotels" / "aurora")
NUMBER = "+491713920055"
KEY, SECRET = "local", "a secret that is long enough for livekit-server"


@pytest.fixture
async def exchange(tmp_path: Path) -> AsyncIterator[Exchange]:
    async with livekit_server(KEY, SECRET, tmp_path) as address:
        yield Exchange(f"ws://{address}", KEY, SECRET)


def tone(seconds: float, hertz: float = 700.0) -> Samples:
    return np.round(8000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.int16)


class Desk:
    """A hotel's side of the line that beeps when the test says so."""

    def __init__(self, exchange: Exchange, room: str) -> None:
        self._exchange, self._name = exchange, room
        self._source = rtc.AudioSource(RATE, 1, queue_size_ms=1000)
        self.room = rtc.Room()

    async def pick_up(self) -> None:
        grants = VideoGrants(room_join=True, room=self._name)
        token = AccessToken(KEY, SECRET).with_identity("desk").with_kind("agent").with_grants(grants).to_jwt()
        await self.room.connect(self._exchange.url, token)
        track = rtc.LocalAudioTrack.create_audio_track("desk", self._source)
        await self.room.local_participant.publish_track(track)
        await asyncio.sleep(0.2)

    async def beep(self, seconds: float) -> None:
        await self._source.capture_frame(rtc.AudioFrame(tone(seconds).tobytes(), RATE, 1, round(seconds * RATE)))

    async def write(self, text: str) -> None:
        """What was said, as an agent publishes it."""
        await self.room.local_participant.send_text(text, topic="lk.transcription")

    def fall_silent(self) -> None:
        self._source.clear_queue()

    async def hang_up(self) -> None:
        url = self._exchange.url.replace("ws", "http", 1)
        async with LiveKitAPI(url, KEY, SECRET) as api:
            await api.room.delete_room(DeleteRoomRequest(room=self._name))
        await self.room.disconnect()


async def test_a_guest_waits_for_the_answer_interrupts_and_notices_the_hotel_hanging_up(exchange: Exchange) -> None:
    """A guest is a SIP caller, speaks after the greeting, into an answer when told to, and knows who hung up."""
    call_id = new_call_id(HOTEL)
    voices = {"hello": tone(0.6, 500), "stop": tone(0.6, 500)}
    moments: asyncio.Queue[Moment] = asyncio.Queue()
    caller = Caller(exchange, HOTEL, number=NUMBER, voices=voices, watch=moments.put_nowait)
    phoning = asyncio.create_task(caller.call([Line(text="hello"), Line(text="stop", interrupt_after=0.5)], call_id))
    desk = Desk(exchange, call_id)

    await asyncio.sleep(0.3)
    await desk.pick_up()
    guest = next(iter(desk.room.remote_participants.values()))
    attributes, kind = dict(guest.attributes), guest.kind
    await desk.beep(0.8)
    await until(moments, What.GUEST_SILENT)
    await desk.beep(0.9)
    answering = asyncio.create_task(desk.beep(0.9))
    await until(moments, What.GUEST_SPEAKS)
    desk.fall_silent()
    await answering
    await until(moments, What.GUEST_SILENT)
    await desk.hang_up()
    call = await asyncio.wait_for(phoning, 5)

    assert kind == rtc.ParticipantKind.PARTICIPANT_KIND_SIP
    assert (guest.identity, guest.name) == (f"sip_{NUMBER}", f"Phone {NUMBER}")
    assert attributes["sip.trunkPhoneNumber"] == HOTEL.phone.numbers[0]
    assert attributes["sip.ruleID"]
    assert call.hung_up_by == "hotel"
    assert [line.text for line in call.spoken] == ["hello", "stop"]
    greeting, *_ = call.hotel_speech
    assert call.spoken[0].span.start > greeting.end
    assert answer_to(call.spoken[0].span, call.hotel_speech).span is not None
    assert paused_after(call.spoken[1].span.start, call.hotel_speech) is not None
    assert call.recording.stereo(call.ringing).any(axis=0).all()


async def until(moments: asyncio.Queue[Moment], what: What) -> None:
    while (await moments.get()).what is not what:
        pass


async def test_a_guest_who_is_asked_to_says_it_again(exchange: Exchange) -> None:
    """A guest who was not understood says it again, in other words if there are some, and then goes on."""
    call_id = new_call_id(HOTEL)
    moments: asyncio.Queue[Moment] = asyncio.Queue()
    voices = {"hello": tone(0.4, 500), "good day": tone(0.4, 500), "goodbye": tone(0.4, 500)}
    caller = Caller(exchange, HOTEL, number=NUMBER, voices=voices, watch=moments.put_nowait)
    lines = [Line(text="hello", again="good day"), Line(text="goodbye", hang_up=True)]
    phoning = asyncio.create_task(caller.call(lines, call_id))
    desk = Desk(exchange, call_id)

    await asyncio.sleep(0.3)
    await desk.pick_up()
    await desk.beep(0.3)
    asked = "I did not catch that. Could you say it again, please?"
    for answer in (asked, asked, "Thank you."):
        await until(moments, What.GUEST_SILENT)
        await asyncio.sleep(0.2)
        await desk.write(answer)
        await desk.beep(0.3)
    call = await asyncio.wait_for(phoning, 10)
    await desk.hang_up()

    assert [line.text for line in call.spoken] == ["hello", "good day", "good day", "goodbye"]
    assert (call.hung_up_by, call.gave_up) == ("guest", False)


async def test_a_guest_who_reaches_nobody_says_so() -> None:
    """A server that is not there is told as one sentence."""
    nobody = Exchange("ws://127.0.0.1:9", KEY, SECRET)
    caller = Caller(nobody, HOTEL, number=NUMBER, voices={})

    with pytest.raises(Unanswered, match="does not take the call"):
        await caller.call([Line(hang_up=True)])
