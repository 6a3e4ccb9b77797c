"""What is turned away before the API looks at it: webhooks that are not LiveKit's, and addresses that ask too much."""

from __future__ import annotations

from typing import Final

from aws_cdk import aws_wafv2
from constructs import Construct

from cdk.stages import Stage
from cdk.units.http_api import WEBHOOK, HttpApi

LIVEKIT_EU: Final = ("143.223.88.0/21", "161.115.160.0/19", "153.57.128.0/18")
"""From where LiveKit Cloud's EU region sends webhooks, read in November 2026 at
https://docs.livekit.io/deploy/admin/regions/endpoints/#static-ips. Customers of LiveKit share them: the function still
checks each signature."""

WINDOW_S: Final = 300
WITHOUT_SIGNATURE: Final = 100
"""How many requests in a window an address may send that are neither signed nor carry a token: a scanner's."""

Statement = aws_wafv2.CfnWebACL.StatementProperty


class WebAcl(Construct):
    """The web ACL of an API's stage. No request is sampled or logged by it: their headers hold tokens.

    CloudWatch counts what it turns away (`AWS/WAFV2 BlockedRequests`, dimensions WebACL and Rule) under their names.
    """

    def __init__(self, scope: Construct, id: str, *, stage: Stage, api: HttpApi) -> None:
        super().__init__(scope, id)
        livekit = aws_wafv2.CfnIPSet(
            self, "LiveKit", scope="REGIONAL", ip_address_version="IPV4", addresses=list(LIVEKIT_EU)
        )
        from_livekit = Statement(
            ip_set_reference_statement=aws_wafv2.CfnWebACL.IPSetReferenceStatementProperty(arn=livekit.attr_arn)
        )
        signed = Statement(
            size_constraint_statement=aws_wafv2.CfnWebACL.SizeConstraintStatementProperty(
                field_to_match=aws_wafv2.CfnWebACL.FieldToMatchProperty(single_header={"Name": "authorization"}),
                comparison_operator="GT",
                size=0,
                text_transformations=_as_it_is(),
            )
        )
        # LiveKit sends an event again after a 5xx and never after a 403, so no rate stands in its way here.
        rules = {
            "WebhookFromElsewhere": _both(_to_webhook(), _no(from_livekit)),
            "Unsigned": _more_often_than(WITHOUT_SIGNATURE, _both(_no(signed), _no(_to_webhook()))),
            # All agents come from the few addresses of the NAT gateways.
            "OneAddress": _more_often_than(WINDOW_S * api.requests_per_second, _no(_to_webhook())),
        }
        self.acl = aws_wafv2.CfnWebACL(
            self,
            "Acl",
            # AWS's pages differ about which of the two names its metrics have.
            name=stage.full_name,
            scope="REGIONAL",
            default_action=aws_wafv2.CfnWebACL.DefaultActionProperty(allow={}),
            visibility_config=_counted(stage.full_name),
            rules=[
                aws_wafv2.CfnWebACL.RuleProperty(
                    name=name,
                    priority=priority,
                    statement=statement,
                    action=aws_wafv2.CfnWebACL.RuleActionProperty(block={}),
                    visibility_config=_counted(name),
                )
                for priority, (name, statement) in enumerate(rules.items())
            ],
        )
        aws_wafv2.CfnWebACLAssociation(
            self, "OfApi", resource_arn=api.rest_api.deployment_stage.stage_arn, web_acl_arn=self.acl.attr_arn
        )


def _to_webhook() -> Statement:
    """Also where the path is written in another way that the API would understand; it begins with the API's stage."""
    transformations = ("URL_DECODE", "NORMALIZE_PATH", "LOWERCASE")
    return Statement(
        byte_match_statement=aws_wafv2.CfnWebACL.ByteMatchStatementProperty(
            field_to_match=aws_wafv2.CfnWebACL.FieldToMatchProperty(uri_path={}),
            positional_constraint="CONTAINS",
            search_string=WEBHOOK,
            text_transformations=[
                aws_wafv2.CfnWebACL.TextTransformationProperty(priority=priority, type=kind)
                for priority, kind in enumerate(transformations)
            ],
        )
    )


def _as_it_is() -> list[aws_wafv2.CfnWebACL.TextTransformationProperty]:
    return [aws_wafv2.CfnWebACL.TextTransformationProperty(priority=0, type="NONE")]


def _no(statement: Statement) -> Statement:
    return Statement(not_statement=aws_wafv2.CfnWebACL.NotStatementProperty(statement=statement))


def _both(one: Statement, other: Statement) -> Statement:
    return Statement(and_statement=aws_wafv2.CfnWebACL.AndStatementProperty(statements=[one, other]))


def _more_often_than(limit: int, which: Statement) -> Statement:
    """More of these requests from one address than that in five minutes."""
    return Statement(
        rate_based_statement=aws_wafv2.CfnWebACL.RateBasedStatementProperty(
            aggregate_key_type="IP", limit=limit, evaluation_window_sec=WINDOW_S, scope_down_statement=which
        )
    )


def _counted(name: str) -> aws_wafv2.CfnWebACL.VisibilityConfigProperty:
    return aws_wafv2.CfnWebACL.VisibilityConfigProperty(
        cloud_watch_metrics_enabled=True, metric_name=name, sampled_requests_enabled=False
    )
