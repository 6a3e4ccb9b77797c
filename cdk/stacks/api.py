"""The HTTP API and its functions: what agents, LiveKit and clients of the earlier orchestrator ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aws_cdk import CfnOutput, Stack, aws_iam, aws_secretsmanager
from constructs import Construct

from cdk.stacks.data import DataStack
from cdk.stages import Stage
from cdk.units.function import PythonFunction
from cdk.units.function_code import FunctionCode
from cdk.units.grants import let_use_table
from cdk.units.http_api import HttpApi
from cdk.units.livekit_setup import LiveKitSetup
from cdk.units.secret_age import SecretAge
from cdk.units.web_acl import WebAcl
from cdk.units.wish_settler import WishSettler
from lambdas.calls.settings import CallsSettings
from lambdas.livekit_webhook.settings import WebhookSettings
from lambdas.pms.settings import PmsSettings
from lambdas.shared.domain.hotel import Hotel, Hotels
from lambdas.tts_router.settings import TtsRouterSettings
from lambdas.wish_settler.settings import WishSettlerSettings

PMS_SECONDS: Final = 25
"""Less than the API waits, 29 s, and more than a booking takes: its price asked again, the write, a look at what became
of it (https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-execution-service-limits-table.html)."""

KEYS_OF_SYSTEMS: Final = ("BREAKER#pms#*", "BUDGET#pms#*")
"""Of the breaker and the budget of a hotel's system, which the demo's has not."""


def renewed_secrets(stage: Stage, hotels: Iterable[Hotel]) -> tuple[str, ...]:
    """The secrets that grow old: all but the key of the guests' hashes, which is changed on purpose only."""
    by_password = () if stage.operator.sip_addresses else ("sip",)
    by_key = (
        *(("speech",) if stage.speech_secret else ()),
        *(("azure-speech",) if stage.azure_speech_secret else ()),
    )
    systems = (f"pms/{hotel.name}" for hotel in hotels if hotel.signs_in)
    return ("livekit", "llm", *by_key, "ngc", *by_password, "legacy-token", *systems)


class ApiStack(Stack):
    """The functions, the routes that lead to them, and what is turned away before."""

    def __init__(
        self, scope: Construct, id: str, *, stage: Stage, hotels: Hotels, data: DataStack, **kwargs: Any
    ) -> None:
        super().__init__(scope, id, **kwargs)
        code = FunctionCode(self, "Code")
        common: dict[str, Any] = {"stage": stage, "code": code, "logs_key": data.log_key, "timeout_s": 10}
        tables = {"calls_table": data.calls.table_name, "leases_table": data.leases.table_name}

        calls = PythonFunction(
            self,
            "Calls",
            folder="calls",
            settings=CallsSettings(**tables, legacy_token_secret=stage.secret("legacy-token")),
            memory_mb=1024,
            snap_start=True,
            **common,
        )
        let_use_table(calls.function, data.calls, "GetItem", "Query", "PutItem")
        let_use_table(calls.function, data.leases, "UpdateItem")
        data.legacy_token.grant_read(calls.function)

        webhook = PythonFunction(
            self,
            "LiveKitWebhook",
            folder="livekit_webhook",
            settings=WebhookSettings(
                calls_table=data.calls.table_name,
                livekit_secret=stage.secret("livekit"),
                guest_key_secret=stage.secret("guest-key"),
            ),
            **common,
        )
        let_use_table(webhook.function, data.calls, "GetItem", "Query", "PutItem")
        data.guest_key.grant_read(webhook.function)
        aws_secretsmanager.Secret.from_secret_name_v2(self, "LiveKitKey", stage.secret("livekit")).grant_read(
            webhook.function
        )

        systems = {**tables, "pms_secrets": stage.secret("pms")}
        pms = PythonFunction(
            self,
            "Pms",
            folder="pms",
            settings=PmsSettings(**systems),
            memory_mb=1024,
            snap_start=True,
            **{**common, "timeout_s": PMS_SECONDS},
        )
        settler = WishSettler(
            self,
            "WishSettler",
            stage=stage,
            settings=WishSettlerSettings(**systems),
            code=code,
            logs_key=data.log_key,
        )
        for one in (pms, settler.function):
            let_use_table(one.function, data.calls, "GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem")
            if any(hotel.signs_in for hotel in hotels):
                let_use_table(one.function, data.leases, "GetItem", "PutItem", "UpdateItem", keys=KEYS_OF_SYSTEMS)
        # Who holds a call is read, and never changed.
        let_use_table(pms.function, data.leases, "GetItem", "ConditionCheckItem")
        for hotel in hotels:
            if hotel.signs_in:
                secret = aws_secretsmanager.Secret.from_secret_name_v2(
                    self, f"KeyOf-{hotel.name}", stage.secret(f"pms/{hotel.name}")
                )
                secret.grant_read(pms.function)
                secret.grant_read(settler.function.function)

        router = PythonFunction(
            self,
            "TtsRouter",
            folder="tts_router",
            settings=TtsRouterSettings(speech_engines=stage.speech_engines),
            snap_start=True,
            **common,
        )

        setup = LiveKitSetup(self, "LiveKitSetup", stage=stage, hotels=hotels, code=code, logs_key=data.log_key)
        self.renewed_secrets = renewed_secrets(stage, hotels)
        age = SecretAge(
            self,
            "SecretAge",
            stage=stage,
            names=[stage.secret(name) for name in self.renewed_secrets],
            code=code,
            logs_key=data.log_key,
        )

        self.functions: Mapping[str, PythonFunction] = {
            function.folder: function
            for function in (calls, webhook, pms, router, setup.function, age.function, settler.function)
        }
        self.http_api = HttpApi(self, "HttpApi", stage=stage, functions=self.functions, logs_key=data.log_key)
        self.rest_api = self.http_api.rest_api
        self.url = self.http_api.url
        self.web_acl = WebAcl(self, "WebAcl", stage=stage, api=self.http_api)

        CfnOutput(self, "ApiUrl", value=self.url, description="Where the API is")
        CfnOutput(
            self,
            "WebhookUrl",
            value=self.http_api.webhook_url,
            description=f"For LiveKit's project settings, Webhooks, with the key of {stage.secret('livekit')}",
        )

    def grant_agent(self, agent: aws_iam.IGrantable) -> None:
        """Let it call the agents' routes and no other."""
        self.http_api.grant_agent(agent)
