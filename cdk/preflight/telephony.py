"""Whether the telephone company's calls find the hotels, and can be handed on to humans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livekit import api
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding
from cdk.preflight.livekit import ask
from lambdas.shared.domain.hotel import Hotel
from lambdas.shared.domain.line import line_name, normal_number


@dataclass(frozen=True)
class Telephony:
    """The inbound trunks of the LiveKit project, and its rules that say where a call goes."""

    trunks: Sequence[SIPInboundTrunkInfo]
    rules: Sequence[SIPDispatchRuleInfo]

    def line(self, name: str) -> set[str]:
        """The ids of the trunks of that name."""
        return {trunk.sip_trunk_id for trunk in self.trunks if trunk.name == name}


async def _telephony(livekit: api.LiveKitAPI) -> Telephony:
    trunks = await livekit.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
    rules = await livekit.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())
    return Telephony(trunks.items, rules.items)


def numbers(deployment: Deployment) -> Finding:
    """Every hotel's numbers are in its own trunk, which its own rule answers, and in nobody else's."""
    known = ask(deployment, _telephony)
    stage = deployment.stage.name
    for hotel in deployment.hotels:
        conflict = _conflict(hotel, line_name(stage, hotel.name), known)
        if conflict:
            return conflict
    waiting = [number for hotel in deployment.hotels for number in _waiting(hotel, line_name(stage, hotel.name), known)]
    if not waiting:
        return Finding.fine(f"every number of {', '.join(deployment.hotels.by_name)} has its trunk and its rule")
    if deployment.stack_resources("api") is None:
        return Finding.not_yet(f"no line for {', '.join(waiting)}", fix="the first deployment makes it")
    return Finding.wrong(f"no line for {', '.join(waiting)}", fix=f"make deploy STAGE={stage}")


def _conflict(hotel: Hotel, name: str, known: Telephony) -> Finding | None:
    """Somebody else's trunk or rule that has what is the hotel's; LiveKit then refuses the hotel's own."""
    for trunk in known.trunks:
        taken = set(hotel.phone.numbers) & set(map(normal_number, trunk.numbers))
        if taken and trunk.name != name:
            return Finding.wrong(
                f"trunk {trunk.name or trunk.sip_trunk_id} has {', '.join(sorted(taken))} of {hotel.name}",
                fix=f"take it out there, or rename that trunk to {name}: the deployment then takes it over",
            )
    for rule in known.rules:
        if rule.name != name and known.line(name) & set(rule.trunk_ids):
            return Finding.wrong(
                f"rule {rule.name or rule.sip_dispatch_rule_id} answers the trunk of {hotel.name}",
                fix=f"delete it, or rename it to {name}: the deployment then takes it over",
            )
    return None


def _waiting(hotel: Hotel, name: str, known: Telephony) -> list[str]:
    """The hotel's numbers that have no trunk yet, or a trunk that no rule answers."""
    trunks = known.line(name)
    if not any(trunks & set(rule.trunk_ids) for rule in known.rules):
        return list(hotel.phone.numbers)
    own = (trunk for trunk in known.trunks if trunk.sip_trunk_id in trunks)
    there = {normal_number(number) for trunk in own for number in trunk.numbers}
    return [number for number in hotel.phone.numbers if number not in there]


def entrance(_: Deployment) -> Finding:
    """The telephone company calls LiveKit's European SIP entrance; only its own settings say so."""
    return Finding.by_hand(
        "only the telephone company's console says where it sends calls",
        fix="point the trunk at <SIP subdomain>.eu.sip.livekit.cloud (LiveKit Cloud, Settings, Project: SIP URI)",
    )


def transfer(deployment: Deployment) -> Finding:
    """The telephone company lets a call be handed to the front desk by SIP REFER; LiveKit's API does not say."""
    hotel = next(iter(deployment.hotels))
    return Finding.by_hand(
        "only a call shows whether the telephone company takes SIP REFER",
        fix=f"allow REFER on its trunk; call {hotel.phone.numbers[0]}, then `lk sip participant transfer --to "
        f"tel:{hotel.phone.front_desk}`",
    )
