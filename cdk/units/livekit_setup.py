"""LiveKit's side of the hotels' phones: a SIP trunk and a dispatch rule for each, made by a function of ours."""

from __future__ import annotations

from typing import Any, Final, cast

from aws_cdk import CfnOutput, CfnResource, CustomResource, Duration, aws_kms, aws_secretsmanager
from constructs import Construct

from agent.settings import AgentSettings
from cdk.stages import Stage
from cdk.units.function import PythonFunction
from cdk.units.function_code import FunctionCode
from cdk.units.kept import kept
from lambdas.livekit_setup.settings import LiveKitSetupSettings, Telephony
from lambdas.shared.domain.hotel import Hotels

ANSWER_WITHIN_SECONDS: Final = 120
"""The function's time; what it asks LiveKit for takes 90 seconds at most, and then it still answers."""
GOODBYE_SECONDS: Final = 120
"""How much later than the agent LiveKit ends a call, so that the guest hears the agent's goodbye."""
LONGEST_CALL_SECONDS: Final = int(AgentSettings.model_fields["longest_call_seconds"].default) + GOODBYE_SECONDS


class LiveKitSetup(Construct):
    """A stage's telephony at LiveKit, as `hotels` and the stage's operator say.

    The resource keeps one id for ever, so no change is a replacement, at whose end CloudFormation would delete the
    trunks that take calls. Where the stage retains, they also outlive the resource and the stack. The output
    `LinesWithoutHotel` names those that are kept though their hotel's folder is gone.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        stage: Stage,
        hotels: Hotels,
        code: FunctionCode,
        logs_key: aws_kms.IKey,
    ) -> None:
        super().__init__(scope, id)
        self.function = PythonFunction(
            self,
            "Function",
            stage=stage,
            folder="livekit_setup",
            code=code,
            settings=LiveKitSetupSettings(
                stage=stage.name,
                retain=stage.retain,
                livekit_secret=stage.secret("livekit"),
                sip_secret=stage.secret("sip"),
            ),
            logs_key=logs_key,
            timeout_s=ANSWER_WITHIN_SECONDS,
            asynchronous=True,
        )
        for name in ("livekit",) if stage.operator.sip_addresses else ("livekit", "sip"):
            secret = aws_secretsmanager.Secret.from_secret_name_v2(self, name, stage.secret(name))
            secret.grant_read(self.function.function)
        # A request is carried out once: a second time, later, it could undo what CloudFormation asked for since.
        self.function.alias.configure_async_invoke(
            retry_attempts=0, max_event_age=Duration.seconds(ANSWER_WITHIN_SECONDS)
        )
        self.telephony = CustomResource(
            self,
            "Telephony",
            resource_type="Custom::Telephony",
            service_token=self.function.alias.function_arn,
            service_timeout=Duration.seconds(2 * ANSWER_WITHIN_SECONDS),
            properties=self._properties(stage, hotels),
            removal_policy=kept(stage),
        )
        self.telephony.node.add_dependency(self.function)
        # Under another id it would be another resource, and the old one's trunks would be deleted.
        cast("CfnResource", self.telephony.node.default_child).override_logical_id("Telephony")
        CfnOutput(
            self,
            "LinesWithoutHotel",
            value=self.telephony.get_att_string("WithoutHotel"),
            description="SIP trunks at LiveKit to be deleted by hand when nobody calls them any more",
        ).override_logical_id("LinesWithoutHotel")

    def _properties(self, stage: Stage, hotels: Hotels) -> dict[str, Any]:
        # New code may want other trunks, and a new password must reach LiveKit.
        revision = (self.function.function.current_version.version, stage.operator.sip_changed)
        telephony = Telephony.of(
            hotels,
            livekit_url=stage.livekit_url,
            allowed_addresses=stage.operator.sip_addresses or (),
            longest_call_seconds=LONGEST_CALL_SECONDS,
            revision=" ".join(filter(None, revision)),
        )
        return telephony.to_properties()
