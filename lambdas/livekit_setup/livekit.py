"""LiveKit's SIP API as the function uses it: whole lists, whole replacements, and faults as one sentence.

An update is always a replacement. LiveKit's update of single fields has none for a rule's room configuration or for
hiding numbers (`SIPDispatchRuleUpdate` in
https://github.com/livekit/protocol/blob/main/protobufs/livekit_sip.proto).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final, TypeVar

from aiohttp import ClientError
from livekit.api import (
    CreateSIPDispatchRuleRequest,
    CreateSIPInboundTrunkRequest,
    DeleteSIPDispatchRuleRequest,
    DeleteSIPTrunkRequest,
    ListSIPDispatchRuleRequest,
    ListSIPInboundTrunkRequest,
    LiveKitAPI,
    ServerError,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
)

from lambdas.shared.custom_resource import ResourceError
from lambdas.shared.livekit_key import LiveKitKey

_ALL_TRUNKS: Final = ListSIPInboundTrunkRequest()
_ALL_RULES: Final = ListSIPDispatchRuleRequest()
_REFUSED_KEY: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
T = TypeVar("T")


class SipApi:
    """The trunks and rules of a project; each method raises ResourceError when LiveKit refuses or cannot be reached."""

    def __init__(self, api: LiveKitAPI, url: str) -> None:
        self._sip, self._url = api.sip, url

    async def trunks(self) -> list[SIPInboundTrunkInfo]:
        """All of them: a request without a page is answered with everything."""
        return list((await self._told("the list of trunks", self._sip.list_inbound_trunk(_ALL_TRUNKS))).items)

    async def rules(self) -> list[SIPDispatchRuleInfo]:
        return list((await self._told("the list of rules", self._sip.list_dispatch_rule(_ALL_RULES))).items)

    async def store_trunk(self, trunk: SIPInboundTrunkInfo) -> SIPInboundTrunkInfo:
        """The trunk as LiveKit has it now: replaced if it has an id, made if not."""
        if trunk.sip_trunk_id:
            storing = self._sip.update_inbound_trunk(trunk.sip_trunk_id, trunk)
        else:
            storing = self._sip.create_inbound_trunk(CreateSIPInboundTrunkRequest(trunk=trunk))
        return await self._told(f"trunk {trunk.name}", storing)

    async def store_rule(self, rule: SIPDispatchRuleInfo) -> SIPDispatchRuleInfo:
        """The rule as LiveKit has it now: replaced if it has an id, made if not."""
        if rule.sip_dispatch_rule_id:
            storing = self._sip.update_dispatch_rule(rule.sip_dispatch_rule_id, rule)
        else:
            storing = self._sip.create_dispatch_rule(CreateSIPDispatchRuleRequest(dispatch_rule=rule))
        return await self._told(f"rule {rule.name}", storing)

    async def delete_trunk(self, trunk: SIPInboundTrunkInfo) -> None:
        deleting = self._sip.delete_trunk(DeleteSIPTrunkRequest(sip_trunk_id=trunk.sip_trunk_id))
        await self._told(f"the end of trunk {trunk.name}", deleting)

    async def delete_rule(self, rule: SIPDispatchRuleInfo) -> None:
        request = DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=rule.sip_dispatch_rule_id)
        await self._told(f"the end of rule {rule.name}", self._sip.delete_dispatch_rule(request))

    async def _told(self, what: str, doing: Awaitable[T]) -> T:
        try:
            return await doing
        except ServerError as refused:
            if refused.status in _REFUSED_KEY:
                problem = f"LiveKit at {self._url} does not accept the key ({refused.code}): is it of this project?"
            else:
                problem = f"LiveKit refuses {what}: {refused.message or 'no reason given'} ({refused.code})"
            raise ResourceError(problem) from None
        except (ClientError, TimeoutError, OSError) as fault:
            raise ResourceError(f"LiveKit at {self._url} cannot be reached ({type(fault).__name__})") from None


@asynccontextmanager
async def open_sip(url: str, key: LiveKitKey) -> AsyncIterator[SipApi]:
    """The SIP API of the project at `url`, its https address or the wss one that clients use."""
    async with LiveKitAPI(url, key.api_key, key.api_secret) as api:
        yield SipApi(api, url)
