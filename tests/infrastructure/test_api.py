"""The HTTP API is what `lambdas/endpoints.py` says, lets in who may call, and keeps nothing of what they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.session import Session

from agent.hotel import EPOCH_HEADER, HotelClient, SigV4
from agent.trace import Traces
from cdk.units.http_api import ACCESS_LINE, ERROR_BODY
from lambdas.endpoints import ENDPOINTS, Caller, Endpoint
from tests.infrastructure.conftest import Deployed
from tests.infrastructure.templates import listed, of_type, the_one

pytestmark = pytest.mark.infrastructure

NOT_LOGGED: Final = re.compile(r"\$context\.(path|identity\.sourceIp|error\.message|error\.validation|authorizer)")
"""What of a request would be personal or hold a call's id: the variables of
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html"""


def path_of(template: Mapping[str, Any], resource: Mapping[str, Any]) -> str:
    """A route's path, from the chain of its resources."""
    if "Ref" not in resource:
        return ""
    properties = template["Resources"][resource["Ref"]]["Properties"]
    return f"{path_of(template, properties['ParentId'])}/{properties['PathPart']}"


def methods(template: Mapping[str, Any]) -> Iterator[tuple[Endpoint, dict[str, Any]]]:
    """Each method as a row of ENDPOINTS would be, by what it checks and whom it asks, and its properties."""
    callers = {endpoint.path: endpoint.caller for endpoint in ENDPOINTS}
    for properties in of_type(template, "AWS::ApiGateway::Method").values():
        path = path_of(template, properties["ResourceId"])
        (alias,) = re.findall(r'"Ref": "(\w+)"}, "/invocations"', json.dumps(properties["Integration"]["Uri"]))
        version = template["Resources"][alias]["Properties"]["FunctionName"]["Ref"]
        folder = template["Resources"][version]["Properties"]["Handler"].split(".")[1]
        signed = properties["AuthorizationType"] == "AWS_IAM"
        caller = Caller.AGENT if signed else callers[path]
        yield Endpoint(properties["HttpMethod"], path, folder, caller), properties


@pytest.fixture
def template(deployed: Deployed) -> dict[str, Any]:
    return dict(deployed.templates["api"])


def test_the_routes_are_those_of_the_table(template: dict[str, Any]) -> None:
    """Every row of ENDPOINTS is one route to its function; agents' routes ask for a signature, no other does."""
    deployed = [endpoint for endpoint, _ in methods(template)]

    assert sorted(map(repr, deployed)) == sorted(map(repr, ENDPOINTS))


def test_functions_are_called_by_their_alias(template: dict[str, Any]) -> None:
    """What API Gateway may invoke is the alias `live`, and each route may invoke only for itself."""
    aliases = of_type(template, "AWS::Lambda::Alias")
    permissions = of_type(template, "AWS::Lambda::Permission").values()

    from_api = [one for one in permissions if one["Principal"] == "apigateway.amazonaws.com"]

    assert {alias["Name"] for alias in aliases.values()} == {"live"}
    assert all(one["FunctionName"]["Ref"] in aliases for one in permissions)
    assert len({json.dumps(one["SourceArn"]) for one in from_api}) == len(ENDPOINTS)
    assert not any("test-invoke-stage" in json.dumps(one["SourceArn"]) for one in from_api)


def test_requests_are_looked_at_before_a_function_is_asked(template: dict[str, Any]) -> None:
    """A body that is no JSON object, an agent without an epoch and a webhook without signature get no further."""
    validator = the_one(template, "AWS::ApiGateway::RequestValidator")
    model = the_one(template, "AWS::ApiGateway::Model")
    needed = {Caller.AGENT: EPOCH_HEADER, Caller.LIVEKIT: "Authorization"}

    assert validator["ValidateRequestBody"] is validator["ValidateRequestParameters"] is True
    assert model["Schema"]["type"] == "object"
    for endpoint, properties in methods(template):
        header = needed.get(endpoint.caller)
        assert properties.get("RequestParameters", {}) == ({f"method.request.header.{header}": True} if header else {})
        assert set(properties.get("RequestModels", {})) == (
            {"$default"} if endpoint.method in ("POST", "PUT") else set()
        )
        assert "RequestValidatorId" in properties


def test_the_access_log_says_what_happened_and_not_what_was_said(template: dict[str, Any]) -> None:
    """A line has the route and never the path, no address, no part of a request; requests themselves are not logged."""
    stage = the_one(template, "AWS::ApiGateway::Stage")
    line = stage["AccessLogSetting"]["Format"]
    (settings,) = stage["MethodSettings"]

    assert json.loads(line) == dict(ACCESS_LINE)
    assert not NOT_LOGGED.search(line)
    assert settings["LoggingLevel"] == "OFF"
    assert settings["DataTraceEnabled"] is False
    assert stage["TracingEnabled"] is True


def test_the_role_that_writes_logs_outlives_the_stage(template: dict[str, Any]) -> None:
    """The logging role belongs to the whole account, so removing one stage must not silence another."""
    account = next(one for one in template["Resources"].values() if one["Type"] == "AWS::ApiGateway::Account")
    role = template["Resources"][account["Properties"]["CloudWatchRoleArn"]["Fn::GetAtt"][0]]

    assert account["DeletionPolicy"] == role["DeletionPolicy"] == "Retain"


def test_errors_of_the_gateway_look_like_ours(template: dict[str, Any]) -> None:
    """What API Gateway answers by itself has our errors' shape, and LiveKit sends a throttled webhook again."""
    responses = {one["ResponseType"]: one for one in of_type(template, "AWS::ApiGateway::GatewayResponse").values()}
    filled = ERROR_BODY.replace("$context.error.responseType", "THROTTLED")
    filled = filled.replace("$context.error.messageString", '"Too Many Requests"')

    assert set(responses) == {"DEFAULT_4XX", "DEFAULT_5XX", "THROTTLED"}
    assert {one["ResponseTemplates"]["application/json"] for one in responses.values()} == {ERROR_BODY}
    assert json.loads(filled) == {"error": {"code": "THROTTLED", "message": "Too Many Requests"}}
    assert responses["THROTTLED"]["StatusCode"] == "503"
    assert "gatewayresponse.header.Retry-After" in responses["THROTTLED"]["ResponseParameters"]


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_more_than_the_stage_needs_is_throttled(name: str, request: pytest.FixtureRequest) -> None:
    """A route takes several requests a second of each call that the stage is made for, and has a limit."""
    deployed: Deployed = request.getfixturevalue(name)
    (settings,) = the_one(deployed.templates["api"], "AWS::ApiGateway::Stage")["MethodSettings"]

    rate, burst = settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]

    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert 3 * deployed.stage.fleet.calls_at_once < rate < burst < 1000


def test_agents_may_call_their_routes_and_no_other(dev: Deployed) -> None:
    """The agents' role may invoke the agents' routes of ENDPOINTS, for any call and hotel, and nothing else."""
    wanted = {
        f"{endpoint.method}{re.sub(r'{[^}]+}', '*', endpoint.path)}"
        for endpoint in ENDPOINTS
        if endpoint.caller is Caller.AGENT
    }

    statements = [
        statement
        for policy in of_type(dev.templates["gpu_fleet"], "AWS::IAM::Policy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Action"] == "execute-api:Invoke"
    ]

    resources = [one for statement in statements for one in listed(statement["Resource"])]
    assert {json.dumps(one).rpartition('"/')[2].split('"')[0] for one in resources} == wanted


async def test_the_agent_finds_and_signs_the_api_below_its_stage() -> None:
    """With the stage in the API's address, what the agent signs is what it sends, call id and all."""
    session = Session()
    session.set_credentials("AKIDEXAMPLE", "secret")
    credentials = session.get_credentials()
    assert credentials
    sent: list[httpx.Request] = []

    def gateway(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(200, json={"state": "stored"})

    async with httpx.AsyncClient(
        base_url="https://abc123.execute-api.eu-central-1.amazonaws.com/live/",
        auth=SigV4("eu-central-1", session),
        transport=httpx.MockTransport(gateway),
    ) as http:
        client = HotelClient(http, hotel="aurora", call_id="call_+493023125001_x1", traces=Traces())
        await client.report("turns", "{}", trace_id="0af7651916cd43dd8448eb211c80319c")

    (request,) = sent
    assert request.url.raw_path == b"/live/v1/calls/call_%2B493023125001_x1/turns"
    again = AWSRequest(
        "POST",
        "https://abc123.execute-api.eu-central-1.amazonaws.com/live/v1/calls/call_%2B493023125001_x1/turns",
        data=request.content,
        headers={"content-type": "application/json", EPOCH_HEADER: "0"},
    )
    again.context["timestamp"] = request.headers["X-Amz-Date"]
    signer = SigV4Auth(credentials, "execute-api", "eu-central-1")
    again.headers["X-Amz-Date"] = request.headers["X-Amz-Date"]
    string = signer.string_to_sign(again, signer.canonical_request(again))
    assert request.headers["Authorization"].endswith(f"Signature={signer.signature(string, again)}")
    assert "/live/v1/calls/call_%252B493023125001_x1/turns" in signer.canonical_request(again)
