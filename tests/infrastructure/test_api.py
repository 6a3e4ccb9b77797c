"""The HTTP API is what `lambdas/endpoints.py` says, lets in who may call, and keeps nothing of what they say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.client import BaseClient
from botocore.session import Session

from agent.hotel import EPOCH_HEADER, HotelClient, SigV4
from agent.trace import Traces
from cdk.units.http_api import ACCESS_LINE, ERROR_BODY
from cdk.units.web_acl import LIVEKIT_EU
from lambdas.endpoints import ENDPOINTS, Caller, Endpoint
from local.invoke import invoke
from tests.infrastructure.conftest import ROOT, Deployed
from tests.triggers import TRIGGERS

pytestmark = pytest.mark.infrastructure

SNAP_STARTED: Final = {"calls", "pms", "tts_router"}
"""The functions an agent waits for while a guest waits for the agent."""
NOT_LOGGED: Final = re.compile(r"\$context\.(path|identity\.sourceIp|error\.message|error\.validation|authorizer)")
"""What of a request would be personal or hold a call's id: the variables of
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html"""


def of_type(template: Mapping[str, Any], kind: str) -> dict[str, dict[str, Any]]:
    """The properties of the resources of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == kind
    }


def the_one(template: Mapping[str, Any], kind: str) -> dict[str, Any]:
    (found,) = of_type(template, kind).values()
    return found


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


def granted(template: Mapping[str, Any], folder: str) -> list[dict[str, Any]]:
    """The statements of a function's role."""
    (role,) = (
        properties["Role"]["Fn::GetAtt"][0]
        for properties in of_type(template, "AWS::Lambda::Function").values()
        if properties["Handler"] == f"lambdas.{folder}.handler.lambda_handler"
    )
    assert "ManagedPolicyArns" not in template["Resources"][role]["Properties"]
    return [
        statement
        for policy in of_type(template, "AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Roles"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


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
        assert set(properties.get("RequestModels", {})) == ({"$default"} if endpoint.method != "GET" else set())
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


def test_functions_run_as_they_were_proven(template: dict[str, Any]) -> None:
    """Every function is a folder's handler on arm64 and Python 3.13, traced, with its own encrypted log."""
    functions = of_type(template, "AWS::Lambda::Function").values()
    logs = of_type(template, "AWS::Logs::LogGroup")

    assert {(one["Runtime"], *one["Architectures"]) for one in functions} == {("python3.13", "arm64")}
    assert {one["TracingConfig"]["Mode"] for one in functions} == {"Active"}
    assert len({json.dumps(one["Layers"]) for one in functions}) == 1
    assert len({one["LoggingConfig"]["LogGroup"]["Ref"] for one in functions}) == len(functions)
    assert all("KmsKeyId" in logs[one["LoggingConfig"]["LogGroup"]["Ref"]] for one in functions)
    for one in functions:
        folder = one["Handler"].removeprefix("lambdas.").removesuffix(".handler.lambda_handler")
        assert (ROOT / "lambdas" / folder / "handler.py").is_file()
        assert one["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"] == folder


def test_what_a_guest_waits_for_starts_from_a_snapshot(template: dict[str, Any]) -> None:
    """The functions on the way of a call have SnapStart on their versions; others start cold and cost nothing idle."""
    functions = of_type(template, "AWS::Lambda::Function").values()

    snapped = {one["Handler"].split(".")[1] for one in functions if "SnapStart" in one}

    assert snapped == SNAP_STARTED
    assert len(of_type(template, "AWS::Lambda::Version")) == len(functions)


def test_what_fails_unseen_is_kept(template: dict[str, Any]) -> None:
    """A function that nobody waits for has a dead-letter queue with our key that takes no unencrypted connection."""
    functions = of_type(template, "AWS::Lambda::Function").values()
    queues = of_type(template, "AWS::SQS::Queue")

    asynchronous = {one["Handler"].split(".")[1] for one in functions if "DeadLetterConfig" in one}

    assert asynchronous == {one["Handler"].split(".")[1] for one in functions} - {one.function for one in ENDPOINTS}
    assert len(queues) == len(asynchronous)
    assert all("KmsMasterKeyId" in queue for queue in queues.values())
    denied = [one["PolicyDocument"]["Statement"][0] for one in of_type(template, "AWS::SQS::QueuePolicy").values()]
    assert len(denied) == len(queues)
    assert all(one["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for one in denied)


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


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


CALLED_FOR: Final = {
    "calls": "CallsTable",
    "leases": "LeasesTable",
    "bellhop/local/livekit": "/livekit-??????",
    "bellhop/local/sip": "/sip-??????",
    "bellhop/local/guest-key": "GuestKeySecret",
    "bellhop/local/legacy-token": "LegacyTokenSecret",
}
"""A table or secret as it is called on one machine, and what its ARN holds in a template."""
PARTS: Final = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """What handlers ask of AWS from now on: the IAM action and the table or secret."""
    seen: set[tuple[str, str]] = set()
    send = vars(BaseClient)["_make_api_call"]

    def watched(client: BaseClient, operation: str, parameters: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        if _in_handler():
            for part in parameters.get("TransactItems", ()):
                ((kind, write),) = part.items()
                seen.add((f"{service}:{PARTS[kind]}", write["TableName"]))
            name = parameters.get("TableName") or parameters.get("SecretId")
            if name:
                seen.add((f"{service}:{operation}", name))
        return send(client, operation, parameters)

    monkeypatch.setattr(BaseClient, "_make_api_call", watched)
    return seen


def _in_handler() -> bool:
    frame = sys._getframe()
    while frame.f_back:
        frame = frame.f_back
        if frame.f_code.co_name == "lambda_handler":
            return True
    return False


@pytest.mark.parametrize("folder", ["calls", "livekit_webhook", "pms", "tts_router"])
def test_a_function_may_do_what_it_does_and_no_more(folder: str, dev: Deployed, asked: set[tuple[str, str]]) -> None:
    """Every table and secret that a function asks for on its triggers is granted, and no more of the tables is."""
    statements = granted(dev.templates["api"], folder)
    allowed = {
        (action, name)
        for statement in statements
        for action in listed(statement["Action"])
        for resource in listed(statement["Resource"])
        for name, part in CALLED_FOR.items()
        if part in json.dumps(resource)
    }

    for trigger in TRIGGERS:
        if trigger.function == folder:
            invoke(folder, trigger.file)

    assert asked <= allowed
    assert {one for one in allowed if one[0].startswith("dynamodb:")} <= asked


@pytest.mark.parametrize("folder", sorted(SNAP_STARTED))
def test_a_snapshot_holds_nothing_that_grows_old(folder: str, dev: Deployed) -> None:
    """A function that starts from a snapshot asks AWS for nothing, a secret least of all, while it is imported."""
    (variables,) = (
        properties["Environment"]["Variables"]
        for properties in of_type(dev.templates["api"], "AWS::Lambda::Function").values()
        if properties["Handler"] == f"lambdas.{folder}.handler.lambda_handler"
    )
    environment = {name: value if isinstance(value, str) else "reference" for name, value in variables.items()}
    watched = (
        "import botocore.client\n"
        "def refuse(*_): raise SystemExit('asked AWS')\n"
        "botocore.client.BaseClient._make_api_call = refuse\n"
        f"import lambdas.{folder}.handler"
    )

    imported = subprocess.run(
        [sys.executable, "-c", watched],
        cwd=ROOT,
        env={"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1", **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (imported.returncode, imported.stderr) == (0, "")


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
