"""What LiveKit has of a stage's phones after a deployment, an update, a failure and the end of a stack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from livekit.api import SIPDispatchRuleInfo, SIPInboundTrunkInfo
from livekit.protocol.sip import SIP_ALL_HEADERS, SIP_MEDIA_ENCRYPT_REQUIRE, SIP_NO_HEADERS

from lambdas.livekit_setup.settings import Telephony
from lambdas.shared.domain.call import dialled_number
from lambdas.shared.domain.dispatch import Dispatch
from lambdas.shared.domain.hotel import Hotels
from local.telephony import Fault
from tests.contract.livekit_project import AURORA, NUMBER, Project, deploy, livekit_project, refused

pytestmark = pytest.mark.contract

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
SECOND, THIRD = "+493023125003", "+4989550123"
NIXE = "bellhop/dev/nixe"


@pytest.fixture
async def project() -> AsyncIterator[Project]:
    async with livekit_project() as project:
        yield project


async def test_a_hotel_gets_a_trunk_for_its_numbers_and_a_rule_that_sends_a_receptionist(project: Project) -> None:
    """Calls to the hotel's numbers, from the telephone company alone, become rooms whose names are the calls' ids, each
    with a receptionist who knows the hotel; nobody hears ringing for long and no header is passed on unasked.
    """
    stack = project.stack()

    await deploy(stack, project.wanting({"aurora": (NUMBER, SECOND)}, headers={"X-Floor": "floor"}))

    trunk, rule = project.trunk(), project.rule()
    assert list(trunk.numbers) == [NUMBER, SECOND]
    assert list(trunk.allowed_addresses) == ["203.0.113.0/24"]
    assert (trunk.auth_username, trunk.auth_password) == ("", "")
    assert (trunk.ringing_timeout.seconds, trunk.max_call_duration.seconds) == (20, 1020)
    assert trunk.include_headers == SIP_NO_HEADERS
    assert dict(trunk.headers_to_attributes) == {"X-Floor": "floor"}
    assert not trunk.krisp_enabled
    assert list(rule.trunk_ids) == [trunk.sip_trunk_id]
    callee = rule.rule.dispatch_rule_callee
    assert callee.randomize
    assert dialled_number(f"{callee.room_prefix}_{NUMBER}_aB3dE5gH7jK9") == NUMBER
    assert not rule.hide_phone_number
    assert dict(rule.attributes) == {"hotel": "aurora"}
    (agent,) = rule.room_config.agents
    assert agent.agent_name == "receptionist"
    assert Dispatch.parse(agent.metadata) == Dispatch(hotel="aurora")
    assert stack.data["Lines"] == "1"


async def test_the_hotels_of_the_repository_are_answered(project: Project) -> None:
    """Every hotel's folder becomes a line."""
    telephony = Telephony.of(
        HOTELS, livekit_url=project.url, allowed_addresses=("192.0.2.1",), longest_call_seconds=900
    )

    await deploy(project.stack(), telephony.to_properties())

    assert project.numbers() == {f"bellhop/dev/{hotel.name}": list(hotel.phone.numbers) for hotel in HOTELS}


async def test_without_addresses_the_telephone_company_signs_in(project: Project) -> None:
    """A company without known addresses needs the username and password of secret `sip`, one with addresses none."""
    stack = project.stack()

    await deploy(stack, project.wanting({"aurora": (NUMBER,)}, allowed_addresses=()))
    signed = project.trunk()
    await deploy(stack, project.wanting({"aurora": (NUMBER,)}))

    assert (signed.auth_username, signed.auth_password) == ("carrier", "hunter2-hunter2")
    assert list(signed.allowed_addresses) == []
    assert (project.trunk().auth_username, project.trunk().auth_password) == ("", "")


async def test_asking_again_changes_nothing(project: Project) -> None:
    """A deployment that wants what is there writes nothing."""
    stack, wanted = project.stack(), project.wanting({"aurora": (NUMBER,), "nixe": (THIRD,)})
    await deploy(stack, wanted)
    for name in ("CreateSIPInboundTrunk", "UpdateSIPInboundTrunk", "CreateSIPDispatchRule", "UpdateSIPDispatchRule"):
        project.failing[name] = Fault("invalid_argument", "nothing is to be written")

    await deploy(stack, {**wanted, "Revision": "2"})

    assert project.names() == [AURORA, AURORA, NIXE, NIXE]


async def test_what_bears_the_lines_name_is_taken_over_with_its_id(project: Project) -> None:
    """A trunk and a rule that are there already keep their ids and what was agreed with the company about encryption;
    everything else becomes as it shall be.
    """
    trunk = SIPInboundTrunkInfo(sip_trunk_id="ST_old", name=AURORA, numbers=["493023125001"], krisp_enabled=True)
    trunk.include_headers = SIP_ALL_HEADERS
    trunk.media.encryption = SIP_MEDIA_ENCRYPT_REQUIRE
    project.put_trunk(trunk)
    project.put_rule(SIPDispatchRuleInfo(sip_dispatch_rule_id="SDR_old", name=AURORA, hide_phone_number=True))

    await deploy(project.stack(), project.wanting({"aurora": (NUMBER,)}))

    assert (project.trunk().sip_trunk_id, project.rule().sip_dispatch_rule_id) == ("ST_old", "SDR_old")
    assert project.trunk().media.encryption == SIP_MEDIA_ENCRYPT_REQUIRE
    assert project.trunk().include_headers == SIP_NO_HEADERS
    assert not project.trunk().krisp_enabled
    assert list(project.rule().trunk_ids) == ["ST_old"]
    assert project.rule().room_config.agents[0].agent_name == "receptionist"
    assert not project.rule().hide_phone_number


@pytest.mark.parametrize("lost", ["trunk", "rule", "both"])
async def test_what_somebody_deleted_is_made_again(project: Project, lost: str) -> None:
    """The next deployment of new code makes a lost trunk or rule again, and the rule answers the new trunk."""
    stack, wanted = project.stack(), project.wanting({"aurora": (NUMBER,)})
    await deploy(stack, wanted)
    if lost != "rule":
        project.livekit.trunks.clear()
    if lost != "trunk":
        project.livekit.rules.clear()

    await deploy(stack, {**wanted, "Revision": "2"})

    assert list(project.trunk().numbers) == [NUMBER]
    assert list(project.rule().trunk_ids) == [project.trunk().sip_trunk_id]


async def test_a_change_of_numbers_keeps_trunk_rule_and_resource(project: Project) -> None:
    """No change is a replacement: neither at LiveKit nor for CloudFormation, which would delete what it replaces."""
    stack = project.stack()
    await deploy(stack, project.wanting({"aurora": (NUMBER,)}))
    ids = project.trunk().sip_trunk_id, project.rule().sip_dispatch_rule_id

    await deploy(stack, project.wanting({"aurora": (SECOND,)}, allowed_addresses=("198.51.100.7",)))
    await refused(stack, {"Nonsense": "yes"})

    assert list(project.trunk().numbers) == [SECOND]
    assert (project.trunk().sip_trunk_id, project.rule().sip_dispatch_rule_id) == ids
    assert set(stack.physical_ids) == {"telephony-dev"}


async def test_a_number_moves_to_another_hotel(project: Project) -> None:
    """Numbers that hotels hand on in a row arrive in one deployment, though LiveKit lets none be in two trunks."""
    stack = project.stack()
    await deploy(stack, project.wanting({"aurora": (NUMBER,), "nixe": (SECOND,), "pax": (THIRD,)}))

    await deploy(stack, project.wanting({"aurora": ("+4940123456",), "nixe": (NUMBER,), "pax": (SECOND, THIRD)}))

    assert project.numbers() == {
        AURORA: ["+4940123456"],
        NIXE: [NUMBER],
        "bellhop/dev/pax": [SECOND, THIRD],
    }


async def test_two_hotels_cannot_exchange_all_their_numbers_at_once(project: Project) -> None:
    """No trunk may be without numbers for a moment, for it would take every call; so this is said and not done."""
    stack = project.stack()
    await deploy(stack, project.wanting({"aurora": (NUMBER,), "nixe": (SECOND,)}))

    reason = await refused(stack, project.wanting({"aurora": (SECOND,), "nixe": (NUMBER,)}))

    assert reason == "hotels aurora, nixe exchange all of their numbers: do it in two deployments"
    assert project.numbers() == {AURORA: [NUMBER], NIXE: [SECOND]}


async def test_a_number_in_somebody_elses_trunk_is_refused(project: Project) -> None:
    """A number that a trunk of another name has is named, with that trunk and both ways out; nothing is written."""
    project.put_trunk(SIPInboundTrunkInfo(sip_trunk_id="ST_x", name="old trunk", numbers=["49 30 23125001"]))

    reason = await refused(project.stack(), project.wanting({"nixe": (THIRD,), "aurora": (NUMBER,)}))

    assert reason == (
        f"{NUMBER} of hotel aurora is in SIP trunk ST_x 'old trunk' already: "
        f"take it out there, or rename that trunk to {AURORA} and it is taken over"
    )
    assert project.names() == ["old trunk"]


async def test_somebody_elses_rule_on_the_hotels_trunk_is_refused(project: Project) -> None:
    """A rule of another name that answers the hotel's trunk could take its calls away, so it is named."""
    stack = project.stack()
    await deploy(stack, project.wanting({"aurora": (NUMBER,)}))
    trunk_id = project.trunk().sip_trunk_id
    project.put_rule(SIPDispatchRuleInfo(sip_dispatch_rule_id="SDR_x", name="test", trunk_ids=[trunk_id, "ST_y"]))

    reason = await refused(stack, project.wanting({"aurora": (NUMBER, SECOND)}))

    assert "SDR_x 'test' answers trunk bellhop/dev/aurora already" in reason
    assert list(project.trunk().numbers) == [NUMBER]


@pytest.mark.parametrize("kind", ["trunk", "rule"])
async def test_two_of_one_name_are_refused(project: Project, kind: str) -> None:
    """Which of two is in use only the operator knows."""
    for one in ("a", "b"):
        if kind == "trunk":
            project.put_trunk(SIPInboundTrunkInfo(sip_trunk_id=f"ST_{one}", name=AURORA, numbers=[SECOND]))
        else:
            rule = SIPDispatchRuleInfo(sip_dispatch_rule_id=f"SDR_{one}", name=AURORA, trunk_ids=[f"ST_{one}"])
            project.put_rule(rule)

    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}))

    assert f"are called {AURORA}" in reason
    assert "_a and " in reason


async def test_a_failed_update_leaves_every_line_as_it_was(project: Project) -> None:
    """When LiveKit fails in the middle, the rollback restores the lines; the trunk that takes calls is the same one."""
    stack = project.stack("prod")
    await deploy(stack, project.wanting({"aurora": (NUMBER,)}))
    name = "bellhop/prod/aurora"
    before = project.trunk(name).sip_trunk_id
    project.failing["CreateSIPDispatchRule"] = Fault("unauthenticated", "the key was revoked")

    await refused(stack, project.wanting({"aurora": (NUMBER, SECOND), "nixe": (THIRD,)}, ringing_seconds=30))

    assert project.trunk(name).sip_trunk_id == before
    assert list(project.trunk(name).numbers) == [NUMBER]
    assert project.trunk(name).ringing_timeout.seconds == 20
    assert set(stack.physical_ids) == {"telephony-prod"}


async def test_a_hotel_that_is_gone_is_kept_where_the_stage_retains(project: Project) -> None:
    """In `prod` the line of a hotel without a folder goes on, is told of, and its number is still its own; in `dev` it
    goes.
    """
    both, one = {"aurora": (NUMBER,), "nixe": (SECOND,)}, {"aurora": (NUMBER,)}
    prod, dev = project.stack("prod"), project.stack()
    await deploy(prod, project.wanting(both))
    await deploy(prod, project.wanting(one))
    kept, told = project.names(), prod.data["WithoutHotel"]
    reason = await refused(prod, project.wanting({"aurora": (NUMBER, SECOND)}))
    project.livekit.trunks.clear()
    project.livekit.rules.clear()
    await deploy(dev, project.wanting(both))
    await deploy(dev, project.wanting({"aurora": (NUMBER, SECOND)}))

    assert kept == ["bellhop/prod/aurora"] * 2 + ["bellhop/prod/nixe"] * 2
    assert told == "bellhop/prod/nixe"
    assert dev.data["WithoutHotel"] == "none"
    assert f"{SECOND} of hotel aurora is in SIP trunk" in reason
    assert project.numbers() == {AURORA: [NUMBER, SECOND]}


async def test_prod_outlives_its_stack(project: Project) -> None:
    """The end of the stack takes no hotel's phone away; the next stack takes the lines over."""
    stack, wanted = project.stack("prod"), project.wanting({"aurora": (NUMBER,)})
    await deploy(stack, wanted)
    before = project.trunk("bellhop/prod/aurora").sip_trunk_id

    await asyncio.to_thread(stack.destroy)
    await deploy(project.stack("prod"), wanted)

    assert project.trunk("bellhop/prod/aurora").sip_trunk_id == before


async def test_the_end_of_dev_takes_its_own_lines_and_no_others(project: Project) -> None:
    """What has no name of the stage is left alone."""
    await deploy(project.stack("prod"), project.wanting({"aurora": (NUMBER,)}))
    project.put_trunk(SIPInboundTrunkInfo(sip_trunk_id="ST_x", name="bellhop/developers", numbers=[THIRD]))
    project.put_rule(SIPDispatchRuleInfo(sip_dispatch_rule_id="SDR_x", name="lobby"))
    stack = project.stack()
    await deploy(stack, project.wanting({"nixe": (SECOND,)}))

    await asyncio.to_thread(stack.destroy)

    assert project.names() == ["bellhop/developers", "bellhop/prod/aurora", "bellhop/prod/aurora", "lobby"]
