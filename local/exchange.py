"""The way into a room for a guest on the phone, as LiveKit's SIP bridge and the hotel's dispatch rule make it.

The name of the room, kind, identity, name and attributes of the participant and the agent's dispatch are a real call's.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from livekit.api import AccessToken, RoomAgentDispatch, RoomConfiguration, VideoGrants

from lambdas.shared.domain.dispatch import AGENT_NAME, Dispatch
from lambdas.shared.domain.hotel import Hotel

RING_SECONDS: Final = 10


@dataclass(frozen=True)
class Exchange:
    """The LiveKit server through which a guest phones.

    `dispatch` is what its dispatch rule tells the agent; without it, what a rule of ours tells.
    """

    url: str
    key: str
    secret: str = field(repr=False)
    dispatch: str | None = None


def new_call_id(hotel: Hotel) -> str:
    """A room's name as the dispatch rule of the hotel's number makes it."""
    tail = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))
    return f"call_{hotel.phone.numbers[0]}_{tail}"


def sip_attributes(number: str, hotel: Hotel) -> Mapping[str, str]:
    """The attributes that the SIP bridge and the hotel's dispatch rule give a caller."""
    call = secrets.token_hex(6)
    return {
        "sip.callID": f"SCL_{call}",
        "sip.callIDFull": f"{call}@sip.example.net",
        "sip.callStatus": "active",
        "sip.hostname": "sip.example.net",
        "sip.phoneNumber": number,
        "sip.trunkPhoneNumber": hotel.phone.numbers[0],
        "sip.trunkID": f"ST_{hotel.name}",
        "sip.ruleID": f"SDR_{hotel.name}",
        "hotel": hotel.name,
    }


def caller_token(exchange: Exchange, *, call_id: str, number: str, hotel: Hotel) -> str:
    """What lets the guest into the room, makes the room and dispatches the receptionist into it."""
    metadata = Dispatch(hotel=hotel.name).to_json() if exchange.dispatch is None else exchange.dispatch
    agents = [RoomAgentDispatch(agent_name=AGENT_NAME, metadata=metadata)]
    room = RoomConfiguration(empty_timeout=RING_SECONDS, departure_timeout=3, agents=agents)
    return (
        AccessToken(exchange.key, exchange.secret)
        .with_identity(f"sip_{number}")
        .with_name(f"Phone {number}")
        .with_kind("sip")
        .with_attributes(dict(sip_attributes(number, hotel)))
        .with_grants(VideoGrants(room_join=True, room=call_id))
        .with_room_config(room)
        .to_jwt()
    )
