"""Whether the telephone company's calls find the hotels, and can be handed on to humans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from livekit import api
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

from cdk.preflight.deployment import Deployment
from cdk.preflight.finding import Finding
from cdk.preflight.livekit import NoKey, ask


@dataclass(frozen=True)
class Telephony:
    """The inbound trunks of the LiveKit project, and its rules that say where a call goes."""

    trunks: Sequence[SIPInboundTrunkInfo]
    rules: Sequence[SIPDispatchRuleInfo]


async def _telephony(livekit: api.LiveKitAPI) -> Telephony:
    trunks = await livekit.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest())
    rules = await livekit.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest())
    return Telephony(trunks.items, rules.items)


def numbers(deployment: Deployment) -> Finding:
    """Every number of every hotel comes in by one trunk and has one rule."""
    try:
        known = ask(deployment, _telephony)
    except NoKey as error:
        return Finding.unseen(str(error), fix="create the secret first")
    wanted = [number for hotel in deployment.hotels for number in hotel.phone.numbers]
    trunks = {number: [trunk for trunk in known.trunks if number in trunk.numbers] for number in wanted}
    rules = {number: [rule for rule in known.rules if number in _dialled(rule)] for number in wanted}
    for kind, found in (("trunk", trunks), ("dispatch rule", rules)):
        for number, several in found.items():
            if len(several) > 1:
                names = ", ".join(sorted(f"{one.name or 'unnamed'}" for one in several))
                return Finding.wrong(
                    f"{number} has more than one {kind}: {names}",
                    fix="delete all but the stage's own (`lk sip inbound list`, `lk sip dispatch list`)",
                )
    lacking = [number for number in wanted if not trunks[number] or not rules[number]]
    if lacking and deployment.stack_resources("api") is None:
        return Finding.not_yet(f"no trunk or rule yet for {', '.join(lacking)}", fix="the first deployment makes them")
    if lacking:
        return Finding.wrong(
            f"no trunk or rule for {', '.join(lacking)}", fix=f"make deploy STAGE={deployment.stage.name}"
        )
    return Finding.fine(f"{len(wanted)} number{'s' * (len(wanted) > 1)}, each with one trunk and one rule")


def _dialled(rule: SIPDispatchRuleInfo) -> Sequence[str]:
    """The dialled numbers for which a rule counts."""
    return [*rule.numbers, *rule.inbound_numbers]


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
