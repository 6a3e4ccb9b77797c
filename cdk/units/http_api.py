"""The HTTP API: the routes of `lambdas/endpoints.py` before the functions that answer them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from aws_cdk import RemovalPolicy, aws_apigateway, aws_iam, aws_kms
from constructs import Construct

from cdk.stages import Stage
from cdk.units.function import PythonFunction
from cdk.units.logs import CallLogs
from cdk.units.nag import acknowledge
from lambdas.endpoints import ENDPOINTS, EPOCH_HEADER, Caller, Endpoint

API_STAGE: Final = "live"
WEBHOOK: Final = next(endpoint.path for endpoint in ENDPOINTS if endpoint.caller is Caller.LIVEKIT)
"""The path of the route that LiveKit sends its events to."""

ACCESS_LINE: Final[Mapping[str, str]] = {
    "requestId": "$context.requestId",
    "extendedRequestId": "$context.extendedRequestId",
    "traceId": "$context.xrayTraceId",
    "requestTime": "$context.requestTimeEpoch",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "status": "$context.status",
    "error": "$context.error.responseType",
    "latencyMs": "$context.responseLatency",
    "functionLatencyMs": "$context.integrationLatency",
    "functionStatus": "$context.integrationStatus",
    "responseBytes": "$context.responseLength",
    "caller": "$context.identity.userArn",
}
"""Who asked for what, when, and what came of it: the route and not its path, which holds a call's id; no body, header
or query; no address, which is a person's at times. The names are of
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html"""

ERROR_BODY: Final = '{"error": {"code": "$context.error.responseType", "message": $context.error.messageString}}'
"""What the API answers by itself has the shape of the functions' own errors (`lambdas/shared/http.py`)."""

ANY_TYPE: Final = "$default"
"""A model for bodies of every Content-Type: with a type's name, bodies of other types would not be looked at
(https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-method-request-validation.html)."""
LOGS_POLICY: Final = "arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"


class HttpApi(Construct):
    """A regional REST API with one route for each of ENDPOINTS, answered by the alias of its function.

    `functions` are by the names that ENDPOINTS knows them by. Agents' routes ask for a SigV4 signature; LiveKit's and
    the earlier clients' requests prove themselves to the function. A route answers `requests_per_second`, and twice as
    many for a moment.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        functions: Mapping[str, PythonFunction],
        logs_key: aws_kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        # An agent sends about one a second at most, and guests come in waves.
        self.requests_per_second = 50 + 5 * stage.fleet.calls_at_once
        self.log_group = CallLogs(self, "AccessLogs", stage=stage, key=logs_key)
        self.rest_api = aws_apigateway.RestApi(
            self,
            "RestApi",
            # No key, but the name under which CloudWatch counts, in an account that may hold two stages.
            rest_api_name=stage.full_name,
            endpoint_types=[aws_apigateway.EndpointType.REGIONAL],
            deploy_options=aws_apigateway.StageOptions(
                stage_name=API_STAGE,
                access_log_destination=aws_apigateway.LogGroupLogDestination(self.log_group),
                access_log_format=aws_apigateway.AccessLogFormat.custom(json.dumps(ACCESS_LINE)),
                logging_level=aws_apigateway.MethodLoggingLevel.OFF,
                throttling_rate_limit=self.requests_per_second,
                throttling_burst_limit=2 * self.requests_per_second,
                tracing_enabled=True,
            ),
            # The role by which API Gateway writes logs is one for all APIs of an account and region, so the last one
            # that was set must outlive the stage that set it.
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=RemovalPolicy.RETAIN,
        )
        self.rest_api.node.try_remove_child("Endpoint")  # An output; the stack has its own.
        self._answer_errors()
        self._validator = self.rest_api.add_request_validator(
            "Validator", validate_request_body=True, validate_request_parameters=True
        )
        self._object = self.rest_api.add_model(
            "Object",
            content_type="application/json",
            schema=aws_apigateway.JsonSchema(type=aws_apigateway.JsonSchemaType.OBJECT),
        )
        self.methods = {endpoint: self._route(endpoint, functions[endpoint.function]) for endpoint in ENDPOINTS}
        self._acknowledge()

    @property
    def url(self) -> str:
        """Where the API is, with its stage and a slash at the end."""
        return self.rest_api.url

    @property
    def webhook_url(self) -> str:
        """The address that LiveKit sends its events to."""
        return self.rest_api.deployment_stage.url_for_path(WEBHOOK)

    def grant_agent(self, agent: aws_iam.IGrantable) -> None:
        """Let it call the agents' routes of this stage of the API, and no other."""
        for endpoint, method in self.methods.items():
            if endpoint.caller is Caller.AGENT:
                method.grant_execute(agent)

    def _route(self, endpoint: Endpoint, function: PythonFunction) -> aws_apigateway.Method:
        by_agent = endpoint.caller is Caller.AGENT
        needed = {Caller.AGENT: EPOCH_HEADER, Caller.LIVEKIT: "Authorization"}.get(endpoint.caller)
        method = self.rest_api.root.resource_for_path(endpoint.path).add_method(
            endpoint.method,
            aws_apigateway.LambdaIntegration(function.alias, allow_test_invoke=False),
            authorization_type=aws_apigateway.AuthorizationType.IAM
            if by_agent
            else aws_apigateway.AuthorizationType.NONE,
            request_validator=self._validator,
            request_parameters={f"method.request.header.{needed}": True} if needed else None,
            request_models={ANY_TYPE: self._object} if endpoint.method in ("POST", "PUT") else None,
        )
        acknowledge(
            method,
            "AwsSolutions-COG4",
            "Nobody who calls is a person with an account: agents sign, partners prove themselves to the function.",
        )
        if not by_agent:
            acknowledge(
                method, "AwsSolutions-APIG4", "The function checks the signature over the body or the bearer token."
            )
        return method

    def _answer_errors(self) -> None:
        for type_, status, headers in (
            (aws_apigateway.ResponseType.DEFAULT_4_XX, None, None),
            (aws_apigateway.ResponseType.DEFAULT_5_XX, None, None),
            # LiveKit sends an event again after a 5xx and never after a 4xx.
            (aws_apigateway.ResponseType.THROTTLED, "503", {"Retry-After": "'1'"}),
        ):
            self.rest_api.add_gateway_response(
                type_.response_type,
                type=type_,
                status_code=status,
                response_headers=headers,
                templates={"application/json": ERROR_BODY},
            )

    def _acknowledge(self) -> None:
        acknowledge(
            self.rest_api.deployment_stage,
            "AwsSolutions-APIG6",
            "Execution logs hold what guests said, as it comes; access logs, traces and the functions' lines do not.",
        )
        acknowledge(
            self.rest_api,
            f"AwsSolutions-IAM4[Policy::{LOGS_POLICY}]",
            "API Gateway asks for this policy in the role that writes the logs of all APIs of an account.",
        )
