"""What LiveKit has of a stage's phones after a deployment, an update, a failure and the end of a stack."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from livekit.api import (
    SIPDispatchRule,
    SIPDispatchRuleDirect,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
)
from livekit.protocol.sip import SIP_ALL_HEADERS, SIP_MEDIA_ENCRYPT_REQUIRE, SIP_NO_HEADERS

from lambdas.livekit_setup import service
from lambdas.livekit_setup.livekit import open_sip
from lambdas.livekit_setup.service import LiveKitSetup
from lambdas.livekit_setup.settings import LiveKitSetupSettings, PhoneLine, Telephony
from lambdas.shared.custom_resource import custom_resource
from lambdas.shared.domain.call import dialled_number
from lambdas.shared.domain.dispatch import Dispatch
from lambdas.shared.domain.hotel import Hotels
from lambdas.shared.observability import open_logger
from lambdas.shared.settings import SettingsError
from local.telephony import Fault, Method, Trunks, build_app
from tests.cloudformation import CloudFormation, DeploymentFailed
from tests.serving import served

pytestmark = pytest.mark.contract

HOTELS = Hotels.load(Path(__file__).parents[2] / "hotels")
KEY, SECRET = "APIbellhop", "a secret that is long enough for LiveKit"
NUMBER, SECOND, THIRD = "+493023125001", "+493023125003", "+4989550123"
AURORA, NIXE = "bellhop/dev/aurora", "bellhop/dev/nixe"


@dataclass
class Project:
    """A LiveKit project, the secrets of a stage, and a stack of it that asks for telephony."""

    url: str
    livekit: Trunks
    secrets: dict[str, str]
    failing: dict[str, Fault | asyncio.Event] = field(default_factory=dict)

    def stack(self, stage: str = "dev") -> CloudFormation:
        settings = LiveKitSetupSettings(
            stage=stage, retain=stage == "prod", livekit_secret="bellhop/livekit", sip_secret="bellhop/sip"
        )
        setup = LiveKitSetup(settings, self._read, open_sip, open_logger("livekit_setup"))
        return CloudFormation(
            lambda put: custom_resource(
                setup.handle, service="livekit_setup", physical_id=f"telephony-{stage}", put=put
            )
        )

    def wanting(self, lines: Mapping[str, tuple[str, ...]], **others: Any) -> dict[str, Any]:
        """The properties for hotels with these numbers."""
        asked: dict[str, Any] = {"allowed_addresses": ("203.0.113.0/24",), "longest_call_seconds": 1020, **others}
        phones = tuple(PhoneLine(hotel=hotel, numbers=numbers) for hotel, numbers in lines.items())
        return Telephony(**{"livekit_url": self.url, "lines": phones, **asked}).to_properties()

    def trunk(self, name: str = AURORA) -> SIPInboundTrunkInfo:
        (found,) = (trunk for trunk in self.livekit.trunks.values() if trunk.name == name)
        return found

    def rule(self, name: str = AURORA) -> SIPDispatchRuleInfo:
        (found,) = (rule for rule in self.livekit.rules.values() if rule.name == name)
        return found

    def names(self) -> list[str]:
        return sorted([*(t.name for t in self.livekit.trunks.values()), *(r.name for r in self.livekit.rules.values())])

    def numbers(self) -> dict[str, list[str]]:
        return {trunk.name: list(trunk.numbers) for trunk in self.livekit.trunks.values()}

    def put_trunk(self, trunk: SIPInboundTrunkInfo) -> None:
        """A trunk that somebody made before."""
        self.livekit.trunks[trunk.sip_trunk_id] = trunk

    def put_rule(self, rule: SIPDispatchRuleInfo) -> None:
        if rule.rule.WhichOneof("rule") is None:
            rule.rule.CopyFrom(SIPDispatchRule(dispatch_rule_direct=SIPDispatchRuleDirect(room_name="lobby")))
        self.livekit.rules[rule.sip_dispatch_rule_id] = rule

    def methods(self) -> Mapping[str, Method]:
        return {
            name: replace(method, answer=self._maybe(name, method)) for name, method in self.livekit.methods().items()
        }

    def _maybe(self, name: str, method: Method) -> Callable[[Any], Any]:
        async def answer(request: Any) -> Any:
            match self.failing.get(name):
                case Fault() as fault:
                    raise fault
                case asyncio.Event() as silence:
                    await silence.wait()
            return await method.answer(request)

        return answer

    def _read(self, name: str) -> str:
        if name not in self.secrets:
            raise SettingsError(f"secret {name!r} cannot be read (ClientError): does it exist, may this role read it?")
        return self.secrets[name]


@pytest.fixture
async def project() -> AsyncIterator[Project]:
    secrets = {
        "bellhop/livekit": json.dumps({"api_key": KEY, "api_secret": SECRET}),
        "bellhop/sip": json.dumps({"username": "carrier", "password": "hunter2-hunter2"}),
    }
    project = Project("", Trunks(), secrets)
    async with served(build_app(project.methods(), api_key=KEY, api_secret=SECRET)) as url:
        project.url = url
        yield project


async def deploy(stack: CloudFormation, properties: Mapping[str, Any]) -> None:
    # The function has an event loop of its own, in its own thread.
    await asyncio.to_thread(stack.deploy, properties)


async def refused(stack: CloudFormation, properties: Mapping[str, Any]) -> str:
    """Why a deployment failed."""
    with pytest.raises(DeploymentFailed) as failure:
        await deploy(stack, properties)
    return str(failure.value)


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


@pytest.mark.parametrize("stage", ["dev", "prod"])
async def test_a_first_deployment_without_a_secret_says_so_and_can_go(project: Project, stage: str) -> None:
    """The missing secret is named, and the failed stack is deleted without it."""
    project.secrets.clear()
    stack = project.stack(stage)

    reason = await refused(stack, project.wanting({"aurora": (NUMBER,)}))

    assert reason.startswith("secret 'bellhop/livekit' cannot be read")
    assert project.names() == []


@pytest.mark.parametrize(
    ("secret", "value", "said"),
    [
        (
            "bellhop/livekit",
            '{"api_key": "APIbellhop"}',
            "secret 'bellhop/livekit' is not JSON with api_key and api_secret",
        ),
        ("bellhop/sip", "hunter2", "secret 'bellhop/sip' is not JSON with username and password"),
        ("bellhop/sip", '{"username": "carrier", "password": ""}', "is not JSON with username and password"),
    ],
)
async def test_a_malformed_secret_is_named_and_never_shown(
    project: Project, secret: str, value: str, said: str
) -> None:
    """The reason says what the secret must hold, and neither it nor the log says what it holds."""
    project.secrets[secret] = value
    log = io.StringIO()
    open_logger("livekit_setup").registered_handler.setStream(log)  # type: ignore[attr-defined]

    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}, allowed_addresses=()))

    told = reason + log.getvalue()
    assert said in reason
    assert "resource refused" in told
    assert not any(word in told for word in ("hunter2", KEY, "carrier"))


async def test_a_key_of_another_project_is_named(project: Project) -> None:
    """A key that LiveKit does not know is told with the address it was tried at."""
    project.secrets["bellhop/livekit"] = json.dumps(
        {"api_key": KEY, "api_secret": "the secret of another project, long"}
    )

    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}))

    assert reason == f"LiveKit at {project.url} does not accept the key (unknown): is it of this project?"


async def test_a_livekit_that_is_not_there_is_named(project: Project) -> None:
    """A wrong address fails the deployment with the address."""
    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}, livekit_url="http://127.0.0.1:9"))

    assert reason == "LiveKit at http://127.0.0.1:9 cannot be reached (ClientConnectorError)"


async def test_a_livekit_that_does_not_finish_is_told_in_time(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CloudFormation gets an answer while the function still can give one."""
    monkeypatch.setattr(service, "WITHIN_SECONDS", 0.2)
    project.failing["ListSIPDispatchRule"] = silence = asyncio.Event()

    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}))
    silence.set()

    assert reason == "LiveKit did not finish within 0.2 s"


async def test_what_livekit_itself_refuses_is_told_with_its_reason(project: Project) -> None:
    """The line and LiveKit's own words are in the reason."""
    project.failing["CreateSIPInboundTrunk"] = Fault("invalid_argument", "too many trunks")

    reason = await refused(project.stack(), project.wanting({"aurora": (NUMBER,)}))

    assert reason == f"LiveKit refuses trunk {AURORA}: too many trunks (invalid_argument)"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"Lines": []}, "Lines: "),
        ({"Lines": [{"Hotel": "aurora", "Numbers": ["030 1234"]}]}, "Lines.0.Numbers.0: "),
        ({"AllowedAddresses": ["everywhere"]}, "AllowedAddresses.0: "),
        ({"RingingSeconds": "180"}, "RingingSeconds: "),
        ({"Headers": {"Proxy-Authorization": "auth"}}, "Proxy-Authorization is a credential"),
        ({"IncludeHeaders": "ALL"}, "IncludeHeaders: "),
    ],
)
async def test_properties_that_are_wrong_are_named(project: Project, changed: dict[str, Any], said: str) -> None:
    """Each wrong property is named and nothing is asked of LiveKit."""
    reason = await refused(project.stack(), {**project.wanting({"aurora": (NUMBER,)}), **changed})

    assert reason.startswith("the resource's properties are wrong: ")
    assert said in reason
    assert project.names() == []
