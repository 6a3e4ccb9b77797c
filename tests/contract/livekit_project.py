"""A LiveKit project on a loopback port, and stacks that ask it for telephony."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

import pytest
from livekit.api import (
    SIPDispatchRule,
    SIPDispatchRuleDirect,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lambdas.livekit_setup.livekit import open_sip
from lambdas.livekit_setup.service import LiveKitSetup
from lambdas.livekit_setup.settings import LiveKitSetupSettings, PhoneLine, Telephony
from lambdas.shared.custom_resource import custom_resource
from lambdas.shared.observability import open_logger
from lambdas.shared.settings import SettingsError
from local.telephony import Fault, Method, Trunks, build_app
from tests.cloudformation import CloudFormation, DeploymentFailed
from tests.serving import served

KEY: Final = "APIbellhop"
SECRET: Final = "a secret that is long enough for LiveKit"
NUMBER: Final = "+493023125001"
AURORA: Final = "bellhop/dev/aurora"
"""The line of the hotel aurora in the stage dev."""


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


@asynccontextmanager
async def livekit_project() -> AsyncIterator[Project]:
    """A project without trunks and rules, until the block ends, and the secrets that a stage of it needs."""
    secrets = {
        "bellhop/livekit": json.dumps({"api_key": KEY, "api_secret": SECRET}),
        "bellhop/sip": json.dumps({"username": "carrier", "password": "hunter2-hunter2"}),
    }
    project = Project("", Trunks(), secrets)
    async with served(build_app(project.methods(), api_key=KEY, api_secret=SECRET)) as url:
        project.url = url
        yield project


def turning_away(status: int) -> Starlette:
    """A LiveKit that answers every request with this status and the code `denied`."""

    async def answer(_: Request) -> Response:
        return JSONResponse({"code": "denied", "msg": "not you"}, status)

    return Starlette(routes=[Route("/twirp/{method:path}", answer, methods=["POST"])])


async def deploy(stack: CloudFormation, properties: Mapping[str, Any]) -> None:
    # The function has an event loop of its own, in its own thread.
    await asyncio.to_thread(stack.deploy, properties)


async def refused(stack: CloudFormation, properties: Mapping[str, Any]) -> str:
    """Why a deployment failed."""
    with pytest.raises(DeploymentFailed) as failure:
        await deploy(stack, properties)
    return str(failure.value)
