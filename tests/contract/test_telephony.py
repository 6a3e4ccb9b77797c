"""The stand-in for LiveKit's SIP service keeps what LiveKit would keep and refuses what LiveKit would refuse."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from livekit.api import (
    AccessToken,
    CreateSIPDispatchRuleRequest,
    CreateSIPInboundTrunkRequest,
    DeleteSIPDispatchRuleRequest,
    DeleteSIPTrunkRequest,
    ListSIPDispatchRuleRequest,
    ListSIPInboundTrunkRequest,
    LiveKitAPI,
    ServerError,
    SIPDispatchRule,
    SIPDispatchRuleCallee,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    TransferSIPParticipantRequest,
)
from livekit.api.access_token import SIPGrants, VideoGrants
from livekit.protocol.sip import TransferSIPParticipantResponse

from local.telephony import PROTOBUF, Fault, Method, Trunks, build_app
from tests.livekit_server import livekit_server
from tests.serving import served

pytestmark = pytest.mark.contract

KEY, SECRET = "APIbellhop", "a secret that is long enough for LiveKit"
NUMBER, SECOND = "+493023125001", "+493023125003"
CALLEE = SIPDispatchRule(dispatch_rule_callee=SIPDispatchRuleCallee(room_prefix="call", randomize=True))


@pytest.fixture
async def url() -> AsyncIterator[str]:
    async with served(build_app(Trunks().methods(), api_key=KEY, api_secret=SECRET)) as address:
        yield address


@pytest.fixture
async def livekit(url: str) -> AsyncIterator[LiveKitAPI]:
    async with LiveKitAPI(url, KEY, SECRET) as api:
        yield api


async def make_trunk(livekit: LiveKitAPI, **fields: Any) -> SIPInboundTrunkInfo:
    return await livekit.sip.create_inbound_trunk(CreateSIPInboundTrunkRequest(trunk=SIPInboundTrunkInfo(**fields)))


async def make_rule(livekit: LiveKitAPI, **fields: Any) -> SIPDispatchRuleInfo:
    rule = SIPDispatchRuleInfo(**{"rule": CALLEE, **fields})
    return await livekit.sip.create_dispatch_rule(CreateSIPDispatchRuleRequest(dispatch_rule=rule))


async def refusal(asking: Awaitable[Any]) -> ServerError:
    """What LiveKit answers to something that it does not do."""
    with pytest.raises(ServerError) as refused:
        await asking
    return refused.value


async def test_a_trunk_is_kept_replaced_and_deleted(livekit: LiveKitAPI) -> None:
    """A trunk keeps its id when everything else of it is replaced, and what the replacement lacks is gone."""
    made = await make_trunk(livekit, name="a", numbers=[NUMBER], metadata="x")

    changed = await livekit.sip.update_inbound_trunk(made.sip_trunk_id, SIPInboundTrunkInfo(name="b", numbers=[SECOND]))
    listed = await livekit.sip.list_inbound_trunk(ListSIPInboundTrunkRequest())
    await livekit.sip.delete_trunk(DeleteSIPTrunkRequest(sip_trunk_id=made.sip_trunk_id))
    left = await livekit.sip.list_inbound_trunk(ListSIPInboundTrunkRequest())

    assert made.sip_trunk_id.startswith("ST_")
    assert (changed.sip_trunk_id, changed.name, changed.metadata) == (made.sip_trunk_id, "b", "")
    assert changed.created_at == made.created_at
    assert list(listed.items) == [changed]
    assert list(left.items) == []


async def test_a_rule_is_kept_replaced_and_deleted(livekit: LiveKitAPI) -> None:
    """A rule keeps its id when everything else of it is replaced."""
    made = await make_rule(livekit, name="a", trunk_ids=["ST_a"])
    rule = SIPDispatchRuleInfo(name="b", rule=CALLEE, trunk_ids=["ST_b"])

    changed = await livekit.sip.update_dispatch_rule(made.sip_dispatch_rule_id, rule)
    listed = await livekit.sip.list_dispatch_rule(ListSIPDispatchRuleRequest())
    request = DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=made.sip_dispatch_rule_id)
    await livekit.sip.delete_dispatch_rule(request)
    again = await refusal(livekit.sip.delete_dispatch_rule(request))

    assert made.sip_dispatch_rule_id.startswith("SDR_")
    assert (changed.sip_dispatch_rule_id, changed.name) == (made.sip_dispatch_rule_id, "b")
    assert list(listed.items) == [changed]
    assert (again.code, again.status) == ("not_found", 404)


async def test_lists_are_filtered_and_hold_what_takes_anything(livekit: LiveKitAPI) -> None:
    """Asked for a number or a trunk, the lists also have the trunks that take any number and the rules of any trunk."""
    one = await make_trunk(livekit, name="one", numbers=[NUMBER])
    await make_trunk(livekit, name="two", numbers=[SECOND])
    await make_trunk(livekit, name="any", auth_username="u", auth_password="p")
    await make_rule(livekit, name="one", trunk_ids=[one.sip_trunk_id])
    await make_rule(livekit, name="other", trunk_ids=["ST_other"])
    await make_rule(livekit, name="any")

    trunks = await livekit.sip.list_inbound_trunk(ListSIPInboundTrunkRequest(numbers=["49 30 23125001"]))
    by_id = await livekit.sip.list_inbound_trunk(ListSIPInboundTrunkRequest(trunk_ids=[one.sip_trunk_id]))
    rules = await livekit.sip.list_dispatch_rule(ListSIPDispatchRuleRequest(trunk_ids=[one.sip_trunk_id]))

    assert {trunk.name for trunk in trunks.items} == {"one", "any"}
    assert [trunk.name for trunk in by_id.items] == ["one"]
    assert {rule.name for rule in rules.items} == {"one", "any"}


async def test_a_number_is_in_one_trunk(livekit: LiveKitAPI) -> None:
    """A second trunk with a number is refused however the number is written, unless both say whose calls they take."""
    await make_trunk(livekit, numbers=[NUMBER])

    refused = await refusal(make_trunk(livekit, numbers=[SECOND, "49 (30) 2312-5001"], auth_username="u"))
    await make_trunk(livekit, numbers=[NUMBER], allowed_numbers=["+4989550123"])
    other_callers = await make_trunk(livekit, numbers=[NUMBER], allowed_numbers=["+4989550124"])
    same_caller = SIPInboundTrunkInfo(numbers=[NUMBER], allowed_numbers=["+4989550123"])
    refused_update = await refusal(livekit.sip.update_inbound_trunk(other_callers.sip_trunk_id, same_caller))

    assert (refused.code, refused.status) == ("invalid_argument", 400)
    assert refused.message.startswith("Conflicting inbound SIP Trunks: ")
    assert refused_update.code == "invalid_argument"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "open to all"}, "for security, one of the fields must be set"),
        ({"numbers": [NUMBER], "sip_trunk_id": "ST_mine"}, "trunk id must not be set"),
        ({"numbers": [NUMBER], "headers_to_attributes": {"X Floor": "floor"}}, "invalid header name"),
    ],
)
async def test_a_trunk_that_is_no_trunk_is_refused(livekit: LiveKitAPI, fields: dict[str, Any], said: str) -> None:
    """A trunk says who may call it, has no id of its own making and maps headers that can exist."""
    refused = await refusal(make_trunk(livekit, **fields))

    assert refused.code == "invalid_argument"
    assert said in refused.message


async def test_a_trunk_has_one_rule_for_a_call(livekit: LiveKitAPI) -> None:
    """A second rule that answers the same calls of a trunk is refused; other numbers or a PIN make it another one."""
    await make_rule(livekit, name="first", trunk_ids=["ST_a", "ST_b"])

    refused = await refusal(make_rule(livekit, trunk_ids=["ST_b"]))
    await make_rule(livekit, trunk_ids=["ST_b"], numbers=[NUMBER])
    await make_rule(livekit, trunk_ids=["ST_b"], inbound_numbers=[NUMBER])
    callee = SIPDispatchRuleCallee(room_prefix="call", pin="1234")
    pinned = await make_rule(livekit, trunk_ids=["ST_b"], rule=SIPDispatchRule(dispatch_rule_callee=callee))
    unpinned = SIPDispatchRuleInfo(rule=CALLEE, trunk_ids=["ST_b"])
    refused_update = await refusal(livekit.sip.update_dispatch_rule(pinned.sip_dispatch_rule_id, unpinned))

    assert refused.code == "invalid_argument"
    assert '"first"' in refused.message
    assert refused_update.code == "invalid_argument"


async def test_a_rule_says_what_it_does(livekit: LiveKitAPI) -> None:
    """A rule without a kind is refused."""
    refused = await refusal(make_rule(livekit, rule=SIPDispatchRule()))

    assert (refused.code, refused.message) == ("invalid_argument", "missing rule")


@pytest.mark.parametrize(
    ("ask", "code"),
    [
        (lambda sip: sip.update_inbound_trunk("ST_x", SIPInboundTrunkInfo(numbers=[NUMBER])), "not_found"),
        (lambda sip: sip.update_dispatch_rule("SDR_x", SIPDispatchRuleInfo(rule=CALLEE)), "not_found"),
        (lambda sip: sip.update_inbound_trunk("ST_x", SIPInboundTrunkInfo(sip_trunk_id="ST_y")), "invalid_argument"),
        (lambda sip: sip.update_dispatch_rule("", SIPDispatchRuleInfo(rule=CALLEE)), "invalid_argument"),
        (lambda sip: sip.delete_trunk(DeleteSIPTrunkRequest()), "invalid_argument"),
        (lambda sip: sip.update_dispatch_rule_fields("SDR_x", name="y"), "unimplemented"),
    ],
)
async def test_what_cannot_be_done_is_refused(
    livekit: LiveKitAPI, ask: Callable[[Any], Awaitable[Any]], code: str
) -> None:
    """An unknown or contradictory id is refused; an update of single fields, which we never ask for, is not there."""
    assert (await refusal(ask(livekit.sip))).code == code


async def test_a_trunk_that_is_not_there_is_deleted_without_complaint(livekit: LiveKitAPI) -> None:
    """LiveKit deletes a trunk without looking whether it exists."""
    deleted = await livekit.sip.delete_trunk(DeleteSIPTrunkRequest(sip_trunk_id="ST_gone"))

    assert deleted.sip_trunk_id == "ST_gone"


ADMIN = SIPGrants(admin=True)
TOKENS = {
    "none": "",
    "another grant": AccessToken(KEY, SECRET).with_grants(VideoGrants(room_admin=True)).to_jwt(),
    "only calls": AccessToken(KEY, SECRET).with_sip_grants(SIPGrants(call=True)).to_jwt(),
    "another secret": AccessToken(KEY, SECRET + "!").with_sip_grants(ADMIN).to_jwt(),
    "another key": AccessToken("another", SECRET).with_sip_grants(ADMIN).to_jwt(),
}
ADMITTED = AccessToken(KEY, SECRET).with_sip_grants(ADMIN).to_jwt()
METHOD = "ListSIPInboundTrunk"


async def answer_of(
    address: str, authorization: str, *, method: str = METHOD, kind: str = PROTOBUF, body: bytes = b""
) -> tuple[int, str]:
    """Status and code with which a service answers a request; the code is empty where it tells none."""
    headers = {"content-type": kind, **({"authorization": authorization} if authorization else {})}
    async with httpx.AsyncClient() as http:
        answer = await http.post(f"{address}/twirp/livekit.SIP/{method}", headers=headers, content=body)
    is_twirp = answer.headers.get("content-type", "").startswith("application/json")
    return answer.status_code, answer.json()["code"] if is_twirp else ""


@pytest.mark.parametrize("token", TOKENS)
async def test_only_an_administrator_of_telephony_is_answered(url: str, token: str) -> None:
    """Without the project's key and the grant `sip.admin` nothing is shown."""
    status, _ = await answer_of(url, f"Bearer {TOKENS[token]}" if TOKENS[token] else "")

    assert status == httpx.codes.UNAUTHORIZED


async def test_it_turns_away_whom_livekit_turns_away(url: str, tmp_path: Path) -> None:
    """A real livekit-server answers every request that it refuses with the same status and code; one that it lets
    through ends there at the SIP service, which it lacks.
    """
    authorizations = [f"Bearer {token}" if token else "" for token in TOKENS.values()]
    asked: list[dict[str, Any]] = [
        *({"authorization": authorization} for authorization in [*authorizations, ADMITTED]),
        {"authorization": f"Bearer {ADMITTED}", "method": "HangUpEverybody"},
        {"authorization": f"Bearer {ADMITTED}", "kind": "text/plain"},
        {"authorization": f"Bearer {ADMITTED}", "body": b"\xff"},
    ]

    async with livekit_server(KEY, SECRET, tmp_path) as server:
        real = [await answer_of(f"http://{server}", **request) for request in asked]
        admitted = await answer_of(f"http://{server}", f"Bearer {ADMITTED}")
    ours = [await answer_of(url, **request) for request in asked]

    assert ours == real
    assert admitted == (httpx.codes.INTERNAL_SERVER_ERROR, "internal")


async def test_another_method_can_be_added() -> None:
    """A stand-in for more of the service adds methods, with other grants and LiveKit's details of a failed call."""

    async def transfer(request: TransferSIPParticipantRequest) -> TransferSIPParticipantResponse:
        raise Fault("not_found", "sip status 404: Not Found", {"sip_status_code": "404", "sip_status": "Not Found"})

    def may_call(claims: Any, request: TransferSIPParticipantRequest) -> bool:
        return bool(claims and claims.sip.call and claims.video.room == request.room_name)

    methods: Mapping[str, Method] = {
        **Trunks().methods(),
        "TransferSIPParticipant": Method(TransferSIPParticipantRequest, may_call, transfer),
    }
    request = TransferSIPParticipantRequest(room_name="call_+49_x", participant_identity="g", transfer_to="tel:+49")
    async with served(build_app(methods, api_key=KEY, api_secret=SECRET)) as url, LiveKitAPI(url, KEY, SECRET) as api:
        refused = await refusal(api.sip.transfer_sip_participant(request))

    assert (refused.code, refused.metadata["sip_status_code"]) == ("not_found", "404")
