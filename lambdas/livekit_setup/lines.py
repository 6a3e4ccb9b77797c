"""A hotel's line as LiveKit has it: a trunk that takes calls to the hotel's numbers, and a rule that answers them.

Each hotel has a trunk of its own and its rule names that trunk alone. A trunk for all hotels would need rules that
match the dialled number, which LiveKit compares as text (`MatchDispatchRuleIter` in
https://github.com/livekit/protocol/blob/main/sip/sip.go) where it normalises a trunk's numbers, and which is reported
not to match at all (https://github.com/livekit/agents/issues/5847).

Trunk and rule are found again by their name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

from livekit.api import (
    RoomAgentDispatch,
    RoomConfiguration,
    SIPDispatchRule,
    SIPDispatchRuleCallee,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
)
from livekit.protocol.sip import SIP_NO_HEADERS
from pydantic import BaseModel, ConfigDict, Field

from lambdas.livekit_setup.settings import PhoneLine, Telephony
from lambdas.shared.custom_resource import ResourceError
from lambdas.shared.domain.dispatch import AGENT_NAME, Dispatch
from lambdas.shared.domain.line import normal_number

ROOM_PREFIX: Final = "call"
"""A call's room, and so its id, is `call_<dialled number>_<random>`."""
ROOM_WAITS_SECONDS: Final = 10
"""How long a room is kept in which nobody has joined yet."""
ROOM_LINGERS_SECONDS: Final = 3
"""How long a room is kept in which nobody is any more; then LiveKit reports the call's end."""

Line = TypeVar("Line", SIPInboundTrunkInfo, SIPDispatchRuleInfo)


class Digest(BaseModel):
    """What the telephone company signs in with."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    username: str = Field(min_length=1)
    password: str = Field(min_length=1, repr=False)


@dataclass(frozen=True)
class Found:
    """What a project has: our trunks and rules by name, and everybody else's."""

    trunks: Mapping[str, SIPInboundTrunkInfo]
    rules: Mapping[str, SIPDispatchRuleInfo]
    other_trunks: tuple[SIPInboundTrunkInfo, ...]
    other_rules: tuple[SIPDispatchRuleInfo, ...]

    @classmethod
    def of(
        cls, ours: Iterable[str], trunks: Iterable[SIPInboundTrunkInfo], rules: Iterable[SIPDispatchRuleInfo]
    ) -> Self:
        """Sorted by whether `ours` has the name; raises ResourceError when two have one name of ours."""
        names = frozenset(ours)
        our_trunks: dict[str, SIPInboundTrunkInfo] = {}
        our_rules: dict[str, SIPDispatchRuleInfo] = {}
        trunks, rules = tuple(trunks), tuple(rules)
        for trunk in trunks:
            if trunk.name in names and (other := our_trunks.setdefault(trunk.name, trunk)) is not trunk:
                raise _twice("SIP trunks", trunk.name, other.sip_trunk_id, trunk.sip_trunk_id)
        for rule in rules:
            if rule.name in names and (twin := our_rules.setdefault(rule.name, rule)) is not rule:
                raise _twice("dispatch rules", rule.name, twin.sip_dispatch_rule_id, rule.sip_dispatch_rule_id)
        return cls(
            trunks=our_trunks,
            rules=our_rules,
            other_trunks=tuple(trunk for trunk in trunks if trunk.name not in names),
            other_rules=tuple(rule for rule in rules if rule.name not in names),
        )

    def refuse_conflicts(self, name: str, line: PhoneLine) -> None:
        """Raises ResourceError when somebody else's trunk has a number of the line, or their rule answers its trunk."""
        for trunk in self.other_trunks:
            taken = {normal_number(number) for number in trunk.numbers}
            for number in line.numbers:
                if number in taken:
                    raise ResourceError(
                        f"{number} of hotel {line.hotel} is in SIP trunk {trunk.sip_trunk_id} {trunk.name!r} already: "
                        f"take it out there, or rename that trunk to {name} and it is taken over"
                    )
        mine = self.trunks.get(name)
        for rule in self.other_rules:
            if mine and mine.sip_trunk_id in rule.trunk_ids:
                raise ResourceError(
                    f"dispatch rule {rule.sip_dispatch_rule_id} {rule.name!r} answers trunk {name} already: "
                    f"delete it, or rename it to {name} and it is taken over"
                )


def _twice(kind: str, name: str, *ids: str) -> ResourceError:
    return ResourceError(f"two {kind} are called {name}, {' and '.join(ids)}: delete the one that is not in use")


def trunk_of(
    name: str,
    numbers: Sequence[str],
    telephony: Telephony,
    digest: Digest | None,
    found: SIPInboundTrunkInfo | None,
) -> SIPInboundTrunkInfo:
    """A line's trunk as it shall be. One that is there keeps its id, and the codecs and encryption that were agreed
    with the telephone company.
    """
    trunk = SIPInboundTrunkInfo(
        name=name,
        numbers=numbers,
        allowed_addresses=[str(network) for network in telephony.allowed_addresses],
        auth_username=digest.username if digest else "",
        auth_password=digest.password if digest else "",
        headers_to_attributes=telephony.headers,
        include_headers=SIP_NO_HEADERS,
        ringing_timeout={"seconds": telephony.ringing_seconds},
        max_call_duration={"seconds": telephony.longest_call_seconds},
        # The recogniser takes the line as it is, and guests' voices need no further processor.
        krisp_enabled=False,
    )
    if found:
        trunk.sip_trunk_id = found.sip_trunk_id
        trunk.media_encryption = found.media_encryption
        if found.HasField("media"):
            trunk.media.CopyFrom(found.media)
    return trunk


def rule_of(name: str, line: PhoneLine, trunk_id: str, found: SIPDispatchRuleInfo | None) -> SIPDispatchRuleInfo:
    """A line's rule as it shall be: a room a call, and a receptionist who is told which hotel it is."""
    agent = RoomAgentDispatch(agent_name=AGENT_NAME, metadata=Dispatch(hotel=line.hotel).to_json())
    return SIPDispatchRuleInfo(
        sip_dispatch_rule_id=found.sip_dispatch_rule_id if found else "",
        name=name,
        rule=SIPDispatchRule(dispatch_rule_callee=SIPDispatchRuleCallee(room_prefix=ROOM_PREFIX, randomize=True)),
        trunk_ids=[trunk_id],
        # Returning guests are known by it, and callbacks go there.
        hide_phone_number=False,
        attributes={"hotel": line.hotel},
        room_config=RoomConfiguration(
            empty_timeout=ROOM_WAITS_SECONDS, departure_timeout=ROOM_LINGERS_SECONDS, agents=[agent]
        ),
        krisp_enabled=False,
    )


def is_stored(wanted: Line, found: Line | None) -> bool:
    """Whether LiveKit has it just so; when it was made and changed does not matter."""
    if found is None:
        return False
    stored = type(found)()
    stored.CopyFrom(found)
    for moment in ("created_at", "updated_at"):
        stored.ClearField(moment)
    return stored == wanted
