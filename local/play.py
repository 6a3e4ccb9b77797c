"""A scenario played on a running stack, from the first ring to the report in the call's folder."""

from __future__ import annotations

import asyncio
import contextlib
import json
import wave
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx
import numpy as np
from botocore.session import Session

from agent.hotel import SigV4
from lambdas.calls.models import CallView
from lambdas.shared.domain.call import AGENT_VANISHED
from lambdas.shared.domain.hotel import Hotel, load_hotel
from lambdas.shared.domain.stay import Reservation
from lambdas.shared.items import decode
from lambdas.shared.tables import FOLLOW_UPS, hotel_pk
from local.booking_system import BookingSystem
from local.caller import Caller, Moment, PhoneCall
from local.exchange import Exchange
from local.phone_line import Samples, over_the_phone
from local.processes import ROOT
from local.report import CallReport, report_of
from local.report_page import render
from local.scenario import Expected, Scenario, recording
from local.stack import Stack
from local.verdict import Found, LeftFollowUp, judge
from local.voices import synthesise

CALLS: Final = ROOT / ".local" / "calls"
GUEST_VOICE: Final = "en_US-joe-medium"
VOICE_RATE: Final = 22_050
SETTLED_WITHIN: Final = 20.0
"""Seconds after a call in which its last event must have arrived: a guest who is gone is noticed after three."""
POLL: Final = 0.25


@dataclass(frozen=True)
class Played:
    """A call that was made, and where its report is."""

    report: CallReport
    folder: Path


class NoRecord(Exception):
    """Nothing is known of a call: no event of it reached the table."""


async def play(
    stack: Stack,
    name: str,
    scenario: Scenario,
    *,
    calls: int = 1,
    expected: Expected | None = None,
    dispatch: str | None = None,
    watch: Callable[[int, Moment], None] = lambda _, __: None,
    folder: Path = CALLS,
) -> list[Played]:
    """Play a scenario, several times at once if `calls` says so, and judge each call by what is expected of it.

    `dispatch` is what the agent is told instead of the hotel's name. `watch` hears of every moment, with the number of
    its call. Raises Unanswered when there is nobody to phone, and
    NoRecord when a call was made of which nothing was written down.
    """
    hotel = load_hotel(stack.hotels / scenario.hotel)
    system = BookingSystem(stack, hotel)
    voices = await asyncio.to_thread(_voices, scenario)
    before = {stay.code for stay in await asyncio.to_thread(system.reservations)}
    for booked in scenario.booked:
        await asyncio.to_thread(system.book, booked, hotel.day_of(datetime.now(UTC)))
    exchange = Exchange(stack.addresses.livekit, stack.livekit_key, stack.livekit_secret, dispatch)
    await _teach(stack, scenario)

    async def phone(number: int) -> PhoneCall:
        guest = str(int(scenario.guest.number) + number)
        caller = Caller(exchange, hotel, number=f"+{guest}", voices=voices, watch=lambda moment: watch(number, moment))
        call = await caller.call(scenario.lines)
        await asyncio.to_thread(_keep_recording, folder / call.id, call)
        return call

    phoning = [asyncio.create_task(phone(number), name=f"guest {number}") for number in range(calls)]
    try:
        phoned = await asyncio.gather(*phoning)
    finally:
        for task in phoning:
            task.cancel()
        await asyncio.gather(*phoning, return_exceptions=True)
    async with _api(stack) as api:
        views = await asyncio.gather(*(_record(api, call.id) for call in phoned))
    made = [stay for stay in await asyncio.to_thread(system.reservations) if stay.code not in before]
    played = []
    for call, view in zip(phoned, views, strict=True):
        others = {code for other in views if other is not view for code in other.call.stays}
        left = await asyncio.to_thread(_follow_ups, stack, hotel, call)
        found = _found(view, [stay for stay in made if stay.code not in others], left)
        report = report_of(
            call,
            scenario=name,
            title=scenario.title,
            hotel=hotel.title,
            found=found,
            checks=judge((expected or scenario.expected).at(hotel), found, hotel.day_of(call.began)),
            stored=view.turns,
        )
        played.append(Played(report, await asyncio.to_thread(_keep, folder / call.id, call, view, report)))
    return played


def _voices(scenario: Scenario) -> Mapping[str, Samples]:
    """Every line as it sounds at the other end of the phone, without the silence around it."""
    recorded = {line.text: _recorded(line.recording) for line in scenario.lines if line.recording}
    texts = {text for line in scenario.lines for text in (line.text, line.again) if text} - recorded.keys()
    spoken = {text: (synthesise(text, GUEST_VOICE, VOICE_RATE), VOICE_RATE) for text in texts}
    return {text: over_the_phone(_trimmed(pcm), rate) for text, (pcm, rate) in (spoken | recorded).items()}


def _recorded(name: str) -> tuple[bytes, int]:
    with wave.open(str(recording(name)), "rb") as file:
        return file.readframes(file.getnframes()), file.getframerate()


def _trimmed(pcm: bytes) -> Samples:
    samples = np.frombuffer(pcm, np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 300)
    return samples[loud[0] : loud[-1] + 1] if len(loud) else samples


async def _teach(stack: Stack, scenario: Scenario) -> None:
    """Give the brain the part of the scenario it may know; a brain that somebody else runs is left alone."""
    if "brain" not in stack.children:
        return
    key = {"Authorization": f"Bearer {stack.brain_key}"}
    async with httpx.AsyncClient(base_url=stack.addresses.brain, timeout=5) as http:
        script = scenario.script().model_dump(mode="json")
        response = await http.put("/scenario", json=script, headers=key)
        response.raise_for_status()


@asynccontextmanager
async def _api(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    session = Session()
    session.set_credentials(stack.access_key, stack.secret_key)
    auth = SigV4(stack.region, session)
    async with httpx.AsyncClient(base_url=stack.addresses.api, auth=auth, timeout=5) as http:
        yield http


async def _record(api: httpx.AsyncClient, call_id: str) -> CallView:
    """The call as it is stored once its last event has arrived, or as it is when the time for that is over."""
    view: CallView | None = None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + SETTLED_WITHIN
    while loop.time() < deadline:
        with contextlib.suppress(httpx.TransportError):
            response = await api.get(f"/v1/calls/{quote(call_id, safe='')}")
            if response.is_success:
                view = CallView.model_validate_json(response.content)
        # Until the agent's own end arrives, a finished room looks like an agent that vanished.
        if view and view.call.is_over and view.call.reason != AGENT_VANISHED:
            return view
        await asyncio.sleep(POLL)
    if view is None:
        raise NoRecord(f"nothing was stored of {call_id}")
    return view


def _found(view: CallView, stays: Sequence[Reservation], follow_ups: Sequence[LeftFollowUp]) -> Found:
    call = view.call
    return Found(
        state=call.state,
        outcome=call.outcome,
        reason=call.reason,
        reservations=tuple(stays),
        follow_ups=tuple(follow_ups),
        said=" ".join(turn.agent for turn in view.turns),
    )


def _follow_ups(stack: Stack, hotel: Hotel, call: PhoneCall) -> list[LeftFollowUp]:
    """What the call left for the front desk."""
    pages = (
        stack.aws_client("dynamodb")
        .get_paginator("query")
        .paginate(
            TableName=stack.calls_table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            FilterExpression="call_id = :call",
            ExpressionAttributeValues={
                ":pk": {"S": hotel_pk(hotel.name)},
                ":sk": {"S": FOLLOW_UPS},
                ":call": {"S": call.id},
            },
            ConsistentRead=True,
        )
    )
    return [_follow_up(decode(item), call.number) for page in pages for item in page["Items"]]


def _follow_up(item: Mapping[str, Any], number: str) -> LeftFollowUp:
    return LeftFollowUp(
        kind=item["kind"],
        calls_caller=item.get("callback") == number,
        guest_name=item.get("guest_name"),
        message=item["message"],
    )


def _keep_recording(folder: Path, call: PhoneCall) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    call.recording.write(folder / "call.wav", call.ringing)


def _keep(folder: Path, call: PhoneCall, view: CallView, report: CallReport) -> Path:
    _write_json(folder / "transcript.json", view.model_dump(mode="json")["turns"])
    _write_json(folder / "report.json", report.model_dump(mode="json"))
    (folder / "report.html").write_text(render(report, call.recording.stereo(call.ringing)), encoding="utf-8")
    return folder


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
