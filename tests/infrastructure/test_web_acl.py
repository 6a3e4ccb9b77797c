"""Webhooks come from LiveKit alone, no address asks without end, and nothing of what is turned away is kept."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cdk.units.web_acl import LIVEKIT_EU
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.templates import the_one

pytestmark = pytest.mark.infrastructure


@pytest.fixture
def template(deployed: Deployed) -> dict[str, Any]:
    return dict(deployed.templates["api"])


def test_webhooks_come_from_livekits_addresses(template: dict[str, Any]) -> None:
    """The webhook's route, however it is written, is closed to all but LiveKit's EU ranges, and nothing is sampled."""
    acl, addresses = the_one(template, "AWS::WAFv2::WebACL"), the_one(template, "AWS::WAFv2::IPSet")
    rules = {rule["Name"]: rule for rule in acl["Rules"]}
    to_webhook, elsewhere = rules["WebhookFromElsewhere"]["Statement"]["AndStatement"]["Statements"]
    match = to_webhook["ByteMatchStatement"]

    assert addresses["Addresses"] == list(LIVEKIT_EU)
    assert "IPSetReferenceStatement" in elsewhere["NotStatement"]["Statement"]
    assert (match["PositionalConstraint"], match["SearchString"]) == ("CONTAINS", "/v1/livekit/webhook")
    assert [one["Type"] for one in match["TextTransformations"]] == ["URL_DECODE", "NORMALIZE_PATH", "LOWERCASE"]
    assert all(rule["Action"] == {"Block": {}} for rule in rules.values())
    assert not any(one["VisibilityConfig"]["SampledRequestsEnabled"] for one in (acl, *rules.values()))
    association = the_one(template, "AWS::WAFv2::WebACLAssociation")
    assert "/stages/" in json.dumps(association["ResourceArn"])


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_what_is_turned_away_is_counted(name: str, request: pytest.FixtureRequest) -> None:
    """The web ACL and each rule count under their own names, of which none is reserved; two stages stay apart.

    Source: https://docs.aws.amazon.com/waf/latest/APIReference/API_VisibilityConfig.html
    """
    deployed: Deployed = request.getfixturevalue(name)
    acl = the_one(deployed.templates["api"], "AWS::WAFv2::WebACL")

    counted = {acl["Name"]: acl["VisibilityConfig"]} | {rule["Name"]: rule["VisibilityConfig"] for rule in acl["Rules"]}

    assert acl["Name"] == f"bellhop-{name}"
    assert {name: one["MetricName"] for name, one in counted.items()} == {name: name for name in counted}
    assert not {"All", "Default_Action"} & set(counted)
    assert all(one["CloudWatchMetricsEnabled"] for one in counted.values())


def test_no_address_asks_without_end_and_no_event_is_lost(template: dict[str, Any]) -> None:
    """Each address has a rate, those who sign nothing a small one; LiveKit has none, since it gives up after a 403."""
    rules = {rule["Name"]: rule["Statement"] for rule in the_one(template, "AWS::WAFv2::WebACL")["Rules"]}
    (settings,) = the_one(template, "AWS::ApiGateway::Stage")["MethodSettings"]

    unsigned, address = (rules[name]["RateBasedStatement"] for name in ("Unsigned", "OneAddress"))

    assert (unsigned["AggregateKeyType"], address["AggregateKeyType"]) == ("IP", "IP")
    assert unsigned["Limit"] == 100
    assert address["Limit"] == address["EvaluationWindowSec"] * settings["ThrottlingRateLimit"]
    assert all(
        '"SearchString": "/v1/livekit/webhook"' in json.dumps(one["ScopeDownStatement"]) for one in (unsigned, address)
    )
