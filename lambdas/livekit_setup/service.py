"""LiveKit's side of a stage's phones: made, changed and, where nothing is kept, removed.

What LiveKit then has follows from the properties alone, whatever was there, so asking twice changes nothing and a
rollback is one more update. A project that others use too is safe: what has no name of this stage is left alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from aws_lambda_powertools import Logger
from livekit.api import SIPDispatchRuleInfo, SIPInboundTrunkInfo
from pydantic import BaseModel

from lambdas.livekit_setup.lines import Digest, Found, is_stored, rule_of, trunk_of
from lambdas.livekit_setup.livekit import SipApi
from lambdas.livekit_setup.settings import LiveKitSetupSettings, PhoneLine, Telephony
from lambdas.shared.custom_resource import ResourceError
from lambdas.shared.domain.line import line_name, normal_number
from lambdas.shared.livekit_key import LiveKitKey
from lambdas.shared.settings import SettingsError, parse_secret

WITHIN_SECONDS: Final = 90.0
"""How long LiveKit may take for all lines; the function's own end must come later, or nobody answers CloudFormation."""
_LONGEST_DATUM: Final = 1000
"""Characters, of the names that the answer tells: they leave the rest of it its room."""

Model = TypeVar("Model", bound=BaseModel)
Result = TypeVar("Result")
OpenSip = Callable[[str, LiveKitKey], AbstractAsyncContextManager[SipApi]]


@dataclass(frozen=True)
class LiveKitSetup:
    """Carries out CloudFormation's requests. `read_secret` raises SettingsError when there is no such secret."""

    settings: LiveKitSetupSettings
    read_secret: Callable[[str], str]
    open_sip: OpenSip
    logger: Logger

    def handle(self, event: Mapping[str, Any]) -> Mapping[str, str]:
        """Do what the request asks for; raises ResourceError or SettingsError when that cannot be."""
        properties = event["ResourceProperties"]
        if event["RequestType"] == "Delete":
            self._end(properties)
            return {}
        telephony = Telephony.parse(properties)
        kept = asyncio.run(_within_time(self._answer(telephony)))
        return {"Lines": str(len(telephony.lines)), "WithoutHotel": ", ".join(kept)[:_LONGEST_DATUM] or "none"}

    def _end(self, properties: Mapping[str, Any]) -> None:
        """The end of a stage's telephony. It fails no deletion: a stack whose first deployment failed for want of a
        secret or of LiveKit's address must be able to go, and the next one takes over what is left behind.
        """
        if self.settings.retain:
            self.logger.info("telephony kept")
            return
        try:
            asyncio.run(_within_time(self._remove(Telephony.parse(properties))))
        except (ResourceError, SettingsError) as fault:
            self.logger.error("telephony left behind", reason=str(fault))

    async def _answer(self, telephony: Telephony) -> list[str]:
        """Every line as it shall be; the names of those that are kept though their hotel is gone.

        Whatever is somebody else's is looked for first, and nothing is written when it is in the way.
        """
        digest = None if telephony.allowed_addresses else self._read(Digest, self.settings.sip_secret)
        async with self._open(telephony) as sip:
            trunks, rules = await sip.trunks(), await sip.rules()
            lines = {line_name(self.settings.stage, line.hotel): line for line in telephony.lines}
            gone_trunks = [trunk for trunk in trunks if self._is_gone(trunk.name, lines)]
            gone_rules = [rule for rule in rules if self._is_gone(rule.name, lines)]
            if not self.settings.retain:
                trunks = [trunk for trunk in trunks if trunk not in gone_trunks]
                rules = [rule for rule in rules if rule not in gone_rules]
            found = Found.of(lines, trunks, rules)
            for name, line in lines.items():
                found.refuse_conflicts(name, line)
            if not self.settings.retain:
                await self._delete(sip, gone_trunks, gone_rules)
            await self._store(sip, lines, found, telephony, digest)
        kept = [trunk.name for trunk in gone_trunks] if self.settings.retain else []
        if kept:
            self.logger.warning("lines of hotels that are gone are kept", lines=kept)
        return kept

    async def _store(
        self,
        sip: SipApi,
        lines: Mapping[str, PhoneLine],
        found: Found,
        telephony: Telephony,
        digest: Digest | None,
    ) -> None:
        """Give each line what nobody holds, again until it has all.

        LiveKit lets no number be in two trunks, so one that moves to another hotel must first leave its trunk; and a
        trunk that is left without a number would take every call.
        """
        trunks, rules = dict(found.trunks), dict(found.rules)
        pending = dict(lines)
        while pending:
            moved = False
            for name, line in tuple(pending.items()):
                held = {normal_number(n) for other, trunk in trunks.items() if other != name for n in trunk.numbers}
                free = [number for number in line.numbers if number not in held]
                present = trunks.get(name)
                if not free or (len(free) < len(line.numbers) and present and set(present.numbers) == set(free)):
                    continue
                trunk = trunk_of(name, free, telephony, digest, present)
                if not is_stored(trunk, present):
                    trunk = await sip.store_trunk(trunk)
                    self.logger.info("trunk stored", line=name, trunk=trunk.sip_trunk_id)
                rule = rule_of(name, line, trunk.sip_trunk_id, rules.get(name))
                if not is_stored(rule, rules.get(name)):
                    rule = await sip.store_rule(rule)
                    self.logger.info("rule stored", line=name, rule=rule.sip_dispatch_rule_id)
                trunks[name], rules[name], moved = trunk, rule, True
                if len(free) == len(line.numbers):
                    del pending[name]
            if not moved:
                hotels = ", ".join(line.hotel for line in pending.values())
                raise ResourceError(f"hotels {hotels} exchange all of their numbers: do it in two deployments")

    async def _remove(self, telephony: Telephony) -> None:
        async with self._open(telephony) as sip:
            trunks = [trunk for trunk in await sip.trunks() if trunk.name.startswith(self._prefix)]
            rules = [rule for rule in await sip.rules() if rule.name.startswith(self._prefix)]
            await self._delete(sip, trunks, rules)

    async def _delete(
        self, sip: SipApi, trunks: Iterable[SIPInboundTrunkInfo], rules: Iterable[SIPDispatchRuleInfo]
    ) -> None:
        for rule in rules:
            await sip.delete_rule(rule)
            self.logger.info("rule removed", line=rule.name, rule=rule.sip_dispatch_rule_id)
        for trunk in trunks:
            await sip.delete_trunk(trunk)
            self.logger.info("trunk removed", line=trunk.name, trunk=trunk.sip_trunk_id)

    @property
    def _prefix(self) -> str:
        return line_name(self.settings.stage, "")

    def _is_gone(self, name: str, lines: Mapping[str, PhoneLine]) -> bool:
        return name.startswith(self._prefix) and name not in lines

    def _open(self, telephony: Telephony) -> AbstractAsyncContextManager[SipApi]:
        return self.open_sip(telephony.livekit_url, self._read(LiveKitKey, self.settings.livekit_secret))

    def _read(self, model: type[Model], name: str) -> Model:
        return parse_secret(model, name, self.read_secret(name))


async def _within_time(doing: Coroutine[Any, Any, Result]) -> Result:
    try:
        async with asyncio.timeout(WITHIN_SECONDS):
            return await doing
    except TimeoutError:
        raise ResourceError(f"LiveKit did not finish within {WITHIN_SECONDS:g} s") from None
